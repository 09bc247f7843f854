/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that reads what others have written gives up all that it does not need: it may
 * use the descriptors and the memory that it has, and end.
 */
#ifndef MAZE_EVIDENCE_SANDBOX_H
#define MAZE_EVIDENCE_SANDBOX_H

#include <stddef.h>

/*
 * For a process that was just forked, and has one thread. Closes all descriptors but those
 * of `keep` (sorted here, -1 passed over), and standard error. 0 or -errno: then it must
 * not go on.
 */
int sandbox_enter(int *keep, size_t count);
/*
 * The first half of that: its own name, blocked signals, no shared memory and no other
 * descriptors; it keeps its privileges and may open files. It is killed when its parent ends.
 */
int sandbox_separate(const char *name, int *keep, size_t count);

#endif
