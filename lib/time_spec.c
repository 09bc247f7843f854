/* SPDX-License-Identifier: GPL-2.0-only */
#include "time_spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/error.h"
#include "../base/rfc3339.h"

#define NSEC 1000000000LL
/* As in rfc3339.c: the last second whose ns fit into 63 bits. */
#define SECONDS_MAX (9223372036LL - 1)

static int fail(const char *text, struct maze_error *error)
{
	return maze_fail(error, -EINVAL,
			 "invalid time \"%.64s\": use 2026-11-24, \"2026-11-24 20:45:12\", 20:45, "
			 "today, yesterday, -1h or \"1h ago\", @SECONDS or RFC 3339",
			 text);
}

static int in_range(const char *text, long long seconds, long long *ret_ns,
		    struct maze_error *error)
{
	if (seconds < 0 || seconds > SECONDS_MAX)
		return maze_fail(error, -ERANGE,
				 "the time \"%.64s\" is not in the years 1970 to 2262", text);
	*ret_ns = seconds * NSEC;
	return 0;
}

/* mktime(3) takes the 31st of June for the 1st of July, so the day is checked first. */
static int local_time(const char *text, struct tm local, long long *ret_ns,
		      struct maze_error *error)
{
	struct tm day = { .tm_year = local.tm_year,
			  .tm_mon = local.tm_mon,
			  .tm_mday = local.tm_mday };

	timegm(&day);
	if (day.tm_mday != local.tm_mday)
		return fail(text, error);
	/* The rules of the time zone decide which side of a change of the clock it is on. */
	local.tm_isdst = -1;
	return in_range(text, (long long)mktime(&local), ret_ns, error);
}

/* Returns the end of the time of day, or NULL. The seconds may be missing. */
static const char *parse_clock(const char *text, struct tm *local)
{
	const char *end = strptime(text, "%H:%M:%S", local);

	if (end)
		return end;
	local->tm_sec = 0;
	return strptime(text, "%H:%M", local);
}

static int parse_calendar(const char *text, const struct tm *today, long long *ret_ns,
			  struct maze_error *error)
{
	struct tm local = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &local);

	if (!end) {
		local = *today;
		end = parse_clock(text, &local);
	} else if (*end == ' ' || *end == 'T') {
		end = parse_clock(end + 1, &local);
	}
	if (!end || *end)
		return fail(text, error);
	return local_time(text, local, ret_ns, error);
}

/* True if the text is "-1h" or "1h ago". The duration is then in `buf`. */
static bool is_before(const char *text, char buf[64])
{
	static const char ago[] = " ago";
	size_t length = strlen(text), from = text[0] == '-';

	if (!from && length > strlen(ago) && !strcmp(text + length - strlen(ago), ago))
		length -= strlen(ago);
	else if (!from)
		return false;
	if (length - from >= 64)
		return false;
	memcpy(buf, text + from, length - from);
	buf[length - from] = '\0';
	return true;
}

static int parse_before(const char *text, const char *duration, long long now_ns, long long *ret_ns,
			struct maze_error *error)
{
	maze_u64 ns;

	if (maze_duration_parse(duration, &ns, NULL))
		return fail(text, error);
	if (ns > (maze_u64)now_ns)
		return in_range(text, -1, ret_ns, error);
	*ret_ns = now_ns - (long long)ns;
	return 0;
}

static int parse_seconds(const char *text, long long *ret_ns, struct maze_error *error)
{
	long long seconds;
	char *end;

	if (strspn(text + 1, "0123456789") != strlen(text + 1) || !text[1])
		return fail(text, error);
	errno = 0;
	seconds = strtoll(text + 1, &end, 10);
	return in_range(text, errno ? -1 : seconds, ret_ns, error);
}

int time_spec_parse(const char *text, long long now_ns, long long *ret_ns, struct maze_error *error)
{
	time_t now = (time_t)(now_ns / NSEC);
	struct tm today = { 0 };
	char duration[64];

	if (!strcmp(text, "now")) {
		*ret_ns = now_ns;
		return 0;
	}
	if (rfc3339_parse(text, ret_ns))
		return 0;
	if (text[0] == '@')
		return parse_seconds(text, ret_ns, error);
	if (is_before(text, duration))
		return parse_before(text, duration, now_ns, ret_ns, error);
	localtime_r(&now, &today);
	today.tm_hour = today.tm_min = today.tm_sec = 0;
	if (!strcmp(text, "today"))
		return local_time(text, today, ret_ns, error);
	if (strcmp(text, "yesterday") != 0)
		return parse_calendar(text, &today, ret_ns, error);
	/* Not 24 hours, because a day with a change of the clock is longer or shorter. */
	today.tm_mday--;
	today.tm_isdst = -1;
	return in_range(text, (long long)mktime(&today), ret_ns, error);
}
