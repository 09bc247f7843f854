/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * After a mismatch, matching resumes at the last `*`, which then takes one byte more.
 * Earlier `*` are not tried again, because the last `*` can take every byte that they
 * could. So the time is at most pattern length times text length.
 */
#include "glob.h"

#include <errno.h>
#include <string.h>

#include "error.h"

/*
 * `set` points to '['. Returns the ']' that ends the set, or NULL if the set has no end.
 */
static const char *set_end(const char *set)
{
	const char *at = set + 1;

	if (*at == '!' || *at == '^')
		at++;
	/* A ']' at the beginning of the set is a member and does not end the set. */
	if (*at == ']')
		at++;
	while (*at && *at != ']')
		at++;
	return *at ? at : NULL;
}

int glob_check(const char *pattern, struct maze_error *error)
{
	const char *at, *end;

	for (at = pattern; *at; at++) {
		if (*at == '\\') {
			at++;
			if (!*at)
				return maze_fail(error, -EINVAL,
						 "the glob %.128s ends in a backslash; write "
						 "\\\\ for a backslash",
						 pattern);
		} else if (*at == '[') {
			end = set_end(at);
			if (!end)
				return maze_fail(error, -EINVAL,
						 "unterminated set [ in the glob %.128s; close "
						 "it with ], or write \\[ for a bracket",
						 pattern);
			at = end;
		}
	}
	return 0;
}

bool glob_is_literal(const char *pattern)
{
	return !strpbrk(pattern, "*?[\\");
}

static bool set_holds(const char *set, const char *end, unsigned char byte)
{
	const unsigned char *at = (const unsigned char *)set + 1;
	bool inverted = *at == '!' || *at == '^', found = false;

	if (inverted)
		at++;
	for (; at < (const unsigned char *)end; at++) {
		if (at[1] == '-' && at + 2 < (const unsigned char *)end) {
			found |= byte >= at[0] && byte <= at[2];
			at += 2;
		} else {
			found |= byte == at[0];
		}
	}
	return found != inverted;
}

/*
 * Returns whether the pattern element at `at` matches the byte, and sets the next
 * element.
 */
static bool element_takes(const char *at, char byte, const char **ret_next)
{
	const char *end;

	switch (*at) {
	case '?':
		*ret_next = at + 1;
		return true;
	case '[':
		end = set_end(at);
		*ret_next = end + 1;
		return set_holds(at, end, (unsigned char)byte);
	case '\\':
		at++;
		break;
	default:
		break;
	}
	*ret_next = at + 1;
	return *at == byte;
}

bool glob_matches_bytes(const char *pattern, const char *text, size_t length)
{
	const char *end = text + length, *after_star = NULL, *star_text = NULL, *next;

	while (text < end) {
		if (*pattern == '*') {
			after_star = ++pattern;
			star_text = text;
		} else if (*pattern && element_takes(pattern, *text, &next)) {
			pattern = next;
			text++;
		} else if (after_star) {
			pattern = after_star;
			text = ++star_text;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool glob_matches(const char *pattern, const char *text)
{
	return glob_matches_bytes(pattern, text, strlen(text));
}
