/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limit of log records of one rule. Most tests pass their own times; only the last
 * test has an event loop, and waits for its effect, not for a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../daemon/log/limited_log.h"
#include "../../daemon/log/repeat.h"

#define SECOND MAZE_NSEC_PER_SEC
#define MINUTE (60 * SECOND)

static int make(void **state)
{
	*state = repeat_new();
	return *state ? 0 : -1;
}

static int unmake(void **state)
{
	repeat_free(*state);
	return 0;
}

static unsigned int shown_of(struct repeat *repeat, const char *rule, unsigned int records,
			     maze_u64 now_ns)
{
	unsigned int shown = 0;

	while (records--)
		shown += repeat_allows(repeat, rule, 10, MINUTE, now_ns);
	return shown;
}

static void records_beyond_the_limit_are_counted_and_reported_once(void **state)
{
	struct repeat_summary summary;

	assert_int_equal(repeat_due_ns(*state), 0);
	assert_int_equal(shown_of(*state, "a", 10, 5 * SECOND), 10);
	/* Nothing is hidden, so no timer is needed. */
	assert_int_equal(repeat_due_ns(*state), 0);
	assert_int_equal(shown_of(*state, "a", 120, 6 * SECOND), 0);
	assert_int_equal(repeat_due_ns(*state), 65 * SECOND);
	assert_false(repeat_summarize(*state, 65 * SECOND - 1, &summary));
	assert_true(repeat_summarize(*state, 65 * SECOND, &summary));
	assert_string_equal(summary.name, "a");
	assert_int_equal(summary.hidden, 120);
	assert_int_equal(summary.time_ns, MINUTE);
	assert_false(repeat_summarize(*state, 70 * SECOND, &summary));
	assert_int_equal(repeat_due_ns(*state), 0);
	/* Then a new period begins. */
	assert_int_equal(shown_of(*state, "a", 20, 70 * SECOND), 10);
}

static void rules_do_not_share_a_limit(void **state)
{
	struct repeat_summary summary;
	char name[32];
	unsigned int i, seen = 0;

	/* More rules than buckets. */
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "rule-%u", i);
		assert_int_equal(shown_of(*state, name, 10 + i, SECOND), 10);
	}
	assert_int_equal(repeat_due_ns(*state), 61 * SECOND);
	while (repeat_summarize(*state, 61 * SECOND, &summary)) {
		assert_int_equal(strtoul(summary.name + strlen("rule-"), NULL, 10), summary.hidden);
		seen++;
	}
	/* No record of rule-0 was hidden. */
	assert_int_equal(seen, 999);
}

static void a_period_without_hidden_records_ends_silently(void **state)
{
	struct repeat_summary summary;

	assert_int_equal(shown_of(*state, "a", 9, SECOND), 9);
	assert_false(repeat_summarize(*state, 100 * SECOND, &summary));
	/* The count starts from 0, not from the nine. */
	assert_int_equal(shown_of(*state, "a", 9, 100 * SECOND), 9);
	assert_int_equal(repeat_due_ns(*state), 0);
}

static void without_a_limit_all_are_shown(void **state)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		assert_true(repeat_allows(*state, "a", 0, 0, SECOND));
	assert_int_equal(repeat_due_ns(*state), 0);
}

static void a_changed_limit_holds_at_once(void **state)
{
	assert_int_equal(shown_of(*state, "a", 20, SECOND), 10);
	assert_true(repeat_allows(*state, "a", 11, MINUTE, 2 * SECOND));
	assert_false(repeat_allows(*state, "a", 11, MINUTE, 2 * SECOND));
	assert_true(repeat_allows(*state, "a", 0, 0, 2 * SECOND));
	/* The records hidden until then are still reported. */
	assert_int_equal(repeat_due_ns(*state), 61 * SECOND);
}

/* ---- with a log and a loop --------------------------------------------------------------- */

static unsigned int lines_with(const char *path, const char *part)
{
	char line[4096];
	unsigned int count = 0;
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, part) != NULL;
	fclose(file);
	return count;
}

static maze_u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (maze_u64)now.tv_sec * SECOND + (maze_u64)now.tv_nsec;
}

/* The number of records of that rule that the log reports as hidden. */
static unsigned int hidden_in(const char *path)
{
	char line[4096], *at;
	unsigned int count = 0;
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "rule looping: ");
		if (at)
			count += (unsigned int)strtoul(at + strlen("rule looping: "), NULL, 10);
	}
	fclose(file);
	return count;
}

/* The log's file, removed also when the test fails. */
static int make_log(void **state)
{
	static char path[64];
	int fd;

	strcpy(path, "/tmp/test-repeat-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	*state = path;
	return 0;
}

static int remove_log(void **state)
{
	return unlink(*state);
}

static void the_log_reports_the_number_of_hidden_records(void **state)
{
	struct maze_record record = { .event = MAZE_EVENT_SOFT, .pid = 5, .tid = 5, .comm = "x" };
	struct log_entry entry = { .record = &record, .engine = "bpf", .rule = "looping" };
	struct rule_settings rule_settings = { .repeat_count = 3,
					       .repeat_ns = 10 * MAZE_NSEC_PER_MSEC };
	struct daemon_settings settings = { .log = DAEMON_LOG_FILE };
	struct limited_log *limited = NULL;
	char *path = *state;
	unsigned int i, shown = 0;
	maze_u64 begin_ns, until_ns;
	sd_event *event = NULL;
	struct log *log = NULL;

	settings.log_path = path;
	assert_int_equal(log_open(&settings, &log, NULL), 0);
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(limited_log_open(event, log, &limited), 0);
	begin_ns = now_ns();
	for (i = 0; i < 1000; i++)
		shown += limited_log_record(limited, &entry, &rule_settings);
	/* Three in each time that has begun meanwhile, of which a slow machine has more. */
	assert_true(shown <= 3 * ((now_ns() - begin_ns) / rule_settings.repeat_ns + 1));
	assert_int_equal(lines_with(path, "\"event\":\"soft\""), shown);
	until_ns = now_ns() + MINUTE;
	while (shown + hidden_in(path) < 1000 && now_ns() < until_ns)
		sd_event_run(event, SECOND / 1000);
	assert_int_equal(shown + hidden_in(path), 1000);
	/* The rest is reported at the end. */
	entry.rule = "at-the-end";
	rule_settings.repeat_ns = 3600 * SECOND;
	for (i = 0; i < 7; i++)
		limited_log_record(limited, &entry, &rule_settings);
	limited_log_close(limited);
	assert_int_equal(
		lines_with(path, "rule at-the-end: 4 more records in the last 1h not shown"), 1);
	log_close(log);
	sd_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			records_beyond_the_limit_are_counted_and_reported_once, make, unmake),
		cmocka_unit_test_setup_teardown(rules_do_not_share_a_limit, make, unmake),
		cmocka_unit_test_setup_teardown(a_period_without_hidden_records_ends_silently, make,
						unmake),
		cmocka_unit_test_setup_teardown(without_a_limit_all_are_shown, make, unmake),
		cmocka_unit_test_setup_teardown(a_changed_limit_holds_at_once, make, unmake),
		cmocka_unit_test_setup_teardown(the_log_reports_the_number_of_hidden_records,
						make_log, remove_log),
	};

	alarm(240);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
