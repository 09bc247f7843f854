/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bpf engine of this process, with its handler of context switches taken off and
 * put back at will: to load the engine takes half a second, to attach it some ms, and
 * what is to be compared must lie close together in time.
 */
#ifndef MAZE_BENCH_ATTACH_H
#define MAZE_BENCH_ATTACH_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/types.h"

struct engine;

/* Loads it, handler off. Ends the program with a sentence where it cannot. */
struct engine *attach_open(void);
void attach_close(struct engine *engine);
void attach_switch(struct engine *engine, bool on);
/* Those of forks and exits, which attach_open() leaves on. */
void attach_lives(struct engine *engine, bool on);
/*
 * The probe of yields, as while somebody is near a limit. Says how it is made: its
 * program's name; NULL: this kernel has none that goes on and off.
 */
const char *attach_yield_probe(struct engine *engine, bool on);
/* Watches all threads of a process under limits that nothing here reaches. */
void attach_watch(struct engine *engine, pid_t pid);
/* The same with a recovery that is not the default: MAZE_RECOVERY_*. */
void attach_watch_recovery(struct engine *engine, pid_t pid, maze_u32 recovery);
/* The same; false when the process has ended. */
bool attach_try_watch(struct engine *engine, pid_t pid);
/* Nothing when it has ended. */
void attach_unwatch(struct engine *engine, pid_t pid);
/* Of the switch handler, to read what the kernel counts of it. */
int attach_program_fd(struct engine *engine);

/* An empty program on sched_switch; close(2) takes it off. */
int attach_empty(int *ret_program_fd);
/* Programs on sched_switch, anybody's, that were attached by BPF links. */
int attach_count(void);

#endif
