/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Splits lists as words.h says. One pass; every word is at most as long as what it
 * was written in.
 */
#include "words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/error.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void words_done(struct words *words)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		free(words->words[i]);
	free(words->words);
	*words = (struct words){ 0 };
}

static int append(struct words *words, char *word)
{
	/* The word, and the NULL at the end. */
	char **grown = realloc(words->words, (words->count + 2) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	words->words = grown;
	grown[words->count++] = word;
	grown[words->count] = NULL;
	return 0;
}

/* Copies the word at *at without its quotes into `word` and moves *at behind it. */
static int take_word(const char **at, char *word, struct maze_error *error)
{
	const char *from = *at, *begin = *at;
	char quote = '\0';

	for (; *from && (quote || !is_blank(*from)); from++) {
		if (quote && *from == quote)
			quote = '\0';
		else if (!quote && (*from == '"' || *from == '\''))
			quote = *from;
		else
			*word++ = *from;
	}
	*word = '\0';
	*at = from;
	if (quote)
		return maze_fail(error, -EINVAL,
				 "the quote in %.64s does not end; close it, or put the word into "
				 "quotes of the other kind",
				 begin);
	return 0;
}

int words_split(const char *text, struct words *ret_words, struct maze_error *error)
{
	struct words words = { 0 };
	char *word;
	int err;

	for (;;) {
		while (is_blank(*text))
			text++;
		if (!*text)
			break;
		word = malloc(strlen(text) + 1);
		err = word ? take_word(&text, word, error)
			   : maze_fail(error, -ENOMEM, "out of memory");
		if (!err && append(&words, word))
			err = maze_fail(error, -ENOMEM, "out of memory");
		if (err) {
			free(word);
			goto out_words;
		}
	}
	*ret_words = words;
	return 0;

out_words:
	words_done(&words);
	return err;
}
