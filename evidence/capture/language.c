/* SPDX-License-Identifier: GPL-2.0-only */
#include "language.h"

#include <ctype.h>
#include <string.h>

/* V8 accepts each of these options from NODE_OPTIONS too, since Node 12. */
static const struct {
	const char *name;
	const char *library; /* how its path goes on behind the directory; NULL: none */
	const char *program;
	const char *hint;
} languages[LANGUAGES] = {
	[LANGUAGE_PYTHON] = { "Python", "/libpython3.", "/python",
			      "The stack shows the Python interpreter; Python 3.12 or later names "
			      "Python functions if it is started with -X perf (python3 "
			      "--version)" },
	[LANGUAGE_NODE] = { "JavaScript", "/libnode.so", "/node",
			    "JavaScript functions have names only in /tmp/perf-PID.map, which node "
			    "writes with --perf-basic-prof (or --perf-basic-prof-only-functions, "
			    "which writes less) and --interpreted-frames-native-stack; "
			    "NODE_OPTIONS may have these options" },
	[LANGUAGE_JAVA] = { "Java", "/libjvm.so", NULL,
			    "Java methods have names only in /tmp/perf-PID.map, which Java 17 or "
			    "later writes at the command jcmd PID Compiler.perfmap while the loop "
			    "runs (--java-perf-map and java-perf-map request it); java "
			    "-XX:+PreserveFramePointer makes callers visible" },
	[LANGUAGE_RUBY] = { "Ruby", "/libruby", "/ruby",
			    "Ruby functions have no names; the stack shows the Ruby interpreter" },
	[LANGUAGE_PHP] = { "PHP", "/libphp", "/php",
			   "PHP functions have no names; the stack shows the PHP interpreter" },
};

static bool begins(const char *name, const char *with)
{
	return with && !strncmp(name, with, strlen(with));
}

/* "/python3.11" and "/php-fpm8.2" are programs of a runtime, "/node_exporter" is none. */
static bool is_program(const char *name, const char *program)
{
	unsigned char next = begins(name, program) ? (unsigned char)name[strlen(program)] : 'x';

	return !isalpha(next) && next != '_';
}

const struct map *language_map(const struct maps *maps, enum language language)
{
	const struct map *program = NULL;
	const char *name;
	size_t i;

	for (i = 0; i < maps->count; i++) {
		if (!map_has_file(&maps->map[i]))
			continue;
		name = strrchr(maps->map[i].path, '/');
		if (begins(name, languages[language].library))
			return &maps->map[i];
		if (!program && is_program(name, languages[language].program))
			program = &maps->map[i];
	}
	return program;
}

enum language language_of(const struct maps *maps, const char *exe)
{
	const char *name = exe ? strrchr(exe, '/') : NULL;
	enum language language;

	for (language = LANGUAGE_NONE + 1; name && language < LANGUAGES; language++)
		if (is_program(name, languages[language].program))
			return language;
	for (language = LANGUAGE_NONE + 1; language < LANGUAGES; language++)
		if (language_map(maps, language))
			return language;
	return LANGUAGE_NONE;
}

const char *language_name(enum language language)
{
	return languages[language].name;
}

const char *language_hint(enum language language)
{
	return languages[language].hint;
}
