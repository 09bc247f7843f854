/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the name that is most similar to a misspelt word. */
#ifndef MAZE_CLI_SUGGEST_H
#define MAZE_CLI_SUGGEST_H

#include <stddef.h>

/* Begin with only `word` set. */
struct suggestion {
	const char *word;
	const char *name; /* the most similar so far; NULL: none */
	size_t distance;
};

/*
 * A similar name begins with the word, or differs from it in one character, or in two if
 * the word is longer than three.
 */
void suggestion_consider(struct suggestion *suggestion, const char *name);

#endif
