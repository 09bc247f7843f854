/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What maze top shows of its rows, and in which order: sorted, filtered, and by unit. Knows
 * no terminal.
 */
#ifndef MAZE_CLI_TOP_VIEW_H
#define MAZE_CLI_TOP_VIEW_H

#include "top_rows.h"

enum top_sort {
	TOP_SORT_LIMIT, /* nearest to the last limit first */
	TOP_SORT_COUNT,
	TOP_SORT_CPU,
	TOP_SORT_PID,
	TOP_SORT_NAME,
	TOP_SORT_USER,
	TOP_SORT_UNIT,
	TOP_SORT_RULE,
	TOP_SORT_VERDICT, /* the newest first */
	TOP_SORT_COUNT_,
};

#define TOP_FILTER_LEN 64

/* A row, or the heading of a unit if `row` is NULL. */
struct top_line {
	const struct top_row *row;
	const char *unit;  /* the unit of the row or heading; "": unknown */
	size_t rows;	   /* of a heading: its rows */
	long cpu_permille; /* of a heading: of all its rows */
};

/* Begin with {0}, which is sorted by TOP_SORT_LIMIT. */
struct top_view {
	enum top_sort sort;
	bool reversed;
	bool tree; /* by unit, in the order of the first row of each */
	char filter[TOP_FILTER_LEN];
	struct top_line *lines;
	size_t count;
	size_t selected;    /* a line; 0 if there is none */
	struct top_row key; /* which row that is; only top_row_compare() reads it */
	size_t first;	    /* the first line on the screen */
	size_t hidden;	    /* rows that the filter removes */
};

/* Returns the name of an order for --sort; NULL behind the last one. */
const char *top_sort_name(unsigned int sort);
/* Returns false if no order has this name. */
bool top_sort_parse(const char *name, enum top_sort *ret_sort);

/*
 * Makes the lines of the rows, which must outlive them. The selection stays with its row,
 * unless it is on the first line, or the row is gone. Returns 0 or -ENOMEM, and then there
 * are no lines.
 */
int top_view_update(struct top_view *view, const struct top_rows *rows);
/* Forgets the lines. Call it before the rows change. */
void top_view_clear(struct top_view *view);
void top_view_free(struct top_view *view);
/* Moves the selection by a number of lines, and scrolls so that it is among `height`. */
void top_view_move(struct top_view *view, long lines, size_t height);
/* The selected row; NULL: none, or a heading. */
const struct top_row *top_view_selected(const struct top_view *view);

#endif
