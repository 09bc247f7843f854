/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses and formats durations as in systemd.time(7), exact to the nanosecond. The code
 * uses no floating point, because no double is exactly 0.1.
 */
#include "maze.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/error.h"

#define MINUTE (60 * MAZE_NSEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const struct {
	const char *name;
	maze_u64 ns;
} units[] = {
	/* Sorted by size. maze_duration_format() uses the first name of each size. */
	{ "y", 31557600 * MAZE_NSEC_PER_SEC }, /* 365.25 days, as in systemd */
	{ "year", 31557600 * MAZE_NSEC_PER_SEC },
	{ "years", 31557600 * MAZE_NSEC_PER_SEC },
	{ "M", 2629800 * MAZE_NSEC_PER_SEC }, /* a twelfth of a year */
	{ "month", 2629800 * MAZE_NSEC_PER_SEC },
	{ "months", 2629800 * MAZE_NSEC_PER_SEC },
	{ "w", 7 * DAY },
	{ "week", 7 * DAY },
	{ "weeks", 7 * DAY },
	{ "d", DAY },
	{ "day", DAY },
	{ "days", DAY },
	{ "h", HOUR },
	{ "hr", HOUR },
	{ "hour", HOUR },
	{ "hours", HOUR },
	{ "min", MINUTE },
	{ "m", MINUTE },
	{ "minute", MINUTE },
	{ "minutes", MINUTE },
	{ "s", MAZE_NSEC_PER_SEC },
	{ "sec", MAZE_NSEC_PER_SEC },
	{ "second", MAZE_NSEC_PER_SEC },
	{ "seconds", MAZE_NSEC_PER_SEC },
	{ "ms", MAZE_NSEC_PER_MSEC },
	{ "msec", MAZE_NSEC_PER_MSEC },
	{ "us", MAZE_NSEC_PER_USEC },
	{ "usec", MAZE_NSEC_PER_USEC },
	{ "\xc2\xb5s", MAZE_NSEC_PER_USEC }, /* micro sign */
	{ "\xce\xbcs", MAZE_NSEC_PER_USEC }, /* Greek mu */
	{ "ns", 1 },
	{ "nsec", 1 },
};
#define UNITS (sizeof(units) / sizeof(units[0]))

#define EXAMPLE "examples: 500ms, 10s, \"1min 30s\""

/* A nanosecond is more than 10^-17 of a year, so further digits do not matter. */
#define FRACTION_DIGITS 17

static const char *skip_spaces(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

static maze_u64 unit_ns(const char *name, size_t length)
{
	size_t i;

	if (!length)
		return MAZE_NSEC_PER_SEC; /* a bare number is seconds */
	for (i = 0; i < UNITS; i++)
		if (strlen(units[i].name) == length && !memcmp(units[i].name, name, length))
			return units[i].ns;
	return 0;
}

/* A part of a duration: digits, an optional fraction and an optional unit. */
struct part {
	maze_u64 whole;
	maze_u64 fraction; /* the numerator over 10^digits */
	int digits;
	const char *unit;
	size_t unit_length;
	const char *end;
};

/*
 * Returns 0. -EINVAL: there is no number here. -ERANGE: the number has too many digits.
 */
static int read_part(const char *at, struct part *part)
{
	memset(part, 0, sizeof(*part));
	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	for (; isdigit((unsigned char)*at); at++) {
		if (__builtin_mul_overflow(part->whole, 10, &part->whole) ||
		    __builtin_add_overflow(part->whole, (maze_u64)(*at - '0'), &part->whole))
			return -ERANGE;
	}
	if (*at == '.') {
		at++;
		if (!isdigit((unsigned char)*at))
			return -EINVAL;
		for (; isdigit((unsigned char)*at); at++) {
			if (part->digits == FRACTION_DIGITS)
				continue;
			part->fraction = part->fraction * 10 + (maze_u64)(*at - '0');
			part->digits++;
		}
	}
	at = skip_spaces(at);
	part->unit = at;
	while (*at && !isdigit((unsigned char)*at) && *at != ' ' && *at != '\t' && *at != '.' &&
	       *at != '-' && *at != '+')
		at++;
	part->unit_length = (size_t)(at - part->unit);
	part->end = skip_spaces(at);
	return 0;
}

/* Adds the part to *total. -ERANGE: overflow. */
static int add_part(const struct part *part, maze_u64 unit, maze_u64 *total)
{
	maze_u64 scale = 1, ns;
	int i;

	for (i = 0; i < part->digits; i++)
		scale *= 10;
	if (__builtin_mul_overflow(part->whole, unit, &ns) ||
	    __builtin_add_overflow(*total, ns, total))
		return -ERANGE;
	ns = (maze_u64)((unsigned __int128)part->fraction * unit / scale);
	return __builtin_add_overflow(*total, ns, total) ? -ERANGE : 0;
}

int maze_duration_parse(const char *text, maze_u64 *ret_ns, struct maze_error *error)
{
	const char *at = skip_spaces(text);
	struct part part;
	maze_u64 total = 0, unit;
	int err;

	if (!*at)
		return maze_fail(error, -EINVAL, "empty duration; " EXAMPLE);
	while (*at) {
		err = read_part(at, &part);
		if (err == -EINVAL)
			return maze_fail(
				error, err,
				"invalid duration \"%s\": expected a number at \"%s\"; " EXAMPLE,
				text, at);
		if (err)
			return maze_fail(error, err, "duration \"%s\" is too long", text);
		unit = unit_ns(part.unit, part.unit_length);
		if (!unit)
			return maze_fail(error, -EINVAL,
					 "invalid duration \"%s\": unknown unit \"%.*s\"; " EXAMPLE,
					 text, (int)part.unit_length, part.unit);
		if (add_part(&part, unit, &total))
			return maze_fail(error, -ERANGE, "duration \"%s\" is too long", text);
		at = part.end;
	}
	*ret_ns = total;
	return 0;
}

/* A duration below one second has one part, such as "1.5ms". Others can have several. */
const char *maze_duration_format(maze_u64 ns, char *buf, size_t size)
{
	size_t i, n = 0;
	maze_u64 whole;
	char fraction[16];
	int length;

	if (size)
		buf[0] = '\0';
	if (!ns)
		snprintf(buf, size, "0");
	for (i = 0; i < UNITS && ns && n < size; i++) {
		/* Skip months and years, because they are not whole days. */
		if (units[i].ns > 7 * DAY || ns < units[i].ns)
			continue;
		whole = ns / units[i].ns;
		fraction[0] = '\0';
		if (units[i].ns < MAZE_NSEC_PER_SEC && ns % units[i].ns) {
			length = units[i].ns == MAZE_NSEC_PER_MSEC ? 6 : 3;
			snprintf(fraction, sizeof(fraction), ".%0*llu", length, ns % units[i].ns);
			for (length = (int)strlen(fraction); fraction[length - 1] == '0'; length--)
				fraction[length - 1] = '\0';
			ns = 0;
		} else {
			ns %= units[i].ns;
		}
		length = snprintf(buf + n, size - n, "%s%llu%s%s", n ? " " : "", whole, fraction,
				  units[i].name);
		n += (size_t)length;
	}
	return buf;
}
