/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incident files: accepted and refused files, folding of samples, and escaping of foreign
 * names for terminals and pages.
 */
#include "report_case.h"

#include "report/incident_dir.h"
#include "base/rfc3339.h"

static void refused(const char *text, int err, const char *why)
{
	struct maze_error error = { "" };
	struct incident *incident = NULL;

	assert_int_equal(incident_parse(text, strlen(text), &incident, &error), err);
	assert_null(incident);
	if (!strstr(error.text, why))
		fail_msg("the error is: %s", error.text);
}

static void nearly_every_key_may_be_missing(void **state)
{
	struct incident *incident = taken(HEAD "}");

	(void)state;
	assert_string_equal(incident->id, "A-1");
	assert_int_equal(incident->records_count, 1);
	assert_int_equal(incident->records[0].count_ns, INCIDENT_UNKNOWN);
	assert_int_equal(incident->records[0].time_ns, INCIDENT_UNKNOWN);
	assert_int_equal(incident->stacks_count, 0);
	assert_false(incident->policy.there);
	incident_free(incident);
	incident_free(taken(HEAD ",\"stacks\":null,\"samples\":null,\"process\":null,"
				 "\"policy\":null,\"machine\":null,\"unwound\":null,\"notes\":null,"
				 "\"rule\":null,\"samples_lost\":null}"));
}

static void unknown_keys_are_ignored(void **state)
{
	(void)state;
	incident_free(taken(HEAD ",\"new\":{\"deep\":[1,{}]},\"process\":{\"new\":7}}"));
}

static void an_invalid_incident_is_refused_with_the_key(void **state)
{
	(void)state;
	refused("", -EINVAL, "not JSON");
	refused("{", -EINVAL, "not JSON");
	refused("[]", -EINVAL, "not an object");
	refused("{}", -EINVAL, "\"version\"");
	refused("{\"version\":2}", -EPROTONOSUPPORT, "version 2");
	refused("{\"version\":1,\"records\":[{\"event\":\"soft\"}]}", -EINVAL, "\"id\"");
	refused("{\"version\":1,\"id\":\"a/b\",\"records\":[{\"event\":\"soft\"}]}", -EINVAL,
		"\"id\"");
	refused("{\"version\":1,\"id\":\"a\"}", -EINVAL, "\"records\"");
	refused("{\"version\":1,\"id\":\"a\",\"records\":[]}", -EINVAL, "\"records\"");
	refused("{\"version\":1,\"id\":\"a\",\"records\":[{}]}", -EINVAL, "\"event\"");
	refused("{\"version\":1,\"id\":\"a\",\"records\":[5]}", -EINVAL, "\"records\"");
	refused(HEAD ",\"samples\":[{\"stack\":0}]}", -EINVAL, "\"stack\"");
	refused(HEAD ",\"stacks\":[{\"frames\":[]}],\"samples\":[{\"stack\":1}]}", -EINVAL,
		"\"stack\"");
	refused(HEAD ",\"stacks\":[{\"frames\":[],\"cut\":1}]}", -EINVAL, "\"cut\"");
	refused(HEAD ",\"stacks\":[{\"frames\":[{\"offset\":\"1\"}]}]}", -EINVAL, "\"offset\"");
	refused(HEAD ",\"process\":{\"cmdline\":[7]}}", -EINVAL, "\"cmdline\"");
	refused(HEAD ",\"notes\":\"one\"}", -EINVAL, "\"notes\"");
	refused(HEAD ",\"rule\":1}", -EINVAL, "\"rule\"");
	refused(HEAD ",\"system_calls\":[{\"rows\":[{\"calls\":\"1\"}]}]}", -EINVAL, "\"calls\"");
	refused(HEAD ",\"system_calls\":[1]}", -EINVAL, "\"system_calls\"");
	refused(HEAD ",\"descriptors\":[{\"watches\":[{\"fd\":\"1\"}]}]}", -EINVAL, "\"fd\"");
	refused(HEAD ",\"descriptors\":[1]}", -EINVAL, "\"descriptors\"");
}

static void a_stack_of_too_many_frames_is_refused(void **state)
{
	char *text = malloc(3 * (INCIDENT_FRAMES_MAX + 1) + 256), *at = text;
	int i;

	(void)state;
	at += sprintf(at, HEAD ",\"stacks\":[{\"frames\":[");
	for (i = 0; i <= INCIDENT_FRAMES_MAX; i++)
		at += sprintf(at, "%s{}", i ? "," : "");
	sprintf(at, "]}]}");
	refused(text, -EINVAL, "\"frames\"");
	free(text);
}

