/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts of others on their way to a terminal; see shown.h. What comes in is UTF-8 that
 * was checked, as JSON has it.
 */
#include "shown.h"

#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* "\u{10ffff}" and the NUL. */
#define GLYPH_LEN 16

unsigned int shown_next(const char **at)
{
	const unsigned char *byte = (const unsigned char *)*at;
	int more = byte[0] >= 0xf0 ? 3 : byte[0] >= 0xe0 ? 2 : byte[0] >= 0xc0 ? 1 : 0;
	unsigned int code = more ? byte[0] & (0x3fU >> more) : byte[0];

	for (; more > 0 && (byte[1] & 0xc0) == 0x80; more--)
		code = code << 6 | (*++byte & 0x3f);
	if (byte[0])
		byte++;
	*at = (const char *)byte;
	return code;
}

/* Those that change the order or the lines of what stands around them. */
static bool rearranges(unsigned int code)
{
	return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || code == 0x61c;
}

/* How one character is written; returns its columns. */
static size_t glyph(const struct shown_terminal *terminal, unsigned int code, const char *from,
		    size_t length, char buf[GLYPH_LEN])
{
	int width;

	if (code < ' ' || code == 127)
		return (size_t)snprintf(buf, GLYPH_LEN, "\\x%02x", code);
	if (code < 127) {
		buf[0] = (char)code;
		buf[1] = '\0';
		return 1;
	}
	width = -1;
	if (terminal->page)
		width = code < 0xa0 || rearranges(code) ? -1 : 1;
	else if (terminal->utf8 && !rearranges(code) && iswprint((wint_t)code))
		width = wcwidth((wchar_t)code);
	if (width < 0)
		return (size_t)snprintf(buf, GLYPH_LEN, "\\u{%04x}", code);
	memcpy(buf, from, length);
	buf[length] = '\0';
	return (size_t)width;
}

/* Writes to `out`, which may be NULL, what fits; false: it was longer. */
static bool put(FILE *out, const struct shown_terminal *terminal, const char *text, size_t columns,
		size_t *ret_columns)
{
	const char *at = text, *from;
	char buf[GLYPH_LEN];
	unsigned int code;
	size_t width;

	*ret_columns = 0;
	while (*at) {
		from = at;
		code = shown_next(&at);
		width = glyph(terminal, code, from, (size_t)(at - from), buf);
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

	/* Where it does not fit, once more with room for the dots. */
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
