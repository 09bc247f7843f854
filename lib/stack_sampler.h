/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes stacks of a thread with a perf event (perf_event_open(2)), with any engine. The
 * kernel takes them while the thread runs. It is not a part of the public API.
 */
#ifndef MAZE_LIB_STACK_SAMPLER_H
#define MAZE_LIB_STACK_SAMPLER_H

#include <stdbool.h>
#include <sys/types.h>

#include "../base/maze_error.h"
#include "../core/stack.h"

struct stack_sampler;

/*
 * Takes a stack after each `interval_ns` of the thread's CPU time from now on. A stack has
 * kernel frames only if this process may see them. The caller checks afterwards that `tid`
 * is still the thread that it means. Locks 36 KiB of memory. -ESRCH: there is no such
 * thread. -EACCES, -EPERM: kernel.perf_event_paranoid or the owner of the thread does not
 * permit it. -ENOBUFS: the user may not lock more memory.
 */
int stack_sampler_open(pid_t tid, maze_u64 interval_ns, struct stack_sampler **ret_sampler,
		       struct maze_error *error);
/* Polls readable when there may be a stack, and when the thread has ended. */
int stack_sampler_fd(const struct stack_sampler *sampler);
/*
 * Returns 1 and a stack, or 0 if there is none now. Of the members that are no frames, it
 * sets boot_ns, cpu, number, flags, and as count_ns the thread's CPU time since
 * stack_sampler_open(). Others are 0. Lost stacks have numbers too.
 */
int stack_sampler_next(struct stack_sampler *sampler, struct maze_stack *ret_stack);
/* Whether the thread has ended. The stacks that it left can still be read. */
bool stack_sampler_has_ended(const struct stack_sampler *sampler);
/* Whether stacks have kernel frames, and are also taken in the kernel. */
bool stack_sampler_sees_kernel(const struct stack_sampler *sampler);
/* The stacks that found no room. */
maze_u64 stack_sampler_lost(const struct stack_sampler *sampler);
/* Ignores NULL. */
void stack_sampler_close(struct stack_sampler *sampler);

#endif
