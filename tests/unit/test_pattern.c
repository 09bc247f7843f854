/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regular expressions: single cases, random expressions compared with the C library, and
 * the time for the worst texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/rules/expression/pattern.h"

static void expect(const char *text, const char *searched, bool wanted)
{
	struct maze_error error = { "" };
	struct pattern *pattern = NULL;
	bool found;

	if (pattern_compile(text, &pattern, &error))
		fail_msg("%s: %s", text, error.text);
	found = pattern_matches(pattern, searched);
	/* A search keeps no state. */
	assert_int_equal(pattern_matches(pattern, searched), found);
	pattern_free(pattern);
	if (found != wanted)
		fail_msg("%s in %s", text, searched);
}

static void refuse(const char *text, const char *because)
{
	struct pattern *untouched = (struct pattern *)&text, *pattern = untouched;
	struct maze_error error = { "" };

	if (!pattern_compile(text, &pattern, &error)) {
		pattern_free(pattern);
		fail_msg("taken: %s", text);
	}
	assert_ptr_equal(pattern, untouched);
	if (!strstr(error.text, because))
		fail_msg("%s: %s", text, error.text);
}

static void expressions_match_as_in_egrep(void **state)
{
	(void)state;
	expect("b", "abc", true);
	expect("d", "abc", false);
	expect("^b", "abc", false);
	expect("^a", "abc", true);
	expect("c$", "abc", true);
	expect("b$", "abc", false);
	expect("^$", "", true);
	expect("^$", "a", false);
	expect("a|c$", "bc", true);
	expect("^(a|b)c", "bc", true);
	expect("^(a|b|cd|e)$", "cd", true);
	expect("^(a|b|cd|e)$", "cde", false);
	expect("ab*c", "ac", true);
	expect("ab+c", "ac", false);
	expect("ab+c", "abbbc", true);
	expect("ab?c", "abbc", false);
	expect("^(ab){2}$", "abab", true);
	expect("^(ab){2}$", "ababab", false);
	expect("^(ab){2,}$", "ababab", true);
	expect("^(ab){2,}$", "ab", false);
	expect("^a{0,2}$", "", true);
	expect("^a{0,2}$", "aaa", false);
	expect("^a{2,3}$", "aaa", true);
	expect("^(a{1,2}b){2}$", "abaab", true);
	expect("^(a*)*$", "aaa", true);
	expect("^(a?|b)*c", "ababc", true);
	expect("\\.py( |$)", "x.py -v", true);
	expect("\\.py( |$)", "x.pyc", false);
	expect("\\$\\^\\{\\\\", "a$^{\\", true);
	expect("a.c", "a\nc", true);
	expect("a}]", "a}]", true);
}

static void sets_match_as_in_posix(void **state)
{
	(void)state;
	expect("[abc]", "xb", true);
	expect("[a-c]", "d", false);
	expect("^[^a-c]$", "d", true);
	expect("^[^a-c]$", "\xe4", true);
	expect("[]a]", "]", true);
	expect("[^]a]", "]", false);
	expect("[a-]", "-", true);
	expect("[\\]", "\\", true);
	expect("^[[:digit:]_x]+$", "1_x", true);
	expect("^[[:digit:]_x]+$", "1_y", false);
	expect("[[:space:]]", "a\tb", true);
	expect("[{(*]", "(", true);
	expect("[*--]", "+", true);
}

static void undefined_expressions_are_refused(void **state)
{
	char text[512];
	int i;

	(void)state;
	refuse("", "empty");
	refuse("a|", "empty");
	refuse("|a", "empty");
	refuse("()", "empty");
	refuse("(a", "not closed");
	refuse("a)", "without its (");
	refuse("[a", "not closed");
	refuse("[]", "not closed");
	refuse("*a", "nothing for the *");
	refuse("(+a)", "nothing for the +");
	refuse("a**", "repeated");
	refuse("a*{2}", "repeated");
	refuse("^*", "cannot be repeated");
	refuse("a{", "begins a repetition");
	refuse("a{,2}", "begins a repetition");
	refuse("a{256}", "up to 255");
	refuse("a{2", "not closed");
	refuse("a{3,2}", "below the first");
	refuse("a{0}", "is 0");
	refuse("(a)\\1", "there is no \\1");
	refuse("\\w", "there is no \\w");
	refuse("a\\", "ends in a \\");
	refuse("[b-a]", "behind its end");
	refuse("[[:foo:]]", "no class");
	refuse("[[.a.]]", "locale");
	refuse("[\xc3\xa4]", "ASCII");
	refuse("((a{200}){200}){200}", "too long");
	refuse("(((((a|b){9}){9}){9}){9}){9}", "too long");
	memset(text, '(', 100);
	snprintf(text + 100, sizeof(text) - 100, "a");
	refuse(text, "in each other");
	for (i = 0; i < 33; i++)
		snprintf(text + 3 * (size_t)i, sizeof(text) - 3 * (size_t)i, "[a]");
	refuse(text, "sets []");
}

