/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the program of an expression over a text, all ways through it at once: after
 * each byte there is the set of steps that some way has come to, and a step is in it
 * once, however many ways lead there. Hence no way back, and the bound of pattern.h.
 */
#include "pattern.h"

#include <stddef.h>

#include "pattern_program.h"

static bool has(const struct pattern_threads *threads, unsigned int step)
{
	return threads->place[step] < threads->count && threads->list[threads->place[step]] == step;
}

static void put(struct pattern_threads *threads, unsigned int step)
{
	threads->place[step] = threads->count;
	threads->list[threads->count++] = step;
}

/*
 * Adds the step, and all that are come to from it without taking a byte; true if
 * one of them is the match. A step is put on the stack at most once, when it is added.
 */
static bool follow(const struct pattern *pattern, struct pattern_threads *threads,
		   unsigned int first, bool at_begin, bool at_end)
{
	unsigned int *stack = pattern->scratch + 4 * (size_t)pattern->count;
	const struct pattern_step *step;
	unsigned int depth = 0, at, targets[2], count, i;

	if (has(threads, first))
		return false;
	put(threads, first);
	stack[depth++] = first;
	while (depth) {
		at = stack[--depth];
		step = &pattern->steps[at];
		count = 0;
		if (step->kind == STEP_MATCH)
			return true;
		if (step->kind == STEP_SPLIT || (step->kind == STEP_BEGIN && at_begin) ||
		    (step->kind == STEP_END && at_end))
			targets[count++] = at + 1;
		if (step->kind == STEP_SPLIT || step->kind == STEP_JUMP)
			targets[count++] = (unsigned int)((int)at + step->value);
		for (i = 0; i < count; i++) {
			if (has(threads, targets[i]))
				continue;
			put(threads, targets[i]);
			stack[depth++] = targets[i];
		}
	}
	return false;
}

static bool takes(const struct pattern *pattern, const struct pattern_step *step,
		  unsigned char byte)
{
	switch (step->kind) {
	case STEP_BYTE:
		return step->value == byte;
	case STEP_ANY:
		return true;
	case STEP_SET:
		return pattern->sets[step->value][byte / 32] >> byte % 32 & 1;
	default:
		return false;
	}
}

bool pattern_matches(const struct pattern *pattern, const char *text)
{
	unsigned int *room = pattern->scratch;
	size_t count = pattern->count;
	struct pattern_threads a = { 0, room, room + count };
	struct pattern_threads b = { 0, room + 2 * count, room + 3 * count };
	struct pattern_threads *now = &a, *next = &b, *swap;
	const char *at = text;
	unsigned int i, step;

	for (;; at++) {
		/* A match may begin at every byte. */
		if (follow(pattern, now, 0, at == text, !*at))
			return true;
		if (!*at)
			return false;
		next->count = 0;
		for (i = 0; i < now->count; i++) {
			step = now->list[i];
			if (takes(pattern, &pattern->steps[step], (unsigned char)*at) &&
			    follow(pattern, next, step + 1, false, !at[1]))
				return true;
		}
		swap = now;
		now = next;
		next = swap;
	}
}
