/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sandbox of a process that reads untrusted data: it can use its open descriptors and
 * its memory, and exit.
 */
#ifndef MAZE_EVIDENCE_SANDBOX_H
#define MAZE_EVIDENCE_SANDBOX_H

#include <stddef.h>

/*
 * For a process that was just forked and has one thread. Closes all descriptors except
 * those in `keep`, which it sorts; -1 is allowed. 0, or -errno: then the process must
 * exit.
 */
int sandbox_enter(int *keep, size_t count);
/*
 * The first half of it: an own name, blocked signals, no shared memory, no other
 * descriptors, and SIGKILL when the parent ends. Privileges stay, and files can be
 * opened.
 */
int sandbox_separate(const char *name, int *keep, size_t count);

#endif
