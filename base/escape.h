/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Escapes text of other processes for terminals and log lines. Well-formed UTF-8 is kept.
 * Control characters (U+0000 to U+001F, U+007F to U+009F), characters that reorder or
 * hide text (bidirectional controls, line separators, zero-width characters) and bytes
 * that are not UTF-8 are escaped: \xNN for a byte, \u{NNNN} for a character from U+0080
 * on.
 */
#ifndef MAZE_BASE_ESCAPE_H
#define MAZE_BASE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* "\u{10ffff}" and its NUL, rounded up. */
#define ESCAPE_MAX 16

/* The size of the character at `bytes`, at most `length`; 0: none, or malformed. */
size_t utf8_decode(const char *bytes, size_t length, unsigned int *ret_code);

/*
 * Writes the character or byte at *at, which is not NUL, into buf, escaped if necessary,
 * with a NUL, and moves *at behind it. Returns its code point; 0: escaped.
 */
unsigned int escape_next(const char **at, char buf[ESCAPE_MAX]);
/* "\u{NNNN}", for a terminal that lacks the character. Returns the length. */
size_t escape_code(unsigned int code, char buf[ESCAPE_MAX]);

/* Escapes a text, and cuts it between characters if `size` is too small. Returns buf. */
const char *escape_copy(char *buf, size_t size, const char *text);
void escape_write(FILE *out, const char *text);

#endif
