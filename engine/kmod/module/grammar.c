// SPDX-License-Identifier: GPL-2.0-only
#include "grammar.h"

/* PID_MAX_LIMIT of the kernel. */
#define PID_LARGEST 4194304ULL

struct cursor {
	const char *at, *end;
};

struct word {
	const char *at;
	maze_u64 len;
};

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Returns 0 if no word is left before a comment or the end of the line. */
static int next_word(struct cursor *cursor, struct word *ret_word)
{
	while (cursor->at < cursor->end && is_blank(*cursor->at))
		cursor->at++;
	if (cursor->at == cursor->end || *cursor->at == '#')
		return 0;
	ret_word->at = cursor->at;
	while (cursor->at < cursor->end && !is_blank(*cursor->at) && *cursor->at != '#')
		cursor->at++;
	ret_word->len = (maze_u64)(cursor->at - ret_word->at);
	return 1;
}

static int parse_number(const char *at, maze_u64 len, maze_u64 max, maze_u64 *ret_number)
{
	maze_u64 number = 0, digit, i;

	if (!len)
		return 0;
	for (i = 0; i < len; i++) {
		if (at[i] < '0' || at[i] > '9')
			return 0;
		digit = (maze_u64)(at[i] - '0');
		if (number > (~0ULL - digit) / 10)
			return 0;
		number = number * 10 + digit;
	}
	if (number > max)
		return 0;
	*ret_number = number;
	return 1;
}

static int next_number(struct cursor *cursor, maze_u64 max, maze_u64 *ret_number)
{
	struct word word;

	return next_word(cursor, &word) && parse_number(word.at, word.len, max, ret_number);
}

/*
 * Returns whether the word begins with the string `with`. If so, *ret_value is the rest.
 */
static int begins(const struct word *word, const char *with, struct word *ret_value)
{
	maze_u64 i;

	for (i = 0; with[i]; i++)
		if (i >= word->len || word->at[i] != with[i])
			return 0;
	ret_value->at = word->at + i;
	ret_value->len = word->len - i;
	return 1;
}

static int is(const struct word *word, const char *text)
{
	struct word rest;

	return begins(word, text, &rest) && !rest.len;
}

static int apply_start(const struct word *word, struct grammar_order *order)
{
	struct word value;

	return begins(word, "start=", &value) &&
	       parse_number(value.at, value.len, ~0ULL, &order->start_ticks);
}

/* Parses the words tag= and claim=, which select watches by their tags. */
static int apply_claim(const struct word *word, struct grammar_order *order)
{
	struct word value;

	if (begins(word, "tag=", &value))
		return parse_number(value.at, value.len, ~0ULL, &order->tag);
	return begins(word, "claim=", &value) &&
	       parse_number(value.at, value.len, ~0ULL, &order->mask);
}

static int apply_word(const struct word *word, struct grammar_order *order)
{
	struct word value;
	maze_u64 number;

	if (is(word, "no-inherit")) {
		order->policy.flags &= ~MAZE_POLICY_INHERIT;
	} else if (is(word, "yield-counts")) {
		order->policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	} else if (is(word, "shadow")) {
		order->policy.flags |= MAZE_POLICY_SHADOW;
	} else if (is(word, "quiet")) {
		order->policy.flags |= MAZE_POLICY_QUIET;
	} else if (is(word, "warn")) {
		order->policy.flags |= MAZE_POLICY_WARN;
	} else if (is(word, "to-process")) {
		order->policy.flags |= MAZE_POLICY_TO_PROCESS;
	} else if (is(word, "observe")) {
		order->policy.flags |= MAZE_POLICY_OBSERVE;
	} else if (is(word, "thread")) {
		order->thread = 1;
	} else if (begins(word, "owner=", &value)) {
		/* (uid_t)-1 is not a valid user. */
		if (!parse_number(value.at, value.len, 0xfffffffeU, &number))
			return 0;
		order->policy.owner = (maze_u32)number;
		order->policy.flags |= MAZE_POLICY_OWNED;
	} else if (begins(word, "recovery=", &value)) {
		if (!parse_number(value.at, value.len, MAZE_RECOVERY_INF, &number))
			return 0;
		order->policy.recovery = (maze_u32)number;
	} else {
		return apply_claim(word, order) || apply_start(word, order);
	}
	return 1;
}

