/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Splits lists as words.h says. One pass and two allocations: a word, with the NUL
 * behind it, never needs more bytes than it and what ends it took in the text.
 */
#include "string_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void words_done(struct words *words)
{
	free(words->words);
	free(words->text);
	*words = (struct words){ 0 };
}

/* Room for all words that the text can have, and for their bytes. */
static bool reserve(const char *text, struct words *ret_words)
{
	size_t length = strlen(text);

	/* A word and a blank are two bytes; one more for the last, and one for the NULL. */
	ret_words->words = calloc(length / 2 + 2, sizeof(char *));
	ret_words->text = malloc(length + 1);
	if (ret_words->words && ret_words->text)
		return true;
	words_done(ret_words);
	return false;
}

/* Copies the word at *at to *to without its quotes, and moves both behind it. */
static int take_word(const char **at, char **to, struct maze_error *error)
{
	const char *from = *at, *begin = *at;
	char quote = '\0';

	for (; *from && (quote || !is_blank(*from)); from++) {
		if (quote && *from == quote)
			quote = '\0';
		else if (!quote && (*from == '"' || *from == '\''))
			quote = *from;
		else
			*(*to)++ = *from;
	}
	*(*to)++ = '\0';
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
	int err = 0;
	char *to;

	if (!reserve(text, &words))
		return maze_fail(error, -ENOMEM, "out of memory");
	to = words.text;
	while (!err) {
		while (is_blank(*text))
			text++;
		if (!*text)
			break;
		words.words[words.count++] = to;
		err = take_word(&text, &to, error);
	}
	if (err) {
		words_done(&words);
		return err;
	}
	*ret_words = words;
	return 0;
}
