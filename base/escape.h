/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text from other processes, made safe for a terminal and for a log line. Well-formed UTF-8
 * is kept. Control characters (U+0000 to U+001F, U+007F to U+009F), characters that reorder
 * or hide text (bidirectional controls, line separators, zero-width characters) and bytes
 * that are not UTF-8 are escaped: \xNN for a byte, \u{NNNN} for a character from U+0080 on.
 */
#ifndef MAZE_BASE_ESCAPE_H
#define MAZE_BASE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* "\u{10ffff}" and its NUL, rounded up. */
#define ESCAPE_MAX 16

/* The bytes of the character at `bytes`, of at most `length`; 0: none, or malformed. */
size_t utf8_decode(const char *bytes, size_t length, unsigned int *ret_code);

/*
 * Writes the character or byte at *at, which is not the NUL, as it is to be shown, with a
 * NUL, and moves *at behind it. Returns its code point; 0: it was escaped.
 */
unsigned int escape_next(const char **at, char buf[ESCAPE_MAX]);
/* "\u{NNNN}", for a caller whose terminal lacks the character. Returns the length. */
size_t escape_code(unsigned int code, char buf[ESCAPE_MAX]);

/* The whole text, cut between two characters where `size` is too small. Returns `buf`. */
const char *escape_copy(char *buf, size_t size, const char *text);
void escape_write(FILE *out, const char *text);

#endif
