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

struct engine;

/* Loads it, handler off. Ends the program with a sentence where it cannot. */
struct engine *attach_open(void);
void attach_close(struct engine *engine);
void attach_switch(struct engine *engine, bool on);
/* Watches all threads of a process under limits that nothing here reaches. */
void attach_watch(struct engine *engine, pid_t pid);
void attach_unwatch(struct engine *engine, pid_t pid);
/* ns a run that the kernel counted in the switch handler while it kept statistics. */
int attach_program_fd(struct engine *engine);

/* An empty program on sched_switch; close(2) takes it off. */
int attach_empty(int *ret_program_fd);
/* Programs on sched_switch, anybody's, that were attached by BPF links. */
int attach_count(void);

#endif
