/* SPDX-License-Identifier: GPL-2.0-only */
/* Which language runtime the files of a process are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evidence/capture/language.h"

static const struct {
	const char *exe;     /* NULL: unknown */
	const char *maps[2]; /* NULL: none */
	enum language language;
	int map; /* the index of the runtime's code; -1: none */
} cases[] = {
	{ "/usr/bin/python3.11", { "/usr/bin/python3.11" }, LANGUAGE_PYTHON, 0 },
	{ "/opt/python", { "/opt/python", "/opt/libpython3.14.so.1.0" }, LANGUAGE_PYTHON, 1 },
	{ "/usr/sbin/uwsgi", { "/usr/sbin/uwsgi", "/lib/libpython3.12.so.1" }, LANGUAGE_PYTHON, 1 },
	{ NULL, { "/usr/bin/python3" }, LANGUAGE_PYTHON, 0 },
	{ "/usr/bin/node", { "/usr/bin/node" }, LANGUAGE_NODE, 0 },
	{ "/usr/bin/node", { "/usr/bin/node", "/lib/libnode.so.108" }, LANGUAGE_NODE, 1 },
	{ "/usr/bin/node_exporter", { "/usr/bin/node_exporter" }, LANGUAGE_NONE, -1 },
	{ "/usr/bin/nodemon", { "/usr/bin/nodemon" }, LANGUAGE_NONE, -1 },
	{ "/opt/jdk/bin/java", { "/opt/jdk/bin/java", "/opt/libjvm.so" }, LANGUAGE_JAVA, 1 },
	{ "/opt/jdk/bin/java", { "/opt/jdk/bin/java" }, LANGUAGE_NONE, -1 },
	{ "/usr/bin/ruby3.1", { "/usr/bin/ruby3.1", "/lib/libruby-3.1.so.3.1" }, LANGUAGE_RUBY, 1 },
	{ "/usr/sbin/php-fpm8.2", { "/usr/sbin/php-fpm8.2" }, LANGUAGE_PHP, 0 },
	{ "/usr/sbin/apache2", { "/usr/sbin/apache2", "/lib/libphp8.2.so" }, LANGUAGE_PHP, 1 },
	/* The program comes before the libraries. */
	{ "/usr/bin/ruby", { "/usr/bin/ruby", "/lib/libpython3.11.so" }, LANGUAGE_RUBY, 0 },
	{ "/bin/sh", { "/bin/sh", "[vdso]" }, LANGUAGE_NONE, -1 },
	{ "node", { "node" }, LANGUAGE_NONE, -1 },
	{ "/usr/bin/node", { NULL }, LANGUAGE_NODE, -1 },
	{ NULL, { NULL }, LANGUAGE_NONE, -1 },
};

static void test_cases(void **state)
{
	struct map map[2] = { 0 };
	struct maps maps = { .map = map };
	enum language language;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (maps.count = 0; maps.count < 2 && cases[i].maps[maps.count]; maps.count++) {
			map[maps.count].path = (char *)cases[i].maps[maps.count];
			map[maps.count].inode = 1;
		}
		language = language_of(&maps, cases[i].exe);
		if (language != cases[i].language)
			fail_msg("case %zu: language %d", i, (int)language);
		if (language != LANGUAGE_NONE)
			assert_ptr_equal(language_map(&maps, language),
					 cases[i].map < 0 ? NULL : &map[cases[i].map]);
	}
}

/* A note is a sentence, and each language has one. */
static void test_hints(void **state)
{
	enum language language;

	(void)state;
	for (language = LANGUAGE_NONE + 1; language < LANGUAGES; language++) {
		assert_non_null(language_name(language));
		assert_non_null(language_hint(language));
	}
	assert_null(language_hint(LANGUAGE_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
