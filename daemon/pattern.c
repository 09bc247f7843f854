/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compiles regular expressions after two looks that regcomp(3) does not take.
 * Back-references (which POSIX does not give extended expressions, but glibc does)
 * make a search exponential. Repetitions of repetitions, x{99}{99}{99}, are written
 * out when compiled: the product of all bounds is what they may cost.
 */
#include "pattern.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/error.h"

/*
 * With PATTERN_LENGTH_MAX, a compiled pattern stays within some tens of MiB at the
 * very worst; a real one has one or two bounds below ten.
 */
#define REPEATS_MAX 256

/* Behind the bracket expression at '['; in it, nothing has its usual meaning. */
static const char *skip_bracket(const char *at)
{
	char kind;

	at++;
	if (*at == '^')
		at++;
	if (*at == ']')
		at++;
	while (*at && *at != ']') {
		kind = at[1];
		if (*at == '[' && (kind == ':' || kind == '.' || kind == '=')) {
			for (at += 2; *at && !(at[0] == kind && at[1] == ']'); at++)
				;
			if (*at)
				at++;
		}
		if (*at)
			at++;
	}
	return *at ? at + 1 : at;
}

/* The larger bound of the interval at '{', at least 1, and no larger than needed. */
static unsigned int interval_bound(const char *at)
{
	unsigned int number = 0, largest = 1;

	for (at++; isdigit((unsigned char)*at) || *at == ','; at++) {
		if (*at == ',')
			number = 0;
		else if (number <= REPEATS_MAX)
			number = number * 10 + (unsigned int)(*at - '0');
		if (number > largest)
			largest = number;
	}
	return largest;
}

static int refuse_costly(const char *pattern, struct maze_error *error)
{
	unsigned long repeats = 1;
	const char *at = pattern;

	if (strlen(pattern) > PATTERN_LENGTH_MAX)
		return maze_fail(error, -EINVAL, "the expression is longer than %d bytes",
				 PATTERN_LENGTH_MAX);
	while (*at) {
		if (*at == '[') {
			at = skip_bracket(at);
			continue;
		}
		if (*at == '\\' && at[1]) {
			if (isdigit((unsigned char)at[1]))
				return maze_fail(
					error, -EINVAL,
					"a back-reference, \\%c, is not taken: it can make "
					"a search take for ever",
					at[1]);
			at++;
		} else if (*at == '{') {
			repeats *= interval_bound(at);
			if (repeats > REPEATS_MAX)
				return maze_fail(error, -EINVAL,
						 "the repetitions {} multiply to more than %d; use "
						 "* or +",
						 REPEATS_MAX);
		}
		at++;
	}
	return 0;
}

int pattern_compile(const char *pattern, regex_t **ret_regex, struct maze_error *error)
{
	char reason[128];
	regex_t *regex;
	int err = refuse_costly(pattern, error);

	if (err)
		return err;
	regex = malloc(sizeof(*regex));
	if (!regex)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (err) {
		regerror(err, regex, reason, sizeof(reason));
		free(regex);
		return maze_fail(error, err == REG_ESPACE ? -ENOMEM : -EINVAL,
				 "\"%.128s\" is no regular expression: %s", pattern, reason);
	}
	*ret_regex = regex;
	return 0;
}
