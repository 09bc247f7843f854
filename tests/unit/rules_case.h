/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of rules: what a text or file gives, or why it is refused. */
#ifndef MAZE_TEST_RULES_CASE_H
#define MAZE_TEST_RULES_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/rules/explain.h"
#include "daemon/rules/keys.h"
#include "daemon/rules/rules.h"
#include "daemon/rules/unused.h"

/* Resources to release, also when a test fails. */
struct fixture {
	struct rules *rules;
	struct problems problems;
	char directory[64]; /* "" or a directory with test.conf and test.conf.d in it */
};

static const char *const file_names[] = { "test.conf",
					  "test.conf.d/10-a.conf",
					  "test.conf.d/9-b.conf",
					  "test.conf.d/.hidden.conf",
					  "test.conf.d/20-c.conf~",
					  "own.conf" };

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	problems_init(&fixture->problems);
	*state = fixture;
	return 0;
}

static inline void forget(struct fixture *fixture)
{
	rules_free(fixture->rules);
	fixture->rules = NULL;
	problems_done(&fixture->problems);
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;
	char path[256];
	size_t i;

	forget(fixture);
	for (i = 0; fixture->directory[0] && i < sizeof(file_names) / sizeof(file_names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture->directory, file_names[i]);
		unlink(path);
	}
	if (fixture->directory[0]) {
		snprintf(path, sizeof(path), "%s/test.conf.d", fixture->directory);
		rmdir(path);
		rmdir(fixture->directory);
	}
	free(fixture);
	return 0;
}

static inline void say_problems(const struct fixture *fixture)
{
	problems_print(&fixture->problems, stderr);
}

static inline void accept(struct fixture *fixture, const char *text)
{
	forget(fixture);
	if (!rules_parse("t.conf", text, strlen(text), &fixture->rules, &fixture->problems))
		return;
	say_problems(fixture);
	fail_msg("refused: %s", text);
}

/* The first problem is as given; also line 0 and key NULL must match. */
static inline void refuse(struct fixture *fixture, const char *text, unsigned int line,
			  const char *key, const char *because)
{
	const struct problem *first;
	struct rules *untouched = (struct rules *)fixture, *rules = untouched;
	int err;

	forget(fixture);
	err = rules_parse("t.conf", text, strlen(text), &rules, &fixture->problems);
	if (!err)
		fixture->rules = rules;
	assert_int_equal(err, -EINVAL);
	assert_ptr_equal(rules, untouched);
	assert_true(fixture->problems.errors > 0);
	first = &fixture->problems.items[0];
	if (first->line != line || !strstr(first->text, because) ||
	    (key ? !first->key || strcmp(first->key, key) != 0 : first->key != NULL)) {
		say_problems(fixture);
		fail_msg("wanted line %u, %s, \"%s\" for: %s", line, key ? key : "no key", because,
			 text);
	}
	assert_string_equal(first->file, "t.conf");
}

static inline const struct condition *condition(const struct fixture *fixture, enum condition_id id)
{
	return &fixture->rules->rules[0].conditions[id];
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
