/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules from files of maze observe: what is learnt, what is not, and what mazed reads. */
#include "rules_case.h"

#include <math.h>
#include <stdarg.h>

#include "core/types.h"
#include "suggest/rule_file.h"

#define DAYS                                                                                       \
	"\"days\":[{\"date\":\"2026-11-10\",\"seconds\":86400},"                                   \
	"{\"date\":\"2026-11-11\",\"seconds\":86400},{\"date\":\"2026-11-12\",\"seconds\":86400}," \
	"{\"date\":\"2026-11-13\",\"seconds\":86400},{\"date\":\"2026-11-14\",\"seconds\":86400}," \
	"{\"date\":\"2026-11-15\",\"seconds\":86400},{\"date\":\"2026-11-16\",\"seconds\":86400}]"
#define HEAD                                                                                       \
	"{\"version\":1,\"host\":\"h\",\"from\":\"2026-11-10T00:00:00Z\","                         \
	"\"to\":\"2026-11-17T00:00:00Z\","
#define FILE_OF(classes) HEAD DAYS ",\"classes\":[" classes "]}"
#define MIB(n) ((long long)(n) << 20) /* about as many ms */

static const struct advice_settings usual = { .risk = 0.01, .min_days = 7, .min_processes = 1 };

static struct streaks_file *taken(const char *text)
{
	struct maze_error error = { "" };
	struct streaks_file *file;

	if (streaks_file_parse(text, strlen(text), &file, &error))
		fail_msg("%s", error.text);
	return file;
}

