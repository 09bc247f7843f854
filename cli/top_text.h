/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The screen of maze top as lines of text: the table with columns that fit a width, the
 * line of the machine, and verdicts. Names are escaped (report/shown.h).
 */
#ifndef MAZE_CLI_TOP_TEXT_H
#define MAZE_CLI_TOP_TEXT_H

#include "report/shown.h"
#include "top_view.h"

/* What the line of the machine has. */
struct top_machine {
	char engine[32];  /* "": none is loaded */
	char version[32]; /* of mazed; "": mazed does not run, or is not used */
	bool uses_mazed;  /* mazed is meant to run; without a version it is awaited */
	long long rules;  /* of mazed */
	long long watched, verdicts, signals;
	maze_u64 lost; /* records that were overwritten unread */
	size_t groups;
};

enum top_column {
	TOP_COLUMN_BAR,
	TOP_COLUMN_COUNT,
	TOP_COLUMN_LIMITS,
	TOP_COLUMN_CPU,
	TOP_COLUMN_ID,
	TOP_COLUMN_NAME,
	TOP_COLUMN_USER,
	TOP_COLUMN_UNIT,
	TOP_COLUMN_RULE,
	TOP_COLUMN_SINCE,
	TOP_COLUMN_ENGINE,
	TOP_COLUMNS,
};

/* Begin with {0}. */
struct top_layout {
	struct shown_terminal terminal; /* `columns` is the width of a line */
	const char *engine;
	maze_u64 now_ns;	    /* CLOCK_BOOTTIME */
	size_t wanted[TOP_COLUMNS]; /* the widest cell so far */
	size_t width[TOP_COLUMNS];  /* 0: the column is left out */
};

/*
 * Finds the widths for these lines. Columns do not become narrower again, so that they do
 * not move with every list, unless the terminal has another width.
 */
void top_layout_fit(struct top_layout *layout, const struct top_line *lines, size_t count);

/* Each writes a line without a newline, of at most the width of the terminal. */
void top_write_header(const struct top_layout *layout, FILE *out);
void top_write_line(const struct top_layout *layout, const struct top_line *line, FILE *out);
void top_write_machine(const struct top_layout *layout, const struct top_machine *machine,
		       FILE *out);
void top_write_verdict(const struct top_layout *layout, const struct maze_record *record,
		       FILE *out);

#endif
