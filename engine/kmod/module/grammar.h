/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of a line written to /proc/maze/entries:
 *
 *	PID SOFT_MS HARD_MS SOFT_SIG HARD_SIG [WORD...]	watch, or replace a policy
 *	-PID [thread] [start=N] [tag=N] [claim=MASK]	end the watch
 *	-tag=N [claim=MASK]				end every watch with that tag in the bits of MASK;
 *							without MASK, forget its streaks too
 *	-all						end every watch, and forget all streaks
 *	allow tag=N max=N window=MS [tripped] [by-cgroup] [anew]
 *							set the allowance of a tag
 *							(core/allowance.h)
 *	-allow tag=N					remove it
 *
 * WORD is one of:
 *	no-inherit, yield-counts, shadow, quiet, warn, to-process, observe: MAZE_POLICY_*.
 *		Without warn, the soft signal is sent even if the process has no handler for
 *		it. With observe, both limits may be 0
 *	owner=UID	MAZE_POLICY_OWNED
 *	claim=MASK	replace only watches whose tag equals tag=N in these bits (0, the default:
 *			all), and keep the count of a watch with the same policy and tag
 *	thread		PID is a thread ID; watch only that thread
 *	recovery=N	as in struct maze_policy; default MAZE_RECOVERY_INF
 *	tag=N		tag of the watch
 *	start=N		fail with -ESRCH if the process did not start at N (field 22 of
 *			/proc/PID/stat), which means that the PID was reused
 *
 * Numbers are unsigned and decimal. # begins a comment. A line without words is ignored.
 *
 * The parser neither allocates nor calls the kernel, so it also compiles into tests and a
 * fuzzer in user space.
 */
#ifndef MAZE_KMOD_GRAMMAR_H
#define MAZE_KMOD_GRAMMAR_H

#include "../../../core/policy.h"

enum grammar_kind {
	GRAMMAR_NOTHING,
	GRAMMAR_WATCH,
	GRAMMAR_END,
	GRAMMAR_END_TAG,
	GRAMMAR_END_ALL,
	GRAMMAR_ALLOW,
	GRAMMAR_END_ALLOW,
};

struct grammar_order {
	struct maze_policy policy;
	maze_u64 tag;
	maze_u64 mask;	      /* claim= */
	maze_u64 start_ticks; /* 0: any */
	maze_u32 pid;
	maze_u32 thread; /* 1: only that thread */
	enum grammar_kind kind;
	/* Of GRAMMAR_ALLOW. Their ranges are not checked. */
	maze_u64 window_ns;
	maze_u32 max, tripped, by_cgroup, anew;
};

/* Longer lines are malformed, because the longest valid line has less than 230 characters. */
#define GRAMMAR_LINE_MAX 256

/* Parses a line without its newline. Returns 0 if it is malformed or out of range, else 1. */
int grammar_parse(const char *line, maze_u64 len, struct grammar_order *ret_order);

#endif