/* Reads a limit in milliseconds. Its maximum prevents an overflow of the value in ns. */
static int next_limit(struct cursor *cursor, maze_u64 *ret_ns)
{
	maze_u64 ms;

	if (!next_number(cursor, MAZE_LIMIT_MAX_NS / MAZE_NSEC_PER_MSEC, &ms))
		return 0;
	*ret_ns = ms * MAZE_NSEC_PER_MSEC;
	return 1;
}

static int parse_watch(struct cursor *cursor, struct grammar_order *order)
{
	maze_u64 soft_signal, hard_signal;
	struct word word;

	order->kind = GRAMMAR_WATCH;
	order->policy.recovery = MAZE_RECOVERY_INF;
	order->policy.flags = MAZE_POLICY_INHERIT;
	if (!next_limit(cursor, &order->policy.soft_ns) ||
	    !next_limit(cursor, &order->policy.hard_ns) ||
	    !next_number(cursor, MAZE_SIGNAL_MAX, &soft_signal) ||
	    !next_number(cursor, MAZE_SIGNAL_MAX, &hard_signal))
		return 0;
	order->policy.soft_signal = (maze_u16)soft_signal;
	order->policy.hard_signal = (maze_u16)hard_signal;
	while (next_word(cursor, &word))
		if (!apply_word(&word, order))
			return 0;
	return maze_policy_check(&order->policy) == MAZE_POLICY_OK;
}

static int parse_end(struct cursor *cursor, const struct word *first, struct grammar_order *order)
{
	struct word word, value;
	maze_u64 pid;

	if (begins(first, "-tag=", &value)) {
		order->kind = GRAMMAR_END_TAG;
		order->mask = ~0ULL;
		if (!parse_number(value.at, value.len, ~0ULL, &order->tag))
			return 0;
		return !next_word(cursor, &word) ||
		       (apply_claim(&word, order) && !next_word(cursor, &word));
	}
	if (is(first, "-all")) {
		order->kind = GRAMMAR_END_ALL;
		return !next_word(cursor, &word);
	}
	order->kind = GRAMMAR_END;
	if (!parse_number(first->at + 1, first->len - 1, PID_LARGEST, &pid) || !pid)
		return 0;
	order->pid = (maze_u32)pid;
	while (next_word(cursor, &word)) {
		if (is(&word, "thread"))
			order->thread = 1;
		else if (!apply_claim(&word, order) && !apply_start(&word, order))
			return 0;
	}
	return 1;
}

static int parse_allow(struct cursor *cursor, struct grammar_order *order)
{
	struct word word, value;
	maze_u64 number;

	while (next_word(cursor, &word)) {
		if (begins(&word, "tag=", &value)) {
			if (!parse_number(value.at, value.len, ~0ULL, &order->tag))
				return 0;
		} else if (order->kind == GRAMMAR_END_ALLOW) {
			return 0;
		} else if (is(&word, "tripped")) {
			order->tripped = 1;
		} else if (is(&word, "by-cgroup")) {
			order->by_cgroup = 1;
		} else if (is(&word, "anew")) {
			order->anew = 1;
		} else if (begins(&word, "max=", &value)) {
			if (!parse_number(value.at, value.len, ~0U, &number))
				return 0;
			order->max = (maze_u32)number;
		} else {
			if (!begins(&word, "window=", &value) ||
			    !parse_number(value.at, value.len,
					  MAZE_LIMIT_MAX_NS / MAZE_NSEC_PER_MSEC, &number))
				return 0;
			order->window_ns = number * MAZE_NSEC_PER_MSEC;
		}
	}
	return 1;
}

int grammar_parse(const char *line, maze_u64 len, struct grammar_order *ret_order)
{
	struct cursor cursor = { line, line + len };
	struct grammar_order order = { .kind = GRAMMAR_NOTHING };
	struct word first;
	maze_u64 pid;
	int good = 1;

	if (len > GRAMMAR_LINE_MAX)
		return 0;
	if (next_word(&cursor, &first)) {
		if (is(&first, "allow") || is(&first, "-allow")) {
			order.kind = first.at[0] == '-' ? GRAMMAR_END_ALLOW : GRAMMAR_ALLOW;
			good = parse_allow(&cursor, &order);
		} else if (first.at[0] == '-') {
			good = parse_end(&cursor, &first, &order);
		} else {
			good = parse_number(first.at, first.len, PID_LARGEST, &pid) && pid &&
			       parse_watch(&cursor, &order);
			if (good)
				order.pid = (maze_u32)pid;
		}
	}
	if (good)
		*ret_order = order;
	return good;
}
