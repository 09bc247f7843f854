/* SPDX-License-Identifier: GPL-2.0-only */
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The width of what is no terminal, or does not report its size. 80 columns are usual. */
#define COLUMNS_DEFAULT 80

static size_t columns(int fd)
{
	const char *text = getenv("COLUMNS");
	struct winsize size = { 0 };
	long number = text ? strtol(text, NULL, 10) : 0;

	if (number > 0 && number <= 10000)
		return (size_t)number;
	if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return COLUMNS_DEFAULT;
}

size_t terminal_columns(int fd)
{
	return isatty(fd) ? columns(fd) : 0;
}

/* Counts the characters, as the bytes that begin one in UTF-8. */
static size_t characters(const char *text, size_t length)
{
	size_t count = 0, i;

	for (i = 0; i < length; i++)
		count += (text[i] & 0xc0) != 0x80;
	return count;
}

void terminal_print(FILE *stream, size_t width, const char *prefix, const char *text)
{
	size_t indent = strlen(prefix), column = indent, spaces, length, end;

	fputs(prefix, stream);
	while (*text) {
		spaces = strspn(text, " ");
		length = strcspn(text + spaces, " \n");
		end = column + spaces + characters(text + spaces, length);
		if (width && column > indent && end > width) {
			fprintf(stream, "\n%*s", (int)indent, "");
			end -= column + spaces - indent;
			text += spaces;
			spaces = 0;
		}
		column = end;
		fwrite(text, 1, spaces + length, stream);
		text += spaces + length;
		if (*text == '\n') {
			text++;
			column = indent;
			fprintf(stream, "\n%*s", *text == '\n' ? 0 : (int)indent, "");
		}
	}
	fputc('\n', stream);
}

void terminal_query(struct shown_terminal *ret_terminal, bool *ret_bold)
{
	const char *name = getenv("TERM"), *no_color = getenv("NO_COLOR");

	setlocale(LC_CTYPE, "");
	ret_terminal->columns = columns(STDOUT_FILENO);
	ret_terminal->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	*ret_bold = isatty(STDOUT_FILENO) && name && strcmp(name, "dumb") != 0 &&
		    !(no_color && no_color[0]);
}
