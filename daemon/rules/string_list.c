/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * string_list_split() makes one pass and two allocations. The words with their NULs fit
 * into a copy of the text, because each NUL takes the place of a blank or of the text's
 * NUL.
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

void string_list_done(struct string_list *list)
{
	free(list->items);
	free(list->text);
	*list = (struct string_list){ 0 };
}

/* Allocates room for as many words as the text can have, and for their bytes. */
static bool reserve(const char *text, struct string_list *ret_list)
{
	size_t length = strlen(text);

	/*
	 * A word and its blank take at least two bytes. Add room for the last word and
	 * NULL.
	 */
	ret_list->items = calloc(length / 2 + 2, sizeof(char *));
	ret_list->text = malloc(length + 1);
	if (ret_list->items && ret_list->text)
		return true;
	string_list_done(ret_list);
	return false;
}

/* Copies the word at *at to *to without its quotes, and advances both pointers. */
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
				 "unterminated quote in %.64s; close it, or quote the word with "
				 "the other kind",
				 begin);
	return 0;
}

int string_list_split(const char *text, struct string_list *ret_list, struct maze_error *error)
{
	struct string_list list = { 0 };
	int err = 0;
	char *to;

	if (!reserve(text, &list))
		return maze_fail(error, -ENOMEM, "out of memory");
	to = list.text;
	while (!err) {
		while (is_blank(*text))
			text++;
		if (!*text)
			break;
		list.items[list.count++] = to;
		err = take_word(&text, &to, error);
	}
	if (err) {
		string_list_done(&list);
		return err;
	}
	*ret_list = list;
	return 0;
}
