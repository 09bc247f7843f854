/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of what is written to /proc/maze/entries, line by line:
 *
 *	PID SOFT_MS HARD_MS SOFT_SIG HARD_SIG [WORD...]	watch, or replace a policy
 *	-PID [thread] [start=N] [tag=N] [claim=MASK]	end the watch
 *	-tag=N [claim=MASK]				end every watch with that tag
 *	-all						end every watch
 *
 * WORD: no-inherit, yield-counts, shadow, quiet, warn (MAZE_POLICY_WARN; without it the
 * soft signal is sent as it is, as in 2008), to-process (MAZE_POLICY_TO_PROCESS), owner=UID
 * (MAZE_POLICY_OWNED), claim=MASK (only watches whose tag agrees with this one in these
 * bits are touched, and one that has this very policy and tag goes on counting; 0, the
 * default: all), thread (PID is that of one thread, and only that is meant), recovery=N (as
 * in struct maze_policy; MAZE_RECOVERY_INF without it), tag=N, start=N (only if the process
 * began then, in clock ticks since boot as in field 22 of /proc/PID/stat: a number that is
 * another process's by now then has no effect). Numbers are unsigned and decimal.
 * What follows a # is comment; a line without words means nothing.
 *
 * Pure: no memory, no kernel; also compiled into tests and a fuzzer.
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
	maze_u64 mask;	      /* see claim= */
	maze_u64 start_ticks; /* 0: any */
	maze_u32 pid;
	maze_u32 thread; /* 1: only that thread */
	enum grammar_kind kind;
};

/* Longer lines are malformed: the longest meaningful one has less than 230 characters. */
#define GRAMMAR_LINE_MAX 256

/* Parses one line of `len` characters, without its newline. 1: good, 0: malformed or out of range. */
int grammar_parse(const char *line, maze_u64 len, struct grammar_order *ret_order);

#endif
