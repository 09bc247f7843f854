/* SPDX-License-Identifier: GPL-2.0-only */
#include "escape.h"

#include <stdbool.h>
#include <string.h>

size_t utf8_decode(const char *bytes, size_t length, unsigned int *ret_code)
{
	/*
	 * The least code point of each size. A smaller one makes the encoding overlong.
	 */
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *byte = (const unsigned char *)bytes;
	unsigned int code;
	size_t size, i;

	if (!length)
		return 0;
	size = byte[0] < 0x80 ? 1 : byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
	/* No character begins with such a byte, or the character is cut off. */
	if ((byte[0] >= 0x80 && byte[0] < 0xc2) || byte[0] > 0xf4 || size > length)
		return 0;
	code = size == 1 ? byte[0] : byte[0] & (0x7fU >> size);
	for (i = 1; i < size; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (byte[i] & 0x3f);
	}
	if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return size;
}

/* Whether the character controls a terminal or makes text look like other text. */
static bool is_unsafe(unsigned int code)
{
	return code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
	       code == 0x180e || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
	       code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
	       (code >= 0xe0000 && code <= 0xe007f);
}

size_t escape_code(unsigned int code, char buf[ESCAPE_MAX])
{
	return (size_t)snprintf(buf, ESCAPE_MAX, "\\u{%04x}", code);
}

unsigned int escape_next(const char **at, char buf[ESCAPE_MAX])
{
	unsigned int code = 0;
	/* The NUL at the end is not a continuation byte, so the decoder stops there. */
	size_t size = utf8_decode(*at, strnlen(*at, 4), &code);

	if (!size || (code < 0x80 && is_unsafe(code))) {
		snprintf(buf, ESCAPE_MAX, "\\x%02x", (unsigned char)**at);
		code = 0;
		size = 1;
	} else if (is_unsafe(code)) {
		escape_code(code, buf);
		code = 0;
	} else {
		memcpy(buf, *at, size);
		buf[size] = '\0';
	}
	*at += size;
	return code;
}

const char *escape_copy(char *buf, size_t size, const char *text)
{
	char shown[ESCAPE_MAX];
	size_t n = 0, length;

	while (*text) {
		escape_next(&text, shown);
		length = strlen(shown);
		if (n + length >= size)
			break;
		memcpy(buf + n, shown, length);
		n += length;
	}
	buf[n] = '\0';
	return buf;
}

void escape_write(FILE *out, const char *text)
{
	char shown[ESCAPE_MAX];

	while (*text) {
		escape_next(&text, shown);
		fputs(shown, out);
	}
}

const char *shell_word(char *buf, size_t size, const char *word)
{
	static const char quote[] = "'\\''";
	size_t n = 0;

	if (*word && !word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789/._-+:@%,")]) {
		snprintf(buf, size, "%s", word);
		return buf;
	}
	buf[n++] = '\'';
	for (; *word && n + sizeof(quote) + 1 < size; word++) {
		if (*word == '\'')
			n += (size_t)snprintf(buf + n, size - n, "%s", quote);
		else
			buf[n++] = *word;
	}
	buf[n++] = '\'';
	buf[n] = '\0';
	return buf;
}
