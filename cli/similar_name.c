/* SPDX-License-Identifier: GPL-2.0-only */
#include "similar_name.h"

#include <string.h>

/* A limit for the names of commands and options, which are all shorter. */
#define NAME_LEN_MAX 16

/* Returns the Levenshtein distance between a word and a name. */
static size_t distance(const char *word, const char *name)
{
	size_t row[NAME_LEN_MAX], length = strlen(name), i, j, diagonal, above;

	for (j = 0; j <= length; j++)
		row[j] = j;
	for (i = 1; word[i - 1]; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= length; j++) {
			above = row[j];
			row[j] = diagonal + (word[i - 1] != name[j - 1]);
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diagonal = above;
		}
	}
	return row[length];
}

void similar_name_consider(struct similar_name *similar, const char *name)
{
	size_t length = strlen(similar->word), d;

	/* An abbreviation is as close as a word with one wrong character. */
	d = length > 1 && !strncmp(name, similar->word, length) ? 1 : distance(similar->word, name);
	if (d > (length > 3 ? 2U : 1U) || (similar->name && d >= similar->distance))
		return;
	similar->name = name;
	similar->distance = d;
}
