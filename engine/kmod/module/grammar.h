/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of a line written to /proc/maze/entries:
 *
 *	PID SOFT_MS HARD_MS SOFT_SIG HARD_SIG [WORD...]	watch, or replace a policy
 *	-PID [thread] [start=N] [tag=N] [claim=MASK]	end the watch
 *	-tag=N [claim=MASK]				end every watch with that tag
 *	-all						end every watch
 *
 * WORD is one of:
 *	no-inherit, yield-counts, shadow, quiet, warn, to-process: MAZE_POLICY_*; without
 *		warn the soft signal is sent as it is, as in 2008
 *	owner=UID	MAZE_POLICY_OWNED
 *	claim=MASK	replace only watches whose tag agrees with this one in these bits, and
 *			keep the count of one that has the same policy and tag; 0 (default): all
 *	thread		PID is a thread ID; watch only that thread
 *	recovery=N	as in struct maze_policy; default MAZE_RECOVERY_INF
 *	tag=N
 *	start=N		-ESRCH unless the process started then (field 22 of /proc/PID/stat):
 *			protects against a reused PID
 *
 * Numbers are unsigned and decimal. # begins a comment; a line without words is ignored.
 *
 * No allocation, no kernel function: also compiled into tests and a fuzzer.
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
};

struct grammar_order {
	struct maze_policy policy;
	maze_u64 tag;
	maze_u64 mask;	      /* claim= */
	maze_u64 start_ticks; /* 0: any */
	maze_u32 pid;
	maze_u32 thread; /* 1: only that thread */
	enum grammar_kind kind;
};

/* Longer lines are malformed, because the longest valid line has less than 230 characters. */
#define GRAMMAR_LINE_MAX 256

/* Parses a line without its newline. Returns 0 if it is malformed or out of range, else 1. */
int grammar_parse(const char *line, maze_u64 len, struct grammar_order *ret_order);

#endif