static void a_file_that_is_too_large_or_missing_is_refused(void **state)
{
	char path[] = "/tmp/maze-test-XXXXXX";
	struct maze_error error = { "" };
	struct incident *incident = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	/* A hole: it takes no disk space, but reads as 64 MiB of NULs plus one byte. */
	assert_int_equal(ftruncate(fd, INCIDENT_FILE_MAX + 1), 0);
	assert_int_equal(incident_load(AT_FDCWD, path, &incident, &error), -EFBIG);
	assert_non_null(strstr(error.text, "larger than 64 MiB"));
	close(fd);
	unlink(path);
	assert_int_equal(incident_load(AT_FDCWD, path, &incident, &error), -ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(incident_load(AT_FDCWD, path, &incident, &error), -EINVAL);
	assert_non_null(strstr(error.text, "not a regular file"));
	unlink(path);
	assert_null(incident);
}

#define HOT(line) "{\"function\":\"hot\",\"file\":\"a.c\",\"line\":" line "}"

/* Four stacks: two differ only in a line, and one has no frame. */
#define OUTER F("loop") "," F("main")
#define STACKS                                                                                     \
	STACK(HOT("1") "," OUTER)                                                                  \
	"," STACK(HOT("2") "," OUTER) "," STACK(OUTER) "," STACK(F("handler")) "," STACK("")
#define SAMPLES                                                                                    \
	S("1")                                                                                     \
	"," S("0") "," S("1") "," S("0") "," S("1") "," S("1") "," S("1") "," S("2") "," S(        \
		"2") "," S("3") "," S("4")

static const char *const four = HEAD ",\"stacks\":[" STACKS "],\"samples\":[" SAMPLES "]}";

static void stacks_are_folded_by_function(void **state)
{
	struct incident *incident = taken(four);
	struct stacks *stacks = folded(incident);

	(void)state;
	assert_int_equal(stacks->samples, 10);
	assert_int_equal(stacks->folds_count, 3);
	assert_int_equal(stacks->hottest->samples, 7);
	assert_int_equal(stacks->hottest->depth, 3);
	/* Shown with the most frequent line. */
	assert_int_equal(stacks->hottest->stack->frames[0].line, 2);
	stacks_free(stacks);
	incident_free(incident);
}

static void each_function_has_its_share(void **state)
{
	struct incident *incident = taken(four);
	struct stacks *stacks = folded(incident);
	const struct stacks_function *hot = &stacks->functions[stacks->by_self[0]];
	const struct stacks_function *loop = &stacks->functions[stacks->by_self[1]];

	(void)state;
	assert_int_equal(stacks->by_self_count, 3);
	assert_string_equal(hot->frame->function, "hot");
	assert_int_equal(hot->self, 7);
	assert_int_equal(hot->total, 7);
	assert_string_equal(loop->frame->function, "loop");
	assert_int_equal(loop->self, 2);
	assert_int_equal(loop->total, 9);
	/* The innermost function that contains the loop: all samples but one of ten. */
	assert_non_null(stacks->common);
	assert_string_equal(stacks->functions[stacks->common->function].frame->function, "loop");
	stacks_free(stacks);
	incident_free(incident);
}

static void the_counts_of_the_tree_add_up(void **state)
{
	struct incident *incident = taken(four);
	struct stacks *stacks = folded(incident);
	size_t i, self = 0, roots = 0;

	(void)state;
	assert_int_equal(stacks->nodes_count, 4);
	for (i = 0; i < stacks->nodes_count; i++) {
		self += stacks->nodes[i].self;
		roots += stacks->nodes[i].depth ? 0 : stacks->nodes[i].total;
	}
	assert_int_equal(self, 10);
	assert_int_equal(roots, 10);
	stacks_free(stacks);
	incident_free(incident);
}

static void a_recursive_function_counts_once_a_sample(void **state)
{
	struct incident *incident = taken(HEAD ",\"stacks\":[{\"frames\":[" F("f") "," F("f") "," F(
		"f") "]}],"
		     "\"samples\":[{\"stack\":0},{\"stack\":0}]}");
	struct stacks *stacks = folded(incident);

	(void)state;
	assert_int_equal(stacks->functions_count, 1);
	assert_int_equal(stacks->functions[0].total, 2);
	assert_int_equal(stacks->nodes_count, 3);
	stacks_free(stacks);
	incident_free(incident);
}

static void without_samples_there_is_no_hottest_stack(void **state)
{
	struct incident *incident = taken(HEAD ",\"stacks\":[{\"frames\":[" F("f") "]}]}");
	struct stacks *stacks = folded(incident);

	(void)state;
	assert_null(stacks->hottest);
	assert_null(stacks->common);
	assert_int_equal(stacks->nodes_count, 0);
	stacks_free(stacks);
	incident_free(incident);
}

#define HOSTILE_PROCESS "{\"comm\":\"" HOSTILE "\",\"cmdline\":[\"" HOSTILE "\"]}"

static const char *const hostile = HEAD
	",\"rule\":\"" HOSTILE "\",\"process\":" HOSTILE_PROCESS
	",\"stacks\":[" STACK(F(HOSTILE)) "],\"samples\":[" S(
		"0") "],\"notes\":[\"" HOSTILE "\"]"
		     ",\"system_calls\":[{\"rows\":[{\"name\":\"" HOSTILE "\",\"error\":\"" HOSTILE
		     "\"}],\"inside\":{\"name\":\"" HOSTILE "\"}}]"
		     ",\"descriptors\":[{\"fd\":1,\"kind\":\"" HOSTILE "\",\"target\":\"/" HOSTILE
		     "\",\"state\":\"" HOSTILE "\",\"watches\":[{\"events\":\"" HOSTILE "\"}]}]}";

static void names_are_escaped_for_terminals(void **state)
{
	char *text = shown(hostile, 't'), *at;

	(void)state;
	for (at = text; *at; at++)
		assert_true((*at >= ' ' && *at < 127) || *at == '\n');
	assert_non_null(strstr(text, "\\x1b[2J\\x7f\\u{009b}\\x0a;"));
	free(text);
}

static void folded_names_have_no_separator(void **state)
{
	char *text = shown(hostile, 'f');

	(void)state;
	assert_null(strchr(text, ';'));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_non_null(strstr(text, "\\x0a\\x3b"));
	/* U+009B is a terminal's CSI, U+202E reverses what follows. */
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "\\u{009b}"));
	free(text);
}

