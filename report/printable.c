/* SPDX-License-Identifier: GPL-2.0-only */
#include "shown.h"

#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "../base/escape.h"

/* Escapes one character and moves *at behind it. Returns how many columns it takes. */
static size_t glyph(const struct shown_terminal *terminal, const char **at, char buf[ESCAPE_MAX])
{
	unsigned int code = escape_next(at, buf);
	int width = -1;

	if (code < 0x80)
		return strlen(buf);
	if (terminal->page)
		width = 1;
	else if (terminal->utf8 && iswprint((wint_t)code))
		width = wcwidth((wchar_t)code);
	return width < 0 ? escape_code(code, buf) : (size_t)width;
}

/*
 * Writes the part of `text` that fits to `out`, which may be NULL. Returns false if
 * `text` is longer.
 */
static bool put(FILE *out, const struct shown_terminal *terminal, const char *text, size_t columns,
		size_t *ret_columns)
{
	const char *at = text;
	char buf[ESCAPE_MAX];
	size_t width;

	*ret_columns = 0;
	while (*at) {
		width = glyph(terminal, &at, buf);
		if ((columns && *ret_columns + width > columns) ||
		    (size_t)(at - text) > SHOWN_NAME_MAX)
			return false;
		if (out)
			fputs(buf, out);
		*ret_columns += width;
	}
	return true;
}

size_t shown_printable(FILE *out, const struct shown_terminal *terminal, const char *text,
		       size_t columns)
{
	size_t written;

	if (put(NULL, terminal, text, columns, &written))
		put(out, terminal, text, columns, &written);
	else if (columns && columns <= 3)
		fprintf(out, "%.*s", (int)(written = columns), "...");
	else {
		put(out, terminal, text, columns ? columns - 3 : 0, &written);
		fputs("...", out);
		written += 3;
	}
	return written;
}

size_t shown_columns(const struct shown_terminal *terminal, const char *text)
{
	size_t columns;

	return put(NULL, terminal, text, 0, &columns) ? columns : columns + 3;
}
