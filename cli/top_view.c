/* SPDX-License-Identifier: GPL-2.0-only */
#include "top_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[TOP_SORT_COUNT_] = {
	[TOP_SORT_LIMIT] = "limit", [TOP_SORT_COUNT] = "count", [TOP_SORT_CPU] = "cpu",
	[TOP_SORT_PID] = "pid",	    [TOP_SORT_NAME] = "name",	[TOP_SORT_USER] = "user",
	[TOP_SORT_UNIT] = "unit",   [TOP_SORT_RULE] = "rule",	[TOP_SORT_VERDICT] = "verdict",
};

const char *top_sort_name(unsigned int sort)
{
	return sort < TOP_SORT_COUNT_ ? names[sort] : NULL;
}

bool top_sort_parse(const char *name, enum top_sort *ret_sort)
{
	unsigned int i;

	for (i = 0; i < TOP_SORT_COUNT_; i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		*ret_sort = (enum top_sort)i;
		return true;
	}
	return false;
}

/* The largest first. */
static int descending(maze_u64 a, maze_u64 b)
{
	return a > b ? -1 : a < b;
}

/* An unknown text last. */
static int texts(const char *a, const char *b)
{
	if (!a || !a[0] || !b || !b[0])
		return (!a || !a[0]) - (!b || !b[0]);
	return strcmp(a, b);
}

static int compare_by(enum top_sort sort, const struct top_row *a, const struct top_row *b)
{
	switch (sort) {
	case TOP_SORT_LIMIT:
		return descending(top_row_progress(a), top_row_progress(b));
	case TOP_SORT_COUNT:
		return descending(a->entry.count_ns, b->entry.count_ns);
	case TOP_SORT_CPU:
		/* TOP_UNKNOWN becomes 0. */
		return descending((maze_u64)a->cpu_permille + 1, (maze_u64)b->cpu_permille + 1);
	case TOP_SORT_NAME:
		return texts(a->name, b->name);
	case TOP_SORT_USER:
		return texts(a->user, b->user);
	case TOP_SORT_UNIT:
		return texts(a->place, b->place);
	case TOP_SORT_RULE:
		return texts(a->rule, b->rule);
	case TOP_SORT_VERDICT:
		return descending(a->verdict_ns, b->verdict_ns);
	default:
		return 0;
	}
}

/* Equal rows are in the order of their PIDs, so that they do not change places. */
static int compare_lines(const void *left, const void *right, void *arg)
{
	const struct top_line *a = left, *b = right;
	const struct top_view *view = arg;
	int order = compare_by(view->sort, a->row, b->row);

	if (!order)
		order = top_row_compare(a->row, b->row);
	return view->reversed ? -order : order;
}

static bool matches(const struct top_row *row, const char *filter)
{
	char numbers[32];

	if (!filter[0] || strcasestr(row->name, filter) || strcasestr(row->rule, filter) ||
	    (row->user && strcasestr(row->user, filter)) ||
	    (row->place && strcasestr(row->place, filter)))
		return true;
	snprintf(numbers, sizeof(numbers), "%u/%u", row->entry.pid, row->entry.tid);
	return strstr(numbers, filter);
}

/* ---- by unit ----------------------------------------------------------------------- */

/* A line with the index of the first line of its unit, and its own. */
struct ranked {
	struct top_line line;
	size_t rank, index;
};

static int compare_units(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	int order = strcmp(a->line.unit, b->line.unit);

	return order ? order : -descending(a->index, b->index);
}

static int compare_ranks(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	int order = -descending(a->rank, b->rank);

	return order ? order : -descending(a->index, b->index);
}

static void add_heading(struct top_view *view, const struct ranked *ranked, size_t count)
{
	struct top_line *heading = &view->lines[view->count++];
	size_t i;

	*heading = (struct top_line){ .unit = ranked->line.unit };
	for (i = 0; i < count && ranked[i].rank == ranked->rank; i++) {
		heading->rows++;
		/* The threads of a group are in the list too. */
		if (ranked[i].line.row->cpu_permille > 0 &&
		    !maze_policy_scope(ranked[i].line.row->entry.flags))
			heading->cpu_permille += ranked[i].line.row->cpu_permille;
	}
}

/* Sorts sorted lines by unit, and adds a heading to each unit. */
static int add_units(struct top_view *view)
{
	size_t count = view->count, i;
	struct ranked *ranked = calloc(count + 1, sizeof(*ranked));
	struct top_line *grown = reallocarray(view->lines, 2 * count + 1, sizeof(*grown));

	if (grown)
		view->lines = grown;
	if (!ranked || !grown) {
		free(ranked);
		return -ENOMEM;
	}
	for (i = 0; i < count; i++)
		ranked[i] = (struct ranked){ .line = view->lines[i], .index = i };
	qsort(ranked, count, sizeof(*ranked), compare_units);
	for (i = 0; i < count; i++)
		ranked[i].rank = i && !strcmp(ranked[i].line.unit, ranked[i - 1].line.unit)
					 ? ranked[i - 1].rank
					 : ranked[i].index;
	qsort(ranked, count, sizeof(*ranked), compare_ranks);
	view->count = 0;
	for (i = 0; i < count; i++) {
		if (!i || ranked[i].rank != ranked[i - 1].rank)
			add_heading(view, &ranked[i], count - i);
		view->lines[view->count++] = ranked[i].line;
	}
	free(ranked);
	return 0;
}

/* ---- lines ------------------------------------------------------------------------- */

static void keep_key(struct top_view *view)
{
	const struct top_row *row = top_view_selected(view);

	if (row)
		view->key = (struct top_row){ .entry = row->entry, .cgroup_id = row->cgroup_id };
}

int top_view_update(struct top_view *view, const struct top_rows *rows)
{
	struct top_line *lines = calloc(rows->count + 1, sizeof(*lines));
	const struct top_row *row;
	size_t i;

	top_view_clear(view);
	if (!lines)
		return -ENOMEM;
	free(view->lines);
	view->lines = lines;
	for (i = 0; i < rows->count; i++) {
		row = &rows->rows[i];
		if (matches(row, view->filter))
			view->lines[view->count++] =
				(struct top_line){ .row = row,
						   .unit = row->place ? row->place : "" };
	}
	view->hidden = rows->count - view->count;
	qsort_r(view->lines, view->count, sizeof(*view->lines), compare_lines, view);
	if (view->tree && add_units(view)) {
		top_view_clear(view);
		return -ENOMEM;
	}
	for (i = 0; view->selected && i < view->count; i++) {
		if (view->lines[i].row && !top_row_compare(view->lines[i].row, &view->key)) {
			view->selected = i;
			break;
		}
	}
	return 0;
}

void top_view_clear(struct top_view *view)
{
	view->count = 0;
}

void top_view_free(struct top_view *view)
{
	free(view->lines);
	view->lines = NULL;
	view->count = 0;
}

void top_view_move(struct top_view *view, long lines, size_t height)
{
	size_t last = view->count ? view->count - 1 : 0;

	if (lines < 0 && (size_t)-lines > view->selected)
		view->selected = 0;
	else
		view->selected += (size_t)lines;
	if (view->selected > last)
		view->selected = last;
	if (view->first > view->selected)
		view->first = view->selected;
	if (height && view->selected >= view->first + height)
		view->first = view->selected - height + 1;
	/* No empty lines while there are lines above. */
	if (view->first + height > view->count)
		view->first = view->count > height ? view->count - height : 0;
	keep_key(view);
}

const struct top_row *top_view_selected(const struct top_view *view)
{
	return view->selected < view->count ? view->lines[view->selected].row : NULL;
}