static char *written(const struct streaks_file *file, double risk)
{
	struct advice_settings settings = usual;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	settings.risk = risk;
	assert_non_null(out);
	assert_int_equal(rule_file_write(file, &settings, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/*
 * The buckets of 1000 streaks of about 1 to 10 ms, or of 2^octaves as long, each bucket with
 * nine tenths of the one before, and then `more`.
 */
static const char *buckets_at(int octaves, const char *more)
{
	static char text[1024];
	double count = 105;
	size_t length = 0;
	int i;

	for (i = 0; i < 28; i++) {
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s[%lld,%.0f]",
					   i ? "," : "", (8LL + i % 8) << (17 + octaves + i / 8),
					   ceil(count));
		count *= 0.9;
	}
	snprintf(text + length, sizeof(text) - length, "%s", more);
	return text;
}

static const char *buckets(const char *more)
{
	return buckets_at(0, more);
}

/* A file with one class: `format` has its keys from "exe" on. */
static char *one_class(const char *program, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static char *one_class(const char *program, const char *format, ...)
{
	char *text, *rest;
	va_list ap;

	va_start(ap, format);
	assert_true(vasprintf(&rest, format, ap) >= 0);
	va_end(ap);
	assert_true(asprintf(&text, FILE_OF("{\"program\":\"%s\",%s}"), program, rest) >= 0);
	free(rest);
	return text;
}

static struct advice advised(const struct streaks_file *file)
{
	struct advice advice;

	advice_make(&file->classes[0], file->seconds, &usual, &advice);
	return advice;
}

#define COMMON "\"exe\":null,\"units\":[],\"streaks\":1000"

static void a_loop_is_not_learnt(void **state)
{
	struct streaks_file *file;
	struct advice normal, advice;
	char *text, *rules;

	(void)state;
	text = one_class("p", COMMON ",\"processes\":9,\"cpu_ns\":%lld,\"buckets\":[%s]", MIB(3000),
			 buckets(""));
	file = taken(text);
	normal = advised(file);
	assert_int_equal(normal.kind, ADVICE_LIMITS);
	assert_false(normal.longest_is_suspicious || normal.running_is_suspicious);
	streaks_file_free(file);
	free(text);

	/* It ran from the start, and still runs. */
	text = one_class("p",
			 COMMON ",\"processes\":9,\"cpu_ns\":604800000000000,\"running\":{\"ns\":"
				"604800000000000,\"pid\":666,\"comm\":\"spin\"},\"buckets\":[%s]",
			 buckets(""));
	file = taken(text);
	advice = advised(file);
	assert_int_equal(advice.kind, ADVICE_LIMITS);
	assert_true(advice.running_is_suspicious);
	assert_true(advice.soft == normal.soft && advice.hard == normal.hard);
	rules = written(file, 0.01);
	assert_non_null(
		strstr(rules, "SUSPICIOUS, a streak that has not ended had 1w: spin, PID 666."));
	free(rules);
	streaks_file_free(file);
	free(text);

	/* It has ended. */
	text = one_class("p",
			 COMMON
			 ",\"processes\":9,\"cpu_ns\":4400000000000,\"longest\":{\"ns\":"
			 "4398046511104,\"at\":\"2026-11-11T10:00:00Z\",\"pid\":667,\"comm\":"
			 "\"spun\"},\"buckets\":[%s]",
			 buckets(",[4398046511104,1]"));
	file = taken(text);
	advice = advised(file);
	assert_int_equal(advice.kind, ADVICE_LIMITS);
	assert_true(advice.longest_is_suspicious);
	assert_true(advice.soft == normal.soft && advice.streaks == normal.streaks);
	rules = written(file, 0.01);
	assert_non_null(strstr(rules, "SUSPICIOUS, the longest streak had 1h 13min 18s: spun, PID "
				      "667, at"));
	free(rules);
	streaks_file_free(file);
	free(text);
}

/* Its streaks are short, because it sleeps at times. */
static void a_loop_with_short_streaks_is_named(void **state)
{
	char *text = one_class("p",
			       COMMON
			       ",\"processes\":9,\"cpu_ns\":%lld,\"awake\":{\"ns\":"
			       "600000000000,\"pid\":668,\"comm\":\"pool\"},\"buckets\":[%s]",
			       MIB(3000), buckets("")),
	     *rules;
	struct streaks_file *file = taken(text);
	struct advice advice = advised(file);

	(void)state;
	assert_int_equal(advice.kind, ADVICE_LIMITS);
	assert_true(advice.has_awake_thread);
	rules = written(file, 0.01);
	assert_non_null(strstr(rules, "SUSPICIOUS, hardly ever asleep for 10min: pool, PID 668."));
	free(rules);
	streaks_file_free(file);
	free(text);
}

static void an_outlier_that_the_tail_explains_is_learnt(void **state)
{
	char *text = one_class("p", COMMON ",\"processes\":9,\"cpu_ns\":%lld,\"buckets\":[%s]",
			       MIB(3000), buckets_at(6, ",[4294967296,1]"));
	struct streaks_file *file = taken(text);
	struct advice advice = advised(file);

	(void)state;
	assert_int_equal(advice.kind, ADVICE_LIMITS);
	assert_false(advice.longest_is_suspicious);
	assert_true(advice.streaks == file->classes[0].streaks);
	streaks_file_free(file);
	free(text);
}

/* The longest streak is 16 times as long as the next one, and below all limits. */
static void a_short_outlier_is_learnt(void **state)
{
	char *text = one_class("p", COMMON ",\"processes\":9,\"cpu_ns\":%lld,\"buckets\":[%s]",
			       MIB(3000), "[1048576,50],[16777216,1]");
	struct streaks_file *file = taken(text);
	struct advice advice = advised(file);

	(void)state;
	assert_int_equal(advice.kind, ADVICE_RARE);
	assert_false(advice.longest_is_suspicious);
	streaks_file_free(file);
	free(text);
}

static void a_loop_without_any_other_streak_has_no_limit(void **state)
{
	char *text = one_class("p", "\"processes\":1,\"cpu_ns\":9000000000000,\"running\":{\"ns\":"
				    "9000000000000,\"pid\":1,\"comm\":\"p\"},\"buckets\":[]");
	struct streaks_file *file = taken(text);
	struct advice advice = advised(file);

	(void)state;
	assert_int_equal(advice.kind, ADVICE_RARE);
	assert_true(advice.running_is_suspicious);
	assert_true(advice.hard == 0);
	streaks_file_free(file);
	free(text);
}

/* Frees the text. */
static enum advice_kind kind_of(char *text)
{
	struct streaks_file *file = taken(text);
	enum advice_kind kind = advised(file).kind;

	streaks_file_free(file);
	free(text);
	return kind;
}

static void a_program_that_is_never_asleep_is_ignored(void **state)
{
	/* 100 streaks of 17 s, and 1000 short ones. */
	static const char many[] = ",[17179869184,100]";
	char *text = one_class("cc1", COMMON ",\"processes\":%d,\"cpu_ns\":%lld,\"buckets\":[%s]",
			       100, MIB(1800000), buckets(many));

	(void)state;
	assert_int_equal(kind_of(text), ADVICE_IGNORE);

	/* A few processes may as well be in endless loops. */
	text = one_class("cc1", COMMON ",\"processes\":%d,\"cpu_ns\":%lld,\"buckets\":[%s]", 4,
			 MIB(1800000), buckets(many));
	assert_int_not_equal(kind_of(text), ADVICE_IGNORE);

	/* Most of the CPU time was in one streak. */
	text = one_class("cc1",
			 COMMON ",\"processes\":100,\"cpu_ns\":%lld,\"running\":{\"ns\":%lld,"
				"\"pid\":1,\"comm\":\"x\"},\"buckets\":[%s]",
			 MIB(4000000), MIB(2000000), buckets(many));
	assert_int_not_equal(kind_of(text), ADVICE_IGNORE);

	/* Most of it was in short streaks. */
	text = one_class("cc1", COMMON ",\"processes\":%d,\"cpu_ns\":%lld,\"buckets\":[%s]", 100,
			 MIB(4000000), buckets(many));
	assert_int_not_equal(kind_of(text), ADVICE_IGNORE);
}

static void the_rule_of_three_needs_no_tail(void **state)
{
	static const struct advice_settings lax = { .risk = 14 }, strict = { .risk = 13 };
	char *text = one_class("p", COMMON ",\"processes\":9,\"cpu_ns\":%lld,\"buckets\":[%s]",
			       MIB(300000), "[536870912,500],[4294967296,500]");
	struct streaks_file *file = taken(text);
	struct advice advice;

	(void)state;
	/* 3 * 30.44 days / 7 days */
	assert_true(fabs(rule_of_three(file->seconds) - 13.0457) < 0.001);
	advice_make(&file->classes[0], file->seconds, &lax, &advice);
	assert_int_equal(advice.kind, ADVICE_LIMITS);
	assert_int_equal(advice.model, ADVICE_RULE_OF_THREE);
	assert_true(advice.soft == 10 && advice.hard == 20);
	advice_make(&file->classes[0], file->seconds, &strict, &advice);
	assert_int_equal(advice.kind, ADVICE_RARE);
	assert_int_equal(advice.result, TAIL_TOO_NARROW);
	streaks_file_free(file);
	free(text);
}

/* The longest streak has just below 5 s; 14 false verdicts in a month are accepted. */
static void few_processes_have_a_larger_margin(void **state)
{
	static const struct {
		int processes;
		double soft;
		const char *text;
	} cases[] = {
		{ 0, 60, "So few processes (1)" },
		{ 1, 60, "10 times the longest streak" },
		{ 4, 20, "4 times the longest streak" },
		{ 9, 10, "2 times the longest streak" },
		{ 1000, 10, "2 times the longest streak" },
	};
	struct advice_settings lax = { .risk = 14 };
	struct streaks_file *file;
	struct advice advice;
	char *text, *rules;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text = one_class("p", COMMON ",\"processes\":%d,\"cpu_ns\":%lld,\"buckets\":[%s]",
				 cases[i].processes, MIB(300000),
				 "[536870912,500],[4294967296,500]");
		file = taken(text);
		advice_make(&file->classes[0], file->seconds, &lax, &advice);
		assert_true(advice.soft == cases[i].soft);
		rules = written(file, lax.risk);
		assert_non_null(strstr(rules, cases[i].text));
		assert_int_equal(!!strstr(rules, "So few processes"), cases[i].processes < 9);
		free(rules);
		streaks_file_free(file);
		free(text);
	}
}

/* A power law is followed far beyond what was seen, the further the smaller the risk is. */
static void a_limit_far_above_all_streaks_is_named(void **state)
{
	static const double risks[] = { 10, 0.1 };
	char bins[2048] = "", *text, *rules;
	struct streaks_file *file;
	size_t length = 0, i;
	double count = 20000;

	(void)state;
	for (i = 0; i < 80; i++) {
		length += (size_t)snprintf(bins + length, sizeof(bins) - length, "%s[%lld,%.0f]",
					   i ? "," : "", (8LL + (long long)i % 8) << (17 + i / 8),
					   ceil(count));
		count *= 0.88;
	}
	text = one_class("p", COMMON ",\"processes\":9,\"cpu_ns\":%lld,\"buckets\":[%s]",
			 MIB(300000), bins);
	file = taken(text);
	for (i = 0; i < 2; i++) {
		rules = written(file, risks[i]);
		assert_non_null(strstr(rules, "Model: tail fit"));
		assert_int_equal(!!strstr(rules, "times the longest streak"), i);
		assert_int_equal(!!strstr(rules, "--risk 13.1 accepts soft = 5s."), i);
		free(rules);
	}
	streaks_file_free(file);
	free(text);
}

static void limits_are_twice_the_longest_streak_at_least(void **state)
{
	static const struct advice_settings lax = { .risk = 1000 };
	char *text = one_class("p",
			       COMMON ",\"processes\":9,\"cpu_ns\":%lld,\"longest\":{\"ns\":"
				      "4900000000},\"buckets\":[%s]",
			       MIB(300000), "[4294967296,500],[4831838208,500]");
	struct streaks_file *file = taken(text);
	struct advice advice;

	(void)state;
	advice_make(&file->classes[0], file->seconds, &lax, &advice);
	assert_true(advice.soft == 10 && advice.hard == 20);
	streaks_file_free(file);
	free(text);
}

static void too_little_is_refused(void **state)
{
	static const struct advice_settings week = { .min_days = 7, .min_processes = 50 },
					    less = { .min_days = 1, .min_processes = 50 };
	static const char one_day[] =
		HEAD "\"days\":[{\"date\":\"2026-11-10\",\"seconds\":86400}],\"classes\":[]}";
	struct streaks_file *file = taken(one_day);
	struct maze_error error;

	(void)state;
	assert_int_equal(advice_check(file, &week, &error), -ENODATA);
	assert_string_equal(error.text,
			    "too little was observed: 1.0 of 7 days, and 1 of 7 days "
			    "of the week, and 0 of 50 processes; observe for longer, or lower "
			    "--min-days or --min-processes");
	assert_int_equal(advice_check(file, &less, &error), -ENODATA);
	assert_non_null(strstr(error.text, "observed: 0 of 50 processes;"));
	streaks_file_free(file);
	file = taken(FILE_OF("{\"program\":\"p\",\"processes\":50,\"cpu_ns\":1,\"buckets\":[]}"));
	assert_int_equal(advice_check(file, &week, &error), 0);
	streaks_file_free(file);
}

static void classes_of_one_program_are_one(void **state)
{
	struct streaks_file *file = taken(FILE_OF(
		"{\"rule\":\"a\",\"program\":\"p\",\"exe\":\"/p\",\"processes\":1,\"cpu_ns\":1,"
		"\"buckets\":[[0,1],[1152,2]]},"
		"{\"rule\":\"b\",\"program\":\"q\",\"exe\":\"/p\",\"processes\":2,\"cpu_ns\":2,"
		"\"buckets\":[[1152,4],[2048,8]]},"
		"{\"program\":\"p\",\"exe\":\"p\",\"processes\":4,\"cpu_ns\":9,\"buckets\":[]}"));
	const struct streak_class *class = &file->classes[0];

	(void)state;
	assert_int_equal(file->count, 2);
	assert_int_equal(class->bins_count, 3);
	assert_int_equal(class->bins[1].count, 6);
	assert_true(class->streaks == 15 && class->processes == 3);
	assert_int_equal(json_array_size(class->rules), 2);
	/* The rule without a path comes behind, because it matches the other one too. */
	assert_null(file->classes[1].exe);
	streaks_file_free(file);
}

/* A rule of `program` matches it alone, and nothing else in the file is a rule. */
static void matches_only(struct fixture *fixture, const char *program, const char *json)
{
	struct streaks_file *file;
	char *text, *rules;
	size_t which;
	static struct subject subject;

	text = one_class(json,
			 "\"exe\":\"/%s\",\"units\":[\"%s\"],\"rule\":\"%s\",\"processes\":9,"
			 "\"cpu_ns\":%lld,\"buckets\":[%s]",
			 json, json, json, MIB(3000), buckets(""));
	file = taken(text);
	rules = written(file, 0.01);
	accept(fixture, rules);
	if (fixture->rules->count != (program ? 1 : 0))
		fail_msg("%zu rules in: %s", fixture->rules->count, rules);
	if (program) {
		assert_true(fixture->rules->rules[0].conditions[CONDITION_EXE].given);
		snprintf(subject.exe, sizeof(subject.exe), "/%s", program);
		assert_true(condition_keys[CONDITION_EXE].holds(condition(fixture, CONDITION_EXE),
								&subject, &which));
		snprintf(subject.exe, sizeof(subject.exe), "/abc");
		assert_false(condition_keys[CONDITION_EXE].holds(condition(fixture, CONDITION_EXE),
								 &subject, &which));
	}
	free(rules);
	streaks_file_free(file);
	free(text);
}

static void names_cannot_break_out(void **state)
{
	struct fixture *fixture = *state;
	char long_name[400];

	matches_only(fixture, "plain", "plain");
	matches_only(fixture, "*", "*");
	matches_only(fixture, "???", "???");
	matches_only(fixture, "[!x]bc", "[!x]bc");
	matches_only(fixture, "]", "]");
	matches_only(fixture, "a\\", "a\\\\");
	matches_only(fixture, "# x", "# x");
	matches_only(fixture, "#x", "#x");
	matches_only(fixture, "; x", "; x");
	matches_only(fixture, "a ; b", "a ; b");
	matches_only(fixture, "a b", "a b");
	matches_only(fixture, " a ", " a ");
	matches_only(fixture, "a\"b", "a\\\"b");
	matches_only(fixture, "a'b", "a'b");
	matches_only(fixture, "\"'", "\\\"'");
	matches_only(fixture, "\\\"", "\\\\\\\"");
	matches_only(fixture, "a = b", "a = b");
	matches_only(fixture, "[rule x]", "[rule x]");
	matches_only(fixture, "%s%n", "%s%n");
	matches_only(fixture, "caf\xc3\xa9", "caf\xc3\xa9");
	/* No line of a rule file can have these. */
	matches_only(fixture, NULL, "a\\n[rule all]");
	matches_only(fixture, NULL, "a\\r[rule all]");
	matches_only(fixture, NULL, "\\u001b[2J");
	matches_only(fixture, NULL, "\\u2028");
	matches_only(fixture, NULL, "\\u202e");
	matches_only(fixture, NULL, "\\ufffd");
	memset(long_name, '*', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	matches_only(fixture, NULL, long_name);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_is_not_learnt),
		cmocka_unit_test(a_loop_with_short_streaks_is_named),
		cmocka_unit_test(an_outlier_that_the_tail_explains_is_learnt),
		cmocka_unit_test(a_short_outlier_is_learnt),
		cmocka_unit_test(a_loop_without_any_other_streak_has_no_limit),
		cmocka_unit_test(a_program_that_is_never_asleep_is_ignored),
		cmocka_unit_test(the_rule_of_three_needs_no_tail),
		cmocka_unit_test(few_processes_have_a_larger_margin),
		cmocka_unit_test(a_limit_far_above_all_streaks_is_named),
		cmocka_unit_test(limits_are_twice_the_longest_streak_at_least),
		cmocka_unit_test(too_little_is_refused),
		cmocka_unit_test(classes_of_one_program_are_one),
		TEST(names_cannot_break_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
