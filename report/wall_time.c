/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times of day; see wall_time.h.
 */
#include "wall_time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000LL
/* Year 2262 is the last that fits into 63 bits of nanoseconds. */
#define SECONDS_MAX (9223372036LL - 1)

/* The fraction of a second, in ns; digits beyond the ninth are passed over. */
static const char *parse_fraction(const char *at, long long *ret_ns)
{
	long long scale = NSEC_PER_SEC / 10;

	*ret_ns = 0;
	if (*at != '.')
		return at;
	if (!isdigit((unsigned char)*++at))
		return NULL;
	for (; isdigit((unsigned char)*at); at++, scale /= 10)
		*ret_ns += (*at - '0') * scale;
	return at;
}

static bool parse_offset(const char *at, long long *ret_seconds)
{
	int hours, minutes, end = 0;
	char sign;

	*ret_seconds = 0;
	if ((*at == 'Z' || *at == 'z') && !at[1])
		return true;
	if (sscanf(at, "%c%2d:%2d%n", &sign, &hours, &minutes, &end) != 3 || end != 6 || at[end] ||
	    (sign != '+' && sign != '-') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*ret_seconds = (hours * 60LL + minutes) * 60 * (sign == '+' ? 1 : -1);
	return true;
}

bool wall_time_parse(const char *text, long long *ret_ns)
{
	long long seconds, fraction, offset;
	struct tm utc = { 0 };
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);

	at = at ? parse_fraction(at, &fraction) : NULL;
	if (!at || !parse_offset(at, &offset))
		return false;
	seconds = (long long)timegm(&utc);
	if (seconds < 0 || seconds > SECONDS_MAX)
		return false;
	seconds -= offset;
	if (seconds < 0 || seconds > SECONDS_MAX)
		return false;
	*ret_ns = seconds * NSEC_PER_SEC + fraction;
	return true;
}

const char *wall_time_format(long long ns, int digits, char buf[WALL_TIME_LEN])
{
	time_t seconds = (time_t)(ns / NSEC_PER_SEC);
	struct tm utc = { 0 };
	char fraction[16];
	size_t n;

	gmtime_r(&seconds, &utc);
	n = strftime(buf, WALL_TIME_LEN, "%Y-%m-%d %H:%M:%S", &utc);
	if (digits) {
		snprintf(fraction, sizeof(fraction), "%09lld", ns % NSEC_PER_SEC);
		snprintf(buf + n, WALL_TIME_LEN - n, ".%.*s", digits, fraction);
	}
	return buf;
}
