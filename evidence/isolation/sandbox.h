/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sandbox for a process that reads untrusted data. The process can only use its open
 * descriptors and its memory, and exit.
 */
#ifndef MAZE_EVIDENCE_SANDBOX_H
#define MAZE_EVIDENCE_SANDBOX_H

#include <stddef.h>

#include "../../core/types.h"

/*
 * Call it in a process that was just forked and has one thread. Closes all descriptors
 * except those in `keep`. It sorts `keep`, and ignores a -1 there. Returns 0 or -errno.
 * After an error the process must exit.
 */
int sandbox_enter(int *keep, size_t count);
/*
 * Does the first half of sandbox_enter(). It sets the name, blocks all signals, drops
 * shared memory and other descriptors, and requests SIGKILL at the parent's end. The
 * process keeps its privileges and can open files.
 */
int sandbox_separate(const char *name, int *keep, size_t count);
/*
 * After sandbox_separate(): drops all capabilities, and limits the CPU time to 10 s and the
 * private memory to `memory_max` bytes. The process keeps its user, and can open files.
 */
void sandbox_limit(maze_u64 memory_max);

#endif
