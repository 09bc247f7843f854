/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See pattern_set.h. Only ASCII may stand in a set: of a longer character, a set of
 * bytes would take the parts. Of classes, too, only the ASCII part counts, so that no
 * locale makes a difference.
 */
#include "pattern_set.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../../../base/error.h"

#define ASCII_COUNT 128

static const struct {
	const char *name;
	int (*holds)(int c);
} classes[] = {
	{ "alnum", isalnum }, { "alpha", isalpha }, { "blank", isblank }, { "cntrl", iscntrl },
	{ "digit", isdigit }, { "graph", isgraph }, { "lower", islower }, { "print", isprint },
	{ "punct", ispunct }, { "space", isspace }, { "upper", isupper }, { "xdigit", isxdigit },
};

static void set_add(maze_u32 bits[8], unsigned int byte)
{
	bits[byte / 32] |= 1U << byte % 32;
}

/* *at is on the [ of [:name:]. */
static int add_class(const char **at, maze_u32 bits[8], struct maze_error *error)
{
	const char *name = *at + 2;
	size_t i, length = strcspn(name, ":");
	int c;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strlen(classes[i].name) != length ||
		    strncmp(classes[i].name, name, length) != 0 || name[length] != ':' ||
		    name[length + 1] != ']')
			continue;
		for (c = 0; c < ASCII_COUNT; c++)
			if (classes[i].holds(c))
				set_add(bits, (unsigned int)c);
		*at = name + length + 2;
		return 0;
	}
	return maze_fail(error, -EINVAL,
			 "there is no class at %.16s; there are [:alnum:], "
			 "[:alpha:], [:digit:], [:space:] and the others of isalpha(3)",
			 *at);
}

/* One byte, or a range of them. */
static int add_range(const char **at, maze_u32 bits[8], struct maze_error *error)
{
	unsigned int low = (unsigned char)**at, high = low, c;

	(*at)++;
	/* At the end of a set, - is a byte like others. */
	if ((*at)[0] == '-' && (*at)[1] && (*at)[1] != ']') {
		high = (unsigned char)(*at)[1];
		*at += 2;
	}
	if (low >= ASCII_COUNT || high >= ASCII_COUNT)
		return maze_fail(error, -EINVAL,
				 "a set [] may have ASCII characters only; write (x|y) for others");
	if (high < low)
		return maze_fail(error, -EINVAL, "the range %c-%c of a set begins behind its end",
				 (int)low, (int)high);
	for (c = low; c <= high; c++)
		set_add(bits, c);
	return 0;
}

int pattern_set_parse(const char **at, maze_u32 bits[8], struct maze_error *error)
{
	bool inverted = (*at)[1] == '^', first = true;
	unsigned int i;
	int err;

	*at += inverted ? 2 : 1;
	memset(bits, 0, 8 * sizeof(bits[0]));
	/* As the first of the set, ] is a byte of it. */
	for (; **at && (**at != ']' || first); first = false) {
		if ((*at)[0] == '[' && ((*at)[1] == '.' || (*at)[1] == '='))
			return maze_fail(error, -EINVAL,
					 "a set [] may have no [. or [=, which depend on a locale");
		if ((*at)[0] == '[' && (*at)[1] == ':')
			err = add_class(at, bits, error);
		else
			err = add_range(at, bits, error);
		if (err)
			return err;
	}
	if (!**at)
		return maze_fail(error, -EINVAL, "a [ is not closed; write \\[ for the character");
	(*at)++;
	for (i = 0; inverted && i < 8; i++)
		bits[i] = ~bits[i];
	return 0;
}
