/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Escapes text of other processes for terminals and log lines. Well-formed UTF-8 is kept,
 * except control characters (U+0000 to U+001F, U+007F to U+009F) and characters that
 * reorder or hide text (bidirectional controls, line separators, zero-width characters).
 * The escape is \u{NNNN} for a character from U+0080 on. It is \xNN for any other
 * character and for each byte that is not UTF-8.
 */
#ifndef MAZE_BASE_ESCAPE_H
#define MAZE_BASE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* Room for the longest escape, "\u{10ffff}", and its NUL. */
#define ESCAPE_MAX 16

/* Returns the size of the first character in `length` bytes; 0: none or invalid. */
size_t utf8_decode(const char *bytes, size_t length, unsigned int *ret_code);

/*
 * Copies the character or byte at *at, which is not NUL, into buf as a string. Escapes it
 * if necessary, and moves *at behind it. Returns the code point; 0: it was escaped.
 */
unsigned int escape_next(const char **at, char buf[ESCAPE_MAX]);
/* Writes "\u{NNNN}" for a terminal that lacks the character. Returns the length. */
size_t escape_code(unsigned int code, char buf[ESCAPE_MAX]);

/* Escapes a text, and cuts it between characters if `size` is too small. Returns buf. */
const char *escape_copy(char *buf, size_t size, const char *text);
void escape_write(FILE *out, const char *text);

/* Quotes a word for a shell if necessary, and cuts it if `size` is too small. */
const char *shell_word(char *buf, size_t size, const char *word);

#endif
