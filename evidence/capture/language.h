/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the language runtime of a process by the files that it has mapped as code. */
#ifndef MAZE_EVIDENCE_LANGUAGE_H
#define MAZE_EVIDENCE_LANGUAGE_H

#include "maps.h"

enum language {
	LANGUAGE_NONE,
	LANGUAGE_PYTHON,
	LANGUAGE_NODE,
	LANGUAGE_JAVA,
	LANGUAGE_RUBY,
	LANGUAGE_PHP,
	LANGUAGES,
};

/* Returns the runtime's code: its library if there is one, or else its program, or NULL. */
const struct map *language_map(const struct maps *maps, enum language language);
/* `exe` is the path of the program and may be NULL. The program comes before libraries. */
enum language language_of(const struct maps *maps, const char *exe);

const char *language_name(enum language language);
/* Returns a sentence about what gives the functions of the language their names. */
const char *language_hint(enum language language);

#endif
