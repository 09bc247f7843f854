/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See printable.h. printable_write() leaves bytes from 128 on as they are: they may
 * be UTF-8. printable_copy() looks whether they are.
 */
#include "printable.h"

#include <string.h>

void printable_write(FILE *out, const char *text)
{
	const unsigned char *at;

	for (at = (const unsigned char *)text; *at; at++) {
		if (*at < ' ' || *at == 127)
			fprintf(out, "\\x%02x", *at);
		else
			fputc(*at, out);
	}
}

/*
 * The bytes of the well-formed UTF-8 character at `at` that is no control character;
 * 0: there is none. The bounds of the second byte are those of table 3-7 of the
 * Unicode standard; with them go surrogates, overlong forms and what is beyond 10ffff.
 */
static size_t character_length(const unsigned char *at)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length, i;

	if (*at < 0x80)
		return *at >= ' ' && *at != 127;
	if (*at < 0xc2 || *at > 0xf4)
		return 0;
	length = *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
	if (*at == 0xe0 || *at == 0xc2)
		/* U+0080 to U+009F, behind c2, are control characters. */
		low = 0xa0;
	else if (*at == 0xf0)
		low = 0x90;
	if (*at == 0xed)
		high = 0x9f;
	else if (*at == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

const char *printable_copy(char *buf, size_t size, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t n = 0, length;
	char escaped[8];

	while (*at) {
		length = character_length(at);
		if (length) {
			if (n + length >= size)
				break;
			memcpy(buf + n, at, length);
			n += length;
			at += length;
			continue;
		}
		length = (size_t)snprintf(escaped, sizeof(escaped), "\\x%02x", *at);
		if (n + length >= size)
			break;
		memcpy(buf + n, escaped, length);
		n += length;
		at++;
	}
	buf[n] = '\0';
	return buf;
}
