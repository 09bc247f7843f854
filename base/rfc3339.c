/* SPDX-License-Identifier: GPL-2.0-only */
#include "rfc3339.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000LL
/* The last second whose time in ns fits into 63 bits. It is in the year 2262. */
#define SECONDS_MAX (9223372036LL - 1)

/* Parses a fraction of a second into ns. Ignores the digits after the ninth. */
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

bool rfc3339_parse(const char *text, long long *ret_ns)
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

static size_t format(long long ns, bool local, const char *seconds_format, char *buf, size_t size)
{
	time_t seconds = (time_t)(ns / NSEC_PER_SEC);
	struct tm time = { 0 };

	if (local)
		localtime_r(&seconds, &time);
	else
		gmtime_r(&seconds, &time);
	return strftime(buf, size, seconds_format, &time);
}

const char *rfc3339_format(long long ns, char buf[RFC3339_LEN])
{
	size_t n;

	if (ns < 0)
		ns = 0;
	n = format(ns, false, "%Y-%m-%dT%H:%M:%S", buf, RFC3339_LEN);
	snprintf(buf + n, RFC3339_LEN - n, ".%09lldZ", ns % NSEC_PER_SEC);
	return buf;
}

static const char *format_decimals(long long ns, bool local, int digits, char buf[UTC_LEN])
{
	size_t n = format(ns, local, "%Y-%m-%d %H:%M:%S", buf, UTC_LEN);
	char fraction[16];

	if (digits) {
		snprintf(fraction, sizeof(fraction), "%09lld", ns % NSEC_PER_SEC);
		snprintf(buf + n, UTC_LEN - n, ".%.*s", digits, fraction);
	}
	return buf;
}

const char *utc_format(long long ns, int digits, char buf[UTC_LEN])
{
	return format_decimals(ns, false, digits, buf);
}

const char *local_time_format(long long ns, int digits, char buf[UTC_LEN])
{
	return format_decimals(ns, true, digits, buf);
}
