/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compiles regular expressions (pattern.h) by recursive descent. Each part of the
 * expression becomes a part of the program that is entered at its first step and
 * left behind its last; a repetition puts steps around it, or copies it. Every part
 * has at least one step, so the bound on steps bounds the time, too.
 */
#include "pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../../base/error.h"
#include "pattern_program.h"
#include "pattern_set.h"

/* Of groups in groups: a stack frame each, and more than anybody can read. */
#define DEPTH_MAX 64
/* RE_DUP_MAX of POSIX, the highest bound that every implementation takes. */
#define REPEAT_MAX 255

struct compiling {
	struct pattern *pattern;
	const char *at;
	unsigned int depth;
	struct maze_error *error;
};

static int add(struct compiling *compiling, enum step_kind kind, int value)
{
	struct pattern *pattern = compiling->pattern;

	/* One is kept for the match. */
	if (pattern->count >= PATTERN_STEPS_MAX - 1)
		return maze_fail(
			compiling->error, -EINVAL,
			"the expression is too long: written out, with its repetitions, it "
			"has more than %d steps",
			PATTERN_STEPS_MAX);
	pattern->steps[pattern->count++] = (struct pattern_step){ kind, value };
	return 0;
}

/* Adds a step in front of the part that begins at `start` and is the last one. */
static int add_before(struct compiling *compiling, unsigned int start, enum step_kind kind,
		      int value)
{
	struct pattern *pattern = compiling->pattern;
	struct pattern_step *steps = pattern->steps + start;
	int err = add(compiling, kind, value);

	if (err)
		return err;
	memmove(steps + 1, steps, (pattern->count - 1 - start) * sizeof(*steps));
	*steps = (struct pattern_step){ kind, value };
	return 0;
}

/* ---- repetitions -------------------------------------------------------------------- */

#define NO_BOUND (-1)

static int make_optional(struct compiling *compiling, unsigned int start)
{
	int length = (int)(compiling->pattern->count - start);

	return add_before(compiling, start, STEP_SPLIT, length + 1);
}

/* Any number of times, at least once. */
static int make_loop(struct compiling *compiling, unsigned int start)
{
	return add(compiling, STEP_SPLIT, -(int)(compiling->pattern->count - start));
}

/* Adds a copy of the part of `length` steps at `start`. */
static int copy_part(struct compiling *compiling, unsigned int start, unsigned int length)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < length; i++)
		err = add(compiling, compiling->pattern->steps[start + i].kind,
			  compiling->pattern->steps[start + i].value);
	return err;
}

/* The last part, at `start`, from min to max times; max is not 0. */
static int repeat(struct compiling *compiling, unsigned int start, int min, int max)
{
	unsigned int length = compiling->pattern->count - start, last = start;
	int i, err = 0, copies = max == NO_BOUND ? (min ? min : 1) : max;

	/* Later ones first become optional, so that what is copied stays as it was. */
	for (i = 1; !err && i < copies; i++) {
		last = compiling->pattern->count;
		err = copy_part(compiling, start, length);
		if (!err && i >= min)
			err = make_optional(compiling, last);
	}
	if (!err && max == NO_BOUND)
		err = make_loop(compiling, last);
	/* All of it: where the first may be left out, so may the rest. */
	if (!err && !min)
		err = make_optional(compiling, start);
	return err;
}

static int parse_bound(struct compiling *compiling, int *ret_bound)
{
	int bound = 0;
	const char *begin = compiling->at;

	for (; *compiling->at >= '0' && *compiling->at <= '9' && bound <= REPEAT_MAX;
	     compiling->at++)
		bound = bound * 10 + (*compiling->at - '0');
	if (compiling->at == begin || bound > REPEAT_MAX)
		return maze_fail(compiling->error, -EINVAL,
				 "{ begins a repetition: {2}, {2,} or {2,5}, up to %d; write \\{ "
				 "for the character",
				 REPEAT_MAX);
	*ret_bound = bound;
	return 0;
}

static int parse_interval(struct compiling *compiling, int *ret_min, int *ret_max)
{
	int min = 0, max = 0, err;

	compiling->at++;
	err = parse_bound(compiling, &min);
	if (err)
		return err;
	max = min;
	if (*compiling->at == ',') {
		compiling->at++;
		max = NO_BOUND;
		if (*compiling->at != '}')
			err = parse_bound(compiling, &max);
	}
	if (err)
		return err;
	if (*compiling->at != '}' || !max || (max != NO_BOUND && max < min))
		return maze_fail(compiling->error, -EINVAL,
				 "the repetition {} is not closed, or its second number is 0 or "
				 "below the first");
	compiling->at++;
	*ret_min = min;
	*ret_max = max;
	return 0;
}

static bool is_repetition(char c)
{
	return c && strchr("*+?{", c);
}

static int parse_repetition(struct compiling *compiling, unsigned int start)
{
	int min = 0, max = NO_BOUND, err = 0;
	char c = *compiling->at;

	if (!is_repetition(c))
		return 0;
	if (c == '{') {
		err = parse_interval(compiling, &min, &max);
	} else {
		compiling->at++;
		min = c == '+';
		max = c == '?' ? 1 : NO_BOUND;
	}
	if (err)
		return err;
	if (is_repetition(*compiling->at))
		return maze_fail(
			compiling->error, -EINVAL,
			"a repetition is repeated at %.16s; put () around the first, or \\ "
			"before a character that is meant",
			compiling->at);
	return repeat(compiling, start, min, max);
}

/* ---- parts ------------------------------------------------------------------------------ */

static int parse_alternatives(struct compiling *compiling);

