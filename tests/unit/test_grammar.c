/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lines of /proc/maze/entries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/kmod/module/grammar.h"

#define MS MAZE_NSEC_PER_MSEC

static struct grammar_order order;

static int parse(const char *line)
{
	memset(&order, 0xff, sizeof(order));
	return grammar_parse(line, strlen(line), &order);
}

static void the_line_of_2008_is_accepted(void **state)
{
	(void)state;
	assert_true(parse("1234 300 600 24 9"));
	assert_int_equal(order.kind, GRAMMAR_WATCH);
	assert_int_equal(order.pid, 1234);
	assert_int_equal(order.policy.soft_ns, 300 * MS);
	assert_int_equal(order.policy.hard_ns, 600 * MS);
	assert_int_equal(order.policy.soft_signal, 24);
	assert_int_equal(order.policy.hard_signal, 9);
	assert_int_equal(order.policy.recovery, MAZE_RECOVERY_INF);
	assert_int_equal(order.policy.flags, MAZE_POLICY_INHERIT);
	assert_int_equal(order.thread, 0);
	assert_int_equal(order.start_ticks, 0);
}

static void every_word_is_accepted(void **state)
{
	(void)state;
	assert_true(parse("\t7 0 600 0 64 no-inherit yield-counts shadow thread recovery=65536 "
			  "tag=18446744073709551615 warn to-process observe start=99 # why"));
	assert_int_equal(order.policy.soft_ns, 0);
	assert_int_equal(order.policy.recovery, MAZE_RECOVERY_ONE);
	assert_int_equal(order.policy.flags, MAZE_POLICY_YIELD_COUNTS | MAZE_POLICY_SHADOW |
						     MAZE_POLICY_WARN | MAZE_POLICY_TO_PROCESS |
						     MAZE_POLICY_OBSERVE);
	assert_int_equal(order.thread, 1);
	assert_true(order.tag == ~0ULL);
	assert_int_equal(order.start_ticks, 99);
}

static void lines_that_end_watches_are_accepted(void **state)
{
	(void)state;
	assert_true(parse("-1234"));
	assert_int_equal(order.kind, GRAMMAR_END);
	assert_int_equal(order.pid, 1234);
	assert_int_equal(order.thread, 0);
	assert_true(parse("-1234 thread start=5"));
	assert_int_equal(order.thread, 1);
	assert_int_equal(order.start_ticks, 5);
	assert_true(parse("-tag=7"));
	assert_int_equal(order.kind, GRAMMAR_END_TAG);
	assert_true(order.tag == 7);
	assert_true(parse("-all"));
	assert_int_equal(order.kind, GRAMMAR_END_ALL);
}

static void blank_lines_and_comments_are_ignored(void **state)
{
	static const char *const lines[] = { "", " ", "\t\r", "# 1 2 3 4 5", "   # x" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(parse(lines[i]));
		assert_int_equal(order.kind, GRAMMAR_NOTHING);
	}
}

static void an_allowance_belongs_to_a_tag(void **state)
{
	(void)state;
	assert_true(parse("allow tag=5 max=3 window=600000 tripped"));
	assert_int_equal(order.kind, GRAMMAR_ALLOW);
	assert_true(order.tag == 5 && order.max == 3 && order.tripped);
	assert_false(order.by_cgroup || order.anew);
	assert_true(parse("allow tag=5 max=3 window=600000 by-cgroup anew"));
	assert_true(order.by_cgroup && order.anew && !order.tripped);
	assert_true(order.window_ns == 600000 * MS);
	assert_true(parse("-allow tag=18446744073709551615"));
	assert_int_equal(order.kind, GRAMMAR_END_ALLOW);
	assert_true(order.tag == ~0ULL);
}

static void limits_have_a_range(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "1 1 %llu 0 0", MAZE_LIMIT_MAX_NS / MS);
	assert_true(parse(line));
	assert_true(order.policy.hard_ns == MAZE_LIMIT_MAX_NS);
	snprintf(line, sizeof(line), "1 1 %llu 0 0", MAZE_LIMIT_MAX_NS / MS + 1);
	assert_false(parse(line));
	assert_true(parse("4194304 1 1 0 0"));
	assert_false(parse("4194305 1 1 0 0"));
}

static void invalid_lines_are_refused_and_change_nothing(void **state)
{
	static const char *const wrong[] = {
		"1",
		"1 2 3 4",
		"1 2 3 4 5 6",
		"0 100 200 1 1",
		"-0",
		"-",
		"- 5",
		"--5",
		"-5 6",
		"-5 threads",
		"-all 5",
		"-tag=",
		"-tag=x",
		"-tag=5 thread",
		"allow tag=5 max=x window=1",
		"allow tag=5 max=4294967296 window=1",
		"allow tag=5 max=1 window=31622400001",
		"allow tag=5 max=1 window=1 trip",
		"-allow tag=5 max=1",
		"1 -100 200 1 1",
		"1 +100 200 1 1",
		"1 0x10 200 1 1",
		"1 1.5 200 1 1",
		"1 1e3 2000 1 1",
		"1 200 100 1 1",
		"1 0 0 1 1",
		"1 100 200 65 1",
		"1 100 200 1 65",
		"1 100 200 1 -1",
		"1 18446744073709551616 0 0 0",
		"1 18446744073709551617 1 0 0",
		"1 184467440737095516160 1 0 0",
		"1 100 200 1 1 recovery=0",
		"1 100 200 1 1 recovery=65536001",
		"1 100 200 1 1 recovery=4294967296",
		"1 100 200 1 1 recovery",
		"1 100 200 1 1 shadowy",
		"1 100 200 1 1 Shadow",
		"1 100 200 1 1 tag=",
		"1 100 200 1 1 tag=18446744073709551616",
		"1 100 200 1 1,shadow",
		"one 100 200 1 1",
	};
	struct grammar_order before;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(wrong[i]))
			fail_msg("taken: %s", wrong[i]);
		memset(&before, 0xff, sizeof(before));
		assert_memory_equal(&order, &before, sizeof(order));
	}
}

static void a_line_ends_at_its_length(void **state)
{
	char line[GRAMMAR_LINE_MAX + 2];

	(void)state;
	assert_true(grammar_parse("1 100 200 1 19", 13, &order));
	assert_int_equal(order.policy.hard_signal, 1);
	/* A zero byte does not count as a blank. */
	assert_false(grammar_parse("1 100 200 1 1\0", 14, &order));
	memset(line, ' ', sizeof(line));
	assert_true(grammar_parse(line, GRAMMAR_LINE_MAX, &order));
	assert_false(grammar_parse(line, GRAMMAR_LINE_MAX + 1, &order));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_of_2008_is_accepted),
		cmocka_unit_test(every_word_is_accepted),
		cmocka_unit_test(lines_that_end_watches_are_accepted),
		cmocka_unit_test(blank_lines_and_comments_are_ignored),
		cmocka_unit_test(an_allowance_belongs_to_a_tag),
		cmocka_unit_test(limits_have_a_range),
		cmocka_unit_test(invalid_lines_are_refused_and_change_nothing),
		cmocka_unit_test(a_line_ends_at_its_length),
	};

	return cmocka_run_group_tests_name("grammar", tests, NULL, NULL);
}
