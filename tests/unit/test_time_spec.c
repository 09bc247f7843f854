/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times as a person writes them. The time zone is that of Berlin in 2026: summer time is from
 * March 29, 02:00 to October 25, 03:00.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rfc3339.h"
#include "lib/time_spec.h"

#define NOW "2026-06-15T10:00:00.250000000Z"

static long long ns_of(const char *rfc3339)
{
	long long ns = 0;

	assert_true(rfc3339_parse(rfc3339, &ns));
	return ns;
}

static void expect(const char *now, const char *text, const char *rfc3339)
{
	struct maze_error error = { "" };
	char buf[RFC3339_LEN];
	long long ns = -1;

	if (time_spec_parse(text, ns_of(now), &ns, &error))
		fail_msg("%s: %s", text, error.text);
	if (strcmp(rfc3339_format(ns, buf), rfc3339) != 0)
		fail_msg("%s: %s, not %s", text, buf, rfc3339);
}

static void refuse(const char *text, int err)
{
	struct maze_error error = { "" };
	long long ns = 42;

	if (time_spec_parse(text, ns_of(NOW), &ns, &error) != err)
		fail_msg("\"%s\": not %d", text, err);
	/* The message quotes the text, whatever the error. */
	assert_non_null(strstr(error.text, text));
}

static void each_form_has_its_time(void **state)
{
	(void)state;
	expect(NOW, "now", NOW);
	expect(NOW, "today", "2026-06-14T22:00:00.000000000Z");
	expect(NOW, "yesterday", "2026-06-13T22:00:00.000000000Z");
	expect(NOW, "-1h", "2026-06-15T09:00:00.250000000Z");
	expect(NOW, "-1h 30min", "2026-06-15T08:30:00.250000000Z");
	expect(NOW, "1h 30min ago", "2026-06-15T08:30:00.250000000Z");
	expect(NOW, "250ms ago", "2026-06-15T10:00:00.000000000Z");
	expect(NOW, "@1764000000", "2025-11-24T16:00:00.000000000Z");
	expect(NOW, "2026-02-28", "2026-02-27T23:00:00.000000000Z");
	expect(NOW, "2026-02-28 20:45", "2026-02-28T19:45:00.000000000Z");
	expect(NOW, "2026-02-28 20:45:12", "2026-02-28T19:45:12.000000000Z");
	expect(NOW, "2026-02-28T20:45:12", "2026-02-28T19:45:12.000000000Z");
	expect(NOW, "20:45", "2026-06-15T18:45:00.000000000Z");
	expect(NOW, "20:45:12", "2026-06-15T18:45:12.000000000Z");
	expect(NOW, "2026-02-28T20:45:12.5Z", "2026-02-28T20:45:12.500000000Z");
	expect(NOW, "2026-02-28T20:45:12+01:00", "2026-02-28T19:45:12.000000000Z");
}

static void changes_of_the_clock_are_local(void **state)
{
	(void)state;
	/* Days of 23 and of 25 hours. */
	expect("2026-03-30T10:00:00Z", "yesterday", "2026-03-28T23:00:00.000000000Z");
	expect("2026-03-30T10:00:00Z", "today", "2026-03-29T22:00:00.000000000Z");
	expect("2026-10-26T10:00:00Z", "yesterday", "2026-10-24T22:00:00.000000000Z");
	/* The time of now does not decide about summer time of another day. */
	expect("2026-01-15T10:00:00Z", "2026-07-01 12:00", "2026-07-01T10:00:00.000000000Z");
	expect("2026-07-15T10:00:00Z", "2026-01-01 12:00", "2026-01-01T11:00:00.000000000Z");
	/* The morning of the change, asked in the evening. */
	expect("2026-03-29T20:00:00Z", "01:30", "2026-03-29T00:30:00.000000000Z");
	expect("2026-03-29T20:00:00Z", "03:30", "2026-03-29T01:30:00.000000000Z");
	/* 02:30 does not exist. */
	expect("2026-03-29T20:00:00Z", "02:30", "2026-03-29T01:30:00.000000000Z");
	expect("2026-01-01T10:00:00Z", "yesterday", "2025-12-30T23:00:00.000000000Z");
	/* A duration is in hours that pass. */
	expect("2026-03-29T02:00:00Z", "-24h", "2026-03-28T02:00:00.000000000Z");
}

static void other_texts_are_refused(void **state)
{
	static const char *const texts[] = {
		"",	      "tomorrow",      "1h",
		"ago",	      " ago",	       "-",
		"-1",	      "--1h",	       "-1x",
		"@",	      "@-1",	       "@1x",
		"2026-02-30", "2026-13-01",    "2026-06-31 12:00",
		"24:00",      "20:60",	       "20:45:12x",
		"20",	      "2026-06",       "2026-06-15 ",
		"today ",     "2026-06-15 20",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i], "-1") != 0)
			refuse(texts[i], -EINVAL);
	/* A number without a unit is in seconds, as in every duration. */
	expect(NOW, "-1", "2026-06-15T09:59:59.250000000Z");
	refuse("1969-12-31", -ERANGE);
	refuse("9999-01-01", -ERANGE);
	refuse("@99999999999999999999", -ERANGE);
	refuse("-100y", -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_has_its_time),
		cmocka_unit_test(changes_of_the_clock_are_local),
		cmocka_unit_test(other_texts_are_refused),
	};

	/* Not a name, because a small system has no table of time zones. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
