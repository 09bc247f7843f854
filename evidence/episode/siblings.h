/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Samples the other threads of a process that run while its runaway thread runs. Often
 * several threads loop at once, and each explains the others.
 */
#ifndef MAZE_EVIDENCE_SIBLINGS_H
#define MAZE_EVIDENCE_SIBLINGS_H

#include "episode.h"

/* A thread runs if it has a CPU, or waits for one, for at least this part of the time. */
#define SIBLING_RUNS 10

/* Whether a thread that had these times at the begin and the end of `wall_ns` runs. */
bool sibling_runs(const struct thread_times *from, const struct thread_times *to, maze_u64 wall_ns);

/*
 * Begins to sample the running threads of `live`, those with the most CPU time first.
 * siblings_step() ends it after 200 ms. With `crowded` it only notes that there are some.
 * Returns the number of sampled threads.
 */
size_t siblings_begin(struct episode *episode, bool crowded);
/*
 * Begins to sample a thread: after each `interval_ns` of its CPU time, but on average not
 * more often than after each `pause_ns`.
 */
void siblings_add(struct episode *episode, pid_t tid, maze_u64 interval_ns, maze_u64 pause_ns);
/* Takes the samples that have come, and ends it when it is time. True: it goes on. */
bool siblings_step(struct episode *episode);
void siblings_take(struct episode *episode);
/* Takes the last samples, and drops the threads that do not run. */
void siblings_end(struct episode *episode);

#endif