static int parse_group(struct compiling *compiling)
{
	int err;

	if (compiling->depth == DEPTH_MAX)
		return maze_fail(compiling->error, -EINVAL,
				 "there are more than %d ( in each other", DEPTH_MAX);
	compiling->at++;
	compiling->depth++;
	err = parse_alternatives(compiling);
	compiling->depth--;
	if (err)
		return err;
	if (*compiling->at != ')')
		return maze_fail(compiling->error, -EINVAL,
				 "a ( is not closed; write \\( for the character");
	compiling->at++;
	return 0;
}

static int parse_set(struct compiling *compiling)
{
	struct pattern *pattern = compiling->pattern;
	int err;

	if (pattern->set_count == PATTERN_SETS_MAX)
		return maze_fail(compiling->error, -EINVAL, "there are more than %d sets []",
				 PATTERN_SETS_MAX);
	err = pattern_set_parse(&compiling->at, pattern->sets[pattern->set_count],
				compiling->error);
	if (err)
		return err;
	return add(compiling, STEP_SET, (int)pattern->set_count++);
}

static int parse_escape(struct compiling *compiling)
{
	char c = compiling->at[1];

	if (!c)
		return maze_fail(compiling->error, -EINVAL,
				 "it ends in a \\ with nothing to stand for; write \\\\ for the "
				 "character");
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return maze_fail(compiling->error, -EINVAL,
				 "\\ stands before a character that would mean something else "
				 "without it; there is no \\%c (a class is written [[:space:]])",
				 c);
	compiling->at += 2;
	return add(compiling, STEP_BYTE, (unsigned char)c);
}

static int parse_part(struct compiling *compiling)
{
	char c = *compiling->at;

	if (c == '(')
		return parse_group(compiling);
	if (c == '[')
		return parse_set(compiling);
	if (c == '\\')
		return parse_escape(compiling);
	if (is_repetition(c))
		return maze_fail(compiling->error, -EINVAL,
				 "there is nothing for the %c to repeat; write \\%c for the "
				 "character",
				 c, c);
	compiling->at++;
	if (c == '.')
		return add(compiling, STEP_ANY, 0);
	if (c != '^' && c != '$')
		return add(compiling, STEP_BYTE, (unsigned char)c);
	if (is_repetition(*compiling->at))
		return maze_fail(compiling->error, -EINVAL,
				 "a %c cannot be repeated; write \\%c for the character", c, c);
	return add(compiling, c == '^' ? STEP_BEGIN : STEP_END, 0);
}

static bool ends_alternative(const struct compiling *compiling)
{
	char c = *compiling->at;

	/* Outside of a group, ) is refused where the parsing ends. */
	return !c || c == '|' || c == ')';
}

static int parse_alternative(struct compiling *compiling)
{
	unsigned int start;
	int err = 0;

	if (ends_alternative(compiling))
		return maze_fail(compiling->error, -EINVAL,
				 "an alternative, or a group, is empty; write (...)? for what may "
				 "be missing");
	while (!err && !ends_alternative(compiling)) {
		start = compiling->pattern->count;
		err = parse_part(compiling);
		if (!err)
			err = parse_repetition(compiling, start);
	}
	return err;
}

/*
 * Each alternative but the last has a split in front, to the next one, and a jump
 * behind it, to the end. Until the end is known, a jump's value says how far back
 * the jump before it is; 0: it is the first.
 */
static int parse_alternatives(struct compiling *compiling)
{
	struct pattern *pattern = compiling->pattern;
	unsigned int start, jump = 0, before;
	bool has_jump = false;
	int err;

	for (;;) {
		start = pattern->count;
		err = parse_alternative(compiling);
		if (err || *compiling->at != '|')
			break;
		compiling->at++;
		err = add_before(compiling, start, STEP_SPLIT, (int)(pattern->count - start) + 2);
		if (err)
			break;
		err = add(compiling, STEP_JUMP, has_jump ? (int)(pattern->count - jump) : 0);
		if (err)
			break;
		jump = pattern->count - 1;
		has_jump = true;
	}
	while (!err && has_jump) {
		before = (unsigned int)pattern->steps[jump].value;
		pattern->steps[jump].value = (int)(pattern->count - jump);
		has_jump = before;
		jump -= before;
	}
	return err;
}

/* ---- the whole ------------------------------------------------------------------------------ */

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	free(pattern->steps);
	free(pattern->scratch);
	free(pattern);
}

static int compile(struct compiling *compiling)
{
	struct pattern *pattern = compiling->pattern;
	struct pattern_step *fitting;
	int err = parse_alternatives(compiling);

	if (err)
		return err;
	if (*compiling->at)
		return maze_fail(compiling->error, -EINVAL,
				 "there is a ) without its (; write \\) for the character");
	pattern->steps[pattern->count++] = (struct pattern_step){ STEP_MATCH, 0 };
	/* Rules are kept for long, and most expressions are short. */
	fitting = realloc(pattern->steps, pattern->count * sizeof(*fitting));
	if (fitting)
		pattern->steps = fitting;
	pattern->scratch =
		calloc((size_t)pattern->count * PATTERN_SCRATCH_PER_STEP, sizeof(unsigned int));
	if (!pattern->scratch)
		return maze_fail(compiling->error, -ENOMEM, "out of memory");
	return 0;
}

int pattern_compile(const char *text, struct pattern **ret_pattern, struct maze_error *error)
{
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	struct compiling compiling = { .pattern = pattern, .at = text, .error = error };
	int err;

	if (!pattern)
		return maze_fail(error, -ENOMEM, "out of memory");
	pattern->steps = malloc(PATTERN_STEPS_MAX * sizeof(*pattern->steps));
	if (!pattern->steps)
		err = maze_fail(error, -ENOMEM, "out of memory");
	else
		err = compile(&compiling);
	if (err) {
		pattern_free(pattern);
		return err;
	}
	*ret_pattern = pattern;
	return 0;
}
