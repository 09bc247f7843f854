/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The masked and the unmasked words of command lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../evidence/store/redact.h"

#define WORDS_MAX 4

/* Words before and after; an unmasked word is the same in both. */
static const struct {
	const char *before[WORDS_MAX], *after[WORDS_MAX];
} lines[] = {
	{ { "prog", "--password=hush" }, { "prog", "--password=***" } },
	{ { "prog", "--password", "hush", "x" }, { "prog", "--password", "***", "x" } },
	{ { "prog", "--password", "-hush" }, { "prog", "--password", "***" } },
	/* An option after an option: the first one has no value. */
	{ { "prog", "--password", "--verbose" }, { "prog", "--password", "--verbose" } },
	{ { "prog", "-pass", "hush" }, { "prog", "-pass", "***" } },
	{ { "env", "MYSQL_PASSWORD=hush", "prog" }, { "env", "MYSQL_PASSWORD=***", "prog" } },
	{ { "env", "api_key=hush" }, { "env", "api_key=***" } },
	{ { "env", "API-KEY=hush" }, { "env", "API-KEY=***" } },
	{ { "java", "-Djavax.net.ssl.keyStorePassword=hush" },
	  { "java", "-Djavax.net.ssl.keyStorePassword=***" } },
	{ { "prog", "--password=with blank in it" }, { "prog", "--password=***" } },
	{ { "prog", "--password=a=b" }, { "prog", "--password=***" } },
	{ { "prog", "--password=" }, { "prog", "--password=***" } },
	{ { "sh", "-c", "mysql --password=hush -h db" },
	  { "sh", "-c", "mysql --password=*** -h db" } },
	{ { "sh", "-c", "mysql --password hush -h db" },
	  { "sh", "-c", "mysql --password *** -h db" } },
	{ { "curl", "-H", "Authorization: Bearer hush hush" },
	  { "curl", "-H", "Authorization: ***" } },
	{ { "curl", "https://me:hush@host/x" }, { "curl", "https://me:***@host/x" } },
	{ { "curl", "https://me:h@u:s?h&@host/x@y" }, { "curl", "https://me:***@host/x@y" } },
	{ { "curl", "https://host/?token=hush&page=2" },
	  { "curl", "https://host/?token=***&page=2" } },
	{ { "curl", "a://b:1@c d://e:2@f" }, { "curl", "a://b:***@c d://e:***@f" } },
	{ { "prog", "--token-file", "/etc/token", "x" }, { "prog", "--token-file", "***", "x" } },
	/* None of these is the name of a secret. */
	{ { "prog", "--author=me", "PATH=/bin" }, { "prog", "--author=me", "PATH=/bin" } },
	{ { "prog", "password", "is", "shown" }, { "prog", "password", "is", "shown" } },
	{ { "curl", "https://host:80/x" }, { "curl", "https://host:80/x" } },
	{ { "", "--", "-", "=" }, { "", "--", "-", "=" } },
	{ { "\xff=\xff", "x" }, { "\xff=\xff", "x" } },
};

static size_t join(const char *const *words, char *ret_joined)
{
	size_t size = 0, i;

	for (i = 0; i < WORDS_MAX && words[i]; i++) {
		memcpy(ret_joined + size, words[i], strlen(words[i]) + 1);
		size += strlen(words[i]) + 1;
	}
	return size;
}

static void secrets_are_masked_and_nothing_else(void **state)
{
	char before[512], after[512], *redacted;
	size_t before_size, after_size, size, i;
	struct redactor *redactor;

	(void)state;
	assert_int_equal(redact_new(NULL, 0, &redactor, NULL), 0);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		before_size = join(lines[i].before, before);
		after_size = join(lines[i].after, after);
		redacted = redact_apply(redactor, before, before_size, &size);
		assert_non_null(redacted);
		if (size != after_size || memcmp(redacted, after, size) != 0)
			fail_msg("%s: \"%s\" became \"%s\"", lines[i].before[0], lines[i].before[1],
				 redacted + strlen(redacted) + 1);
		free(redacted);
	}
	redact_free(redactor);
}

static void configured_names_are_masked(void **state)
{
	static const char *const more[] = { "--pin", "x-*-key" };
	static const char words[] = "prog\0--pin=1234\0x_my_KEY=hush\0spin=1";
	static const char wanted[] = "prog\0--pin=***\0x_my_KEY=***\0spin=1";
	struct redactor *redactor;
	char *redacted;
	size_t size;

	(void)state;
	assert_int_equal(redact_new(more, 2, &redactor, NULL), 0);
	redacted = redact_apply(redactor, words, sizeof(words), &size);
	assert_int_equal(size, sizeof(wanted));
	assert_memory_equal(redacted, wanted, size);
	free(redacted);
	redact_free(redactor);
}

static void invalid_names_are_refused(void **state)
{
	static const char *const bad[] = { "", "a=b", "a b", "a\n" };
	struct redactor *redactor = NULL;
	struct maze_error error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error.text[0] = '\0';
		assert_int_equal(redact_new(&bad[i], 1, &redactor, &error), -EINVAL);
		assert_non_null(strstr(error.text, "invalid mask"));
		assert_null(redactor);
	}
}

#define A_16 "aaaaaaaaaaaaaaaa"
#define A_64 A_16 A_16 A_16 A_16

/* A mask and a name that would make a backtracking matcher take forever. */
static void every_name_is_matched_quickly(void **state)
{
	static const char *const more[] = { "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b" };
	char word[] = A_64 A_64 "=value", *redacted;
	struct redactor *redactor;
	size_t size;

	(void)state;
	assert_int_equal(redact_new(more, 1, &redactor, NULL), 0);
	redacted = redact_apply(redactor, word, sizeof(word), &size);
	assert_string_equal(redacted, word);
	free(redacted);
	redact_free(redactor);
}

static void an_empty_command_line_stays_empty(void **state)
{
	struct redactor *redactor;
	size_t size = 1;
	char *redacted;

	(void)state;
	assert_int_equal(redact_new(NULL, 0, &redactor, NULL), 0);
	redacted = redact_apply(redactor, "", 0, &size);
	assert_non_null(redacted);
	assert_int_equal(size, 0);
	free(redacted);
	redact_free(redactor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_masked_and_nothing_else),
		cmocka_unit_test(configured_names_are_masked),
		cmocka_unit_test(invalid_names_are_refused),
		cmocka_unit_test(every_name_is_matched_quickly),
		cmocka_unit_test(an_empty_command_line_stays_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
