/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the name that is most similar to a misspelt word. */
#ifndef MAZE_CLI_SIMILAR_NAME_H
#define MAZE_CLI_SIMILAR_NAME_H

#include <stddef.h>

/* Begin with only `word` set. */
struct similar_name {
	const char *word;
	const char *name; /* the most similar so far; NULL: none */
	size_t distance;
};

/*
 * A similar name begins with the word, or differs from it in one character, or in two if
 * the word is longer than three.
 */
void similar_name_consider(struct similar_name *similar, const char *name);

#endif
