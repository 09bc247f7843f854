/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a regular expression is compiled to: a program of steps, each of which takes
 * one byte, looks at where it is, or goes on elsewhere. Jumps are relative, so that
 * a part of a program can be moved and copied as it is. Shared by the two halves of
 * pattern.h: pattern.c compiles, pattern_search.c runs.
 */
#ifndef MAZE_DAEMON_PATTERN_PROGRAM_H
#define MAZE_DAEMON_PATTERN_PROGRAM_H

#include "../../../lib/maze.h"

/*
 * Steps and sets. A search of 4096 bytes takes some tens of milliseconds at the very
 * worst then; a real expression has some dozens of steps, and a set or two.
 */
#define PATTERN_STEPS_MAX 1024
#define PATTERN_SETS_MAX 32

enum step_kind {
	STEP_BYTE,  /* takes the byte `value` */
	STEP_ANY,   /* takes any byte */
	STEP_SET,   /* takes a byte of set number `value` */
	STEP_SPLIT, /* goes on with the next step, and with the one `value` further */
	STEP_JUMP,  /* goes on with the step `value` further */
	STEP_BEGIN, /* goes on at the beginning of the text only */
	STEP_END,   /* at its end only */
	STEP_MATCH,
};

struct pattern_step {
	enum step_kind kind;
	int value;
};

/* A set of steps that can be emptied at once: `list` has them, `place` where. */
struct pattern_threads {
	unsigned int count;
	unsigned int *list;
	unsigned int *place;
};

/* The numbers of steps that a search needs room for: two sets and a stack. */
#define PATTERN_SCRATCH_PER_STEP 5

struct pattern {
	struct pattern_step *steps;
	unsigned int count;
	maze_u32 sets[PATTERN_SETS_MAX][8]; /* a bit for each byte */
	unsigned int set_count;
	/* Of the search under way; zeroed once, so that no sanitizer need look away. */
	unsigned int *scratch;
};

#endif