static void names_are_escaped_in_pages(void **state)
{
	char *text = shown(hostile, 'h');

	(void)state;
	assert_null(strstr(text, "<img"));
	assert_null(strstr(text, "\xe2\x80\xa8"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_null(strchr(text, '\033'));
	/* As text, and as data of the script. */
	assert_non_null(strstr(text, "&lt;/script&gt;&lt;img src=x&gt;&amp;"));
	assert_non_null(strstr(text, "\\u003c/script\\u003e\\u003cimg src=x\\u003e\\u0026"));
	free(text);
}

static void letters_of_all_languages_reach_the_page(void **state)
{
	char *text = shown(HEAD ",\"rule\":\"r\xc3\xa8gle \xe6\xbc\xa2 \xf0\x9f\x90\x8c\"}", 'h');

	(void)state;
	assert_non_null(strstr(text, "r\xc3\xa8gle \xe6\xbc\xa2 \xf0\x9f\x90\x8c"));
	free(text);
}

/* hot() is called by middle() by loop() by main(); the samples lack some of these. */
/* clang-format off */
static const char *const unwound_once = HEAD
	",\"unwound\":{\"frames\":["
	HOT("1") "," F("middle") "," F("loop") "," F("main") "," F("_start") "]},\"stacks\":["
	STACK(HOT("1")) ","
	STACK(HOT("1") "," F("loop")) ","
	STACK("{\"function\":\"irq\",\"kernel\":true}," HOT("2")) ","
	STACK("{\"function\":\"twist\",\"inlined\":true}," HOT("1")) ","
	STACK(F("loop")) ","
	STACK(F("other")) ","
	STACK(HOT("1") "," F("wrong")) ","
	STACK(HOT("1") "," F("main") "," F("_start")) ","
	STACK(F("aside") "," F("loop")) "],\"samples\":["
	S("0") "," S("0") "," S("1") "," S("2") "," S("3") "," S("4") "," S("5") "," S("6") "," S("7")
	"," S("8") "]}";
/* clang-format on */

static void callers_that_samples_lack_come_from_the_unwound_stack(void **state)
{
	static const char *const lines[] = {
		"_start;main;loop;middle;hot 3\n",
		"_start;main;loop;middle;hot;irq_[k] 1\n",
		"_start;main;loop;middle;hot;twist 1\n",
		"_start;main;loop 1\n",
		"_start;main;loop;aside 1\n",
		/* The unwound stack does not have or not confirm these. */
		"\nother 1\n",
		"wrong;hot 1\n",
		/* This one has its outermost caller. */
		"_start;main;hot 1\n",
	};
	char *text = shown(unwound_once, 'f');
	struct incident *incident = taken(unwound_once);
	struct stacks *stacks = folded(incident);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line %s in %s", lines[i], text);
	free(text);
	assert_int_equal(stacks->joined, 7);
	/* The stack that is shown is still the sampled one. */
	assert_int_equal(stacks->hottest->stack->count, 1);
	assert_int_equal(stacks->hottest->depth, 5);
	stacks_free(stacks);
	incident_free(incident);
	text = shown(unwound_once, 'h');
	assert_non_null(strstr(text, "\"name\":\"middle\""));
	free(text);
}

static void a_frame_without_a_name_is_shown_by_its_offset(void **state)
{
	static const struct {
		struct incident_frame frame;
		const char *shown;
	} cases[] = {
		{ { .module = "/usr/bin/x", .offset = 0x1130, .has_offset = true }, "x+0x1130" },
		{ { .build_id = "ab", .offset = 0x10, .has_offset = true }, "+0x10" },
		/* An address of the vsyscall page. */
		{ { .offset = 0xffffffffff600000, .has_offset = true }, "0xffffffffff600000" },
		{ { .module = "[anon]", .address = "0x7f01" }, "0x7f01" },
		{ { .module = "[heap]" }, "[heap]" },
		{ { .line = 0 }, "(unknown)" },
	};
	size_t i;
	char *name;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		name = shown_frame(&cases[i].frame);
		assert_string_equal(name, cases[i].shown);
		free(name);
	}
}

static void times_are_parsed_and_printed(void **state)
{
	char buf[UTC_LEN];
	long long ns, other;

	(void)state;
	assert_true(rfc3339_parse("2026-11-24T20:45:12.300Z", &ns));
	assert_string_equal(utc_format(ns, 3, buf), "2026-11-24 20:45:12.300");
	assert_string_equal(utc_format(ns, 0, buf), "2026-11-24 20:45:12");
	assert_true(rfc3339_parse("2026-11-24T21:45:12.3+01:00", &other));
	assert_true(ns == other);
	assert_false(rfc3339_parse("2026-11-24T20:45:12", &ns));
	assert_false(rfc3339_parse("2026-11-24T20:45:12.Z", &ns));
	assert_false(rfc3339_parse("1969-12-31T23:59:59Z", &ns));
	assert_false(rfc3339_parse("9999-12-31T23:59:59Z", &ns));
	assert_false(rfc3339_parse("yesterday", &ns));
}

static void a_path_is_not_an_id(void **state)
{
	char *ids[] = { (char *)"20261124T204512Z-4711-4713-0", (char *)"20261124T204703Z-22-22-0",
			(char *)"20261124T204703Z-22-22-10" };
	struct incident_dir dir = { .path = "d", .fd = -1, .ids = ids, .count = 3 };
	struct maze_error error;
	const char *id = NULL;

	(void)state;
	assert_int_equal(incident_dir_find(&dir, "../x", &id, &error), -EINVAL);
	assert_int_equal(incident_dir_find(&dir, "", &id, &error), -EINVAL);
	assert_int_equal(incident_dir_find(&dir, ".", &id, &error), -EINVAL);
	assert_int_equal(incident_dir_find(&dir, "20261124", &id, &error), -ENOTUNIQ);
	assert_int_equal(incident_dir_find(&dir, "nothing", &id, &error), -ENOENT);
	assert_null(id);
	assert_int_equal(incident_dir_find(&dir, "20261124T2045", &id, &error), 0);
	assert_ptr_equal(id, ids[0]);
	/* An ID that is a prefix of another one still matches in full. */
	assert_int_equal(incident_dir_find(&dir, "20261124T204703Z-22-22-0", &id, &error), 0);
	assert_ptr_equal(id, ids[1]);
	assert_int_equal(incident_dir_find(&dir, "22-10", &id, &error), 0);
	assert_ptr_equal(id, ids[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearly_every_key_may_be_missing),
		cmocka_unit_test(unknown_keys_are_ignored),
		cmocka_unit_test(an_invalid_incident_is_refused_with_the_key),
		cmocka_unit_test(a_stack_of_too_many_frames_is_refused),
		cmocka_unit_test(a_file_that_is_too_large_or_missing_is_refused),
		cmocka_unit_test(stacks_are_folded_by_function),
		cmocka_unit_test(each_function_has_its_share),
		cmocka_unit_test(the_counts_of_the_tree_add_up),
		cmocka_unit_test(a_recursive_function_counts_once_a_sample),
		cmocka_unit_test(without_samples_there_is_no_hottest_stack),
		cmocka_unit_test(names_are_escaped_for_terminals),
		cmocka_unit_test(folded_names_have_no_separator),
		cmocka_unit_test(names_are_escaped_in_pages),
		cmocka_unit_test(letters_of_all_languages_reach_the_page),
		cmocka_unit_test(callers_that_samples_lack_come_from_the_unwound_stack),
		cmocka_unit_test(a_frame_without_a_name_is_shown_by_its_offset),
		cmocka_unit_test(times_are_parsed_and_printed),
		cmocka_unit_test(a_path_is_not_an_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
