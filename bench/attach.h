/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bpf engine of this process, whose handler of context switches can be attached and
 * detached. Loading the engine takes half a second, attaching takes some ms, and a
 * comparison needs measurements that are close together in time.
 */
#ifndef MAZE_BENCH_ATTACH_H
#define MAZE_BENCH_ATTACH_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/types.h"

struct engine;
struct maze_policy;

/*
 * Loads the engine with the handler detached; on failure it ends the program with a
 * message.
 */
struct engine *attach_open(void);
void attach_close(struct engine *engine);
void attach_switch(struct engine *engine, bool on);
/* The handlers of forks and exits, which attach_open() leaves attached. */
void attach_lives(struct engine *engine, bool on);
/*
 * Attaches the probe of yields, as for a task that needs it. Returns the name of the
 * probe's program; NULL: on this kernel no such probe can be attached and detached.
 */
const char *attach_yield_probe(struct engine *engine, bool on);
/* Watches all threads of a process; nothing in the benchmarks reaches the limits. */
void attach_watch(struct engine *engine, pid_t pid);
/* The same under another policy. */
void attach_watch_with(struct engine *engine, pid_t pid, const struct maze_policy *policy);
/* The same; false when the process has ended. */
bool attach_try_watch(struct engine *engine, pid_t pid);
/* Does nothing when the process has ended. */
void attach_unwatch(struct engine *engine, pid_t pid);
/* The switch handler's program, to read the kernel's statistics of it. */
int attach_program_fd(struct engine *engine);

/* An empty program on sched_switch; close(2) detaches it. */
int attach_empty(int *ret_program_fd);
/* The number of programs on sched_switch, of all users, attached by BPF links. */
int attach_count(void);

#endif
