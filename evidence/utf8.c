/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UTF-8 as RFC 3629 has it; see utf8.h.
 */
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

size_t utf8_character(const char *bytes, size_t length)
{
	unsigned char first, second;
	size_t size, i;

	if (!length)
		return 0;
	first = (unsigned char)bytes[0];
	if (first < 0x80)
		return 1;
	size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	/* Continuations, overlong forms of two bytes, and what lies beyond U+10FFFF. */
	if (first < 0xc2 || first > 0xf4 || size > length)
		return 0;
	for (i = 1; i < size; i++)
		if (((unsigned char)bytes[i] & 0xc0) != 0x80)
			return 0;
	second = (unsigned char)bytes[1];
	/* Longer overlong forms, surrogates, beyond U+10FFFF again. */
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	return size;
}

json_t *utf8_json(const char *bytes, size_t length)
{
	char *text = malloc(length * strlen(REPLACEMENT) + 1);
	size_t i = 0, n = 0, size;
	json_t *string;

	if (!text)
		return NULL;
	while (i < length) {
		size = utf8_character(bytes + i, length - i);
		if (size) {
			memcpy(text + n, bytes + i, size);
			n += size;
			i += size;
		} else {
			memcpy(text + n, REPLACEMENT, strlen(REPLACEMENT));
			n += strlen(REPLACEMENT);
			i++;
		}
	}
	string = json_stringn(text, n);
	free(text);
	return string;
}