/* ---- compared with the C library -------------------------------------------------- */

/* The same numbers in each run, so that a failure can be repeated. */
static unsigned int next_random(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1103515245U + 12345U;
	return (*seed >> 16) % below;
}

static void random_text(unsigned int *seed, const char *const *pieces, unsigned int kinds,
			unsigned int most, char *text, size_t size)
{
	unsigned int count = next_random(seed, most + 1);

	text[0] = '\0';
	while (count--)
		strncat(text, pieces[next_random(seed, kinds)], size - strlen(text) - 1);
}

static void random_expressions_match_as_in_the_libc(void **state)
{
	static const char *const pieces[] = { "a",    "b",    "c",   "a",     "b",     ".",
					      "(",    ")",    "(",   ")",     "|",     "*",
					      "+",    "?",    "{2}", "{1,3}", "{0,2}", "{2,}",
					      "[ab]", "[^a]", "^",   "$",     "\\." };
	static const char *const letters[] = { "a", "b", "c", "." };
	unsigned int seed = 1, tried = 0, found = 0, i, k;
	char text[128], searched[32];
	struct pattern *pattern;
	regex_t regex;
	bool ours;

	(void)state;
	for (i = 0; i < 100000; i++) {
		random_text(&seed, pieces, sizeof(pieces) / sizeof(pieces[0]), 12, text,
			    sizeof(text));
		if (pattern_compile(text, &pattern, NULL))
			continue;
		if (regcomp(&regex, text, REG_EXTENDED | REG_NOSUB))
			fail_msg("only ours takes %s", text);
		for (k = 0; k < 10; k++) {
			random_text(&seed, letters, 4, 10, searched, sizeof(searched));
			ours = pattern_matches(pattern, searched);
			if (ours != !regexec(&regex, searched, 0, NULL, 0))
				fail_msg("%s in \"%s\": ours says %d", text, searched, ours);
			tried++;
			found += ours;
		}
		regfree(&regex);
		pattern_free(pattern);
	}
	/* Many were compared, and both answers are frequent. */
	assert_true(tried > 100000 && found > tried / 10 && found < tried * 9 / 10);
}

/* ---- time ------------------------------------------------------------------------- */

/*
 * The C library takes minutes for some of these, and the alarm would end a matcher that
 * backtracks forever. The bound is 4096 bytes times 1024 steps.
 */
static void every_text_is_searched_quickly(void **state)
{
	static const char *const texts[] = {
		"(a|b)*a(a|b){200}c", "a.{0,80}bc", "(a*)*c", "(a|a)*c",
		"((a?){30}){8}c",     "(.*.*)*c"
	};
	char searched[4097];
	struct pattern *pattern;
	unsigned int seed = 1, i, k;

	(void)state;
	for (i = 0; i < 4096; i++)
		searched[i] = "ab"[next_random(&seed, 2)];
	searched[4096] = '\0';
	for (k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
		assert_int_equal(pattern_compile(texts[k], &pattern, NULL), 0);
		alarm(60);
		assert_false(pattern_matches(pattern, searched));
		alarm(0);
		pattern_free(pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_match_as_in_egrep),
		cmocka_unit_test(sets_match_as_in_posix),
		cmocka_unit_test(undefined_expressions_are_refused),
		cmocka_unit_test(random_expressions_match_as_in_the_libc),
		cmocka_unit_test(every_text_is_searched_quickly),
	};

	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
