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

static size_t columns(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size = { 0 };
	long number = text ? strtol(text, NULL, 10) : 0;

	if (number > 0 && number <= 10000)
		return (size_t)number;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return COLUMNS_DEFAULT;
}

void terminal_query(struct shown_terminal *ret_terminal, bool *ret_bold)
{
	const char *name = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool terminal = isatty(STDOUT_FILENO);

	setlocale(LC_CTYPE, "");
	ret_terminal->columns = columns();
	ret_terminal->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	*ret_bold = terminal && name && strcmp(name, "dumb") != 0 && !(no_color && no_color[0]);
}
