/* SPDX-License-Identifier: GPL-2.0-only */
#include "top_text.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

#define CELL_LEN 320
/* Between two columns. */
#define GAP 1
#define BAR_MIN 12
#define BAR_MAX 32

/* "[#####|##....]": filled up to the count, with a mark at the soft limit. */
static void write_bar(const struct top_layout *layout, const struct top_row *row,
		      char cell[CELL_LEN])
{
	const struct maze_entry *entry = &row->entry;
	size_t width = layout->width[TOP_COLUMN_BAR] ? layout->width[TOP_COLUMN_BAR] : BAR_MIN;
	size_t room = width - 2, filled, mark = room, i;

	filled = (size_t)(top_row_progress(row) * room / 1000);
	if (entry->soft_ns && entry->hard_ns > entry->soft_ns)
		mark = (size_t)((double)entry->soft_ns / (double)entry->hard_ns * (double)room);
	cell[0] = '[';
	for (i = 0; i < room; i++)
		cell[i + 1] = (char)(i == mark ? '|' : i < filled ? '#' : '.');
	cell[room + 1] = ']';
	cell[room + 2] = '\0';
}

/* "467ms", "12.34s", "3min 20s": what changes within a refresh, and no more. */
static void write_count(const struct top_row *row, char cell[CELL_LEN])
{
	maze_u64 ns = row->entry.count_ns, second = MAZE_NSEC_PER_SEC;

	if (ns < second)
		snprintf(cell, CELL_LEN, "%llums", ns / MAZE_NSEC_PER_MSEC);
	else if (ns < 60 * second)
		snprintf(cell, CELL_LEN, "%llu.%02llus", ns / second, ns % second / (second / 100));
	else
		maze_duration_format(ns / second * second, cell, CELL_LEN);
}

static void write_limit(maze_u64 ns, char *buf, size_t size)
{
	if (ns)
		maze_duration_format(ns, buf, size);
	else
		snprintf(buf, size, "off");
}

/* In parentheses: the limits are in shadow. */
static void write_limits(const struct maze_entry *entry, char cell[CELL_LEN])
{
	char soft[64], hard[64];

	write_limit(entry->soft_ns, soft, sizeof(soft));
	write_limit(entry->hard_ns, hard, sizeof(hard));
	snprintf(cell, CELL_LEN, entry->flags & MAZE_POLICY_SHADOW ? "(%s/%s)" : "%s/%s", soft,
		 hard);
}

static void write_cpu(long permille, char cell[CELL_LEN])
{
	if (permille < 0)
		snprintf(cell, CELL_LEN, "-");
	else
		snprintf(cell, CELL_LEN, "%ld.%ld", permille / 10, permille % 10);
}

static void write_id(const struct top_row *row, char cell[CELL_LEN])
{
	const struct maze_entry *entry = &row->entry;
	maze_u32 scope = maze_policy_scope(entry->flags);

	if (scope == MAZE_SCOPE_CGROUP)
		snprintf(cell, CELL_LEN, "cgroup");
	else if (scope)
		snprintf(cell, CELL_LEN, "%u %s", entry->pid, maze_policy_scope_name(scope));
	else if (entry->tid == entry->pid)
		snprintf(cell, CELL_LEN, "%u", entry->pid);
	else
		snprintf(cell, CELL_LEN, "%u/%u", entry->pid, entry->tid);
}

static void write_since(const struct top_layout *layout, const struct top_row *row,
			char cell[CELL_LEN])
{
	maze_u64 second = MAZE_NSEC_PER_SEC, ns, step;

	if (!row->verdict_ns) {
		snprintf(cell, CELL_LEN, "-");
		return;
	}
	ns = layout->now_ns > row->verdict_ns ? layout->now_ns - row->verdict_ns : 0;
	step = ns < 3600 * second ? second : 60 * second;
	maze_duration_format(ns / step * step, cell, CELL_LEN);
}

static void write_text(const char *text, char cell[CELL_LEN])
{
	snprintf(cell, CELL_LEN, "%s", text && text[0] ? text : "-");
}

static void write_cell(const struct top_layout *layout, enum top_column column,
		       const struct top_row *row, char cell[CELL_LEN])
{
	switch (column) {
	case TOP_COLUMN_BAR:
		return write_bar(layout, row, cell);
	case TOP_COLUMN_COUNT:
		return write_count(row, cell);
	case TOP_COLUMN_LIMITS:
		return write_limits(&row->entry, cell);
	case TOP_COLUMN_CPU:
		return write_cpu(row->cpu_permille, cell);
	case TOP_COLUMN_ID:
		return write_id(row, cell);
	case TOP_COLUMN_NAME:
		return write_text(row->name, cell);
	case TOP_COLUMN_USER:
		if (row->user)
			write_text(row->user, cell);
		else
			snprintf(cell, CELL_LEN, "%u", row->entry.uid);
		return;
	case TOP_COLUMN_UNIT:
		return write_text(row->place, cell);
	case TOP_COLUMN_RULE:
		return write_text(row->rule, cell);
	case TOP_COLUMN_SINCE:
		return write_since(layout, row, cell);
	default:
		return write_text(layout->engine, cell);
	}
}

/* ---- columns ----------------------------------------------------------------------- */

/*
 * If a line is too long, the columns with the highest number in `leave` are left out
 * first, after all have shrunk to `min`.
 */
static const struct {
	const char *title;
	size_t min, max;
	unsigned int leave;
	bool right;
} columns[TOP_COLUMNS] = {
	[TOP_COLUMN_BAR] = { "LIMIT", BAR_MIN, BAR_MAX, 0, false },
	[TOP_COLUMN_COUNT] = { "COUNT", 7, 14, 1, true },
	[TOP_COLUMN_LIMITS] = { "SOFT/HARD", 9, 26, 4, false },
	[TOP_COLUMN_CPU] = { "%CPU", 5, 7, 3, true },
	[TOP_COLUMN_ID] = { "PID/TID", 7, 21, 0, true },
	[TOP_COLUMN_NAME] = { "NAME", 12, 40, 2, false },
	[TOP_COLUMN_USER] = { "USER", 6, 16, 6, false },
	[TOP_COLUMN_UNIT] = { "UNIT", 10, 48, 5, false },
	[TOP_COLUMN_RULE] = { "RULE", 8, 24, 7, false },
	[TOP_COLUMN_SINCE] = { "VERDICT", 7, 12, 8, true },
	[TOP_COLUMN_ENGINE] = { "ENGINE", 6, 6, 9, false },
};

static size_t line_width(const struct top_layout *layout)
{
	size_t width = 0;
	int i;

	for (i = 0; i < TOP_COLUMNS; i++)
		if (layout->width[i])
			width += layout->width[i] + (i ? GAP : 0);
	return width;
}

static void measure(struct top_layout *layout, const struct top_line *line)
{
	char cell[CELL_LEN];
	size_t width;
	int i;

	for (i = TOP_COLUMN_BAR + 1; line->row && i < TOP_COLUMNS; i++) {
		write_cell(layout, (enum top_column)i, line->row, cell);
		width = shown_columns(&layout->terminal, cell);
		if (width > columns[i].max)
			width = columns[i].max;
		if (width > layout->wanted[i])
			layout->wanted[i] = width;
	}
}

/* Takes what is too much from one column, at most down to its minimum. */
static void shrink(struct top_layout *layout, int column)
{
	size_t width = line_width(layout), *at = &layout->width[column];
	size_t over = width > layout->terminal.columns ? width - layout->terminal.columns : 0;
	size_t spare = *at > columns[column].min ? *at - columns[column].min : 0;

	*at -= over < spare ? over : spare;
}

static void grow(struct top_layout *layout, int column)
{
	size_t width = line_width(layout), *at = &layout->width[column];
	size_t room = width < layout->terminal.columns ? layout->terminal.columns - width : 0;
	size_t lacks = *at ? layout->wanted[column] - *at : 0;

	*at += room < lacks ? room : lacks;
}

static void leave_out_one(struct top_layout *layout)
{
	int i, last = TOP_COLUMN_BAR;

	for (i = 0; i < TOP_COLUMNS; i++)
		if (layout->width[i] && columns[i].leave > columns[last].leave)
			last = i;
	layout->width[last] = 0;
}

/* The least important texts first. */
static const enum top_column shrinking[] = { TOP_COLUMN_UNIT, TOP_COLUMN_RULE, TOP_COLUMN_USER,
					     TOP_COLUMN_NAME };
#define SHRINKING (sizeof(shrinking) / sizeof(shrinking[0]))

void top_layout_fit(struct top_layout *layout, const struct top_line *lines, size_t count)
{
	size_t i, width;

	layout->width[TOP_COLUMN_BAR] = BAR_MIN;
	for (i = 0; i < TOP_COLUMNS; i++) {
		width = strlen(columns[i].title);
		if (width < columns[i].min)
			width = columns[i].min;
		if (layout->wanted[i] < width)
			layout->wanted[i] = width;
	}
	for (i = 0; i < count; i++)
		measure(layout, &lines[i]);
	memcpy(layout->width, layout->wanted, sizeof(layout->width));
	for (i = 0; i < SHRINKING; i++)
		shrink(layout, shrinking[i]);
	while (line_width(layout) > layout->terminal.columns && line_width(layout) > BAR_MIN + 8)
		leave_out_one(layout);
	/* What a column that was left out has freed goes to those that were shrunk. */
	for (i = SHRINKING; i--;)
		grow(layout, shrinking[i]);
	while (layout->width[TOP_COLUMN_BAR] < BAR_MAX &&
	       line_width(layout) < layout->terminal.columns)
		layout->width[TOP_COLUMN_BAR]++;
}

/* ---- lines ------------------------------------------------------------------------- */

static const char *plural(long long count)
{
	return count == 1 ? "" : "s";
}

static void write_padded(const struct top_layout *layout, int column, const char *cell, FILE *out)
{
	size_t width = layout->width[column];
	size_t taken = shown_columns(&layout->terminal, cell);
	size_t pad = taken < width ? width - taken : 0;

	if (column)
		fprintf(out, "%*s", GAP, "");
	if (columns[column].right)
		fprintf(out, "%*s", (int)pad, "");
	shown_printable(out, &layout->terminal, cell, width);
	if (!columns[column].right)
		fprintf(out, "%*s", (int)pad, "");
}

void top_write_header(const struct top_layout *layout, FILE *out)
{
	int i;

	for (i = 0; i < TOP_COLUMNS; i++)
		if (layout->width[i])
			write_padded(layout, i, columns[i].title, out);
}

void top_write_line(const struct top_layout *layout, const struct top_line *line, FILE *out)
{
	char cell[CELL_LEN], cpu[CELL_LEN];
	int i;

	if (!line->row) {
		write_cpu(line->cpu_permille, cpu);
		snprintf(cell, sizeof(cell), "%.200s: %zu row%s, %.20s %%CPU",
			 line->unit[0] ? line->unit : "no unit", line->rows,
			 plural((long long)line->rows), cpu);
		shown_printable(out, &layout->terminal, cell, layout->terminal.columns);
		return;
	}
	for (i = 0; i < TOP_COLUMNS; i++) {
		if (!layout->width[i])
			continue;
		write_cell(layout, (enum top_column)i, line->row, cell);
		write_padded(layout, i, cell, out);
	}
}

void top_write_machine(const struct top_layout *layout, const struct top_machine *machine,
		       FILE *out)
{
	char text[CELL_LEN], mazed[80] = "no mazed";

	if (machine->version[0])
		snprintf(mazed, sizeof(mazed), "mazed %s, %lld rule%s", machine->version,
			 machine->rules, plural(machine->rules));
	else if (machine->uses_mazed)
		snprintf(mazed, sizeof(mazed), "mazed does not answer");
	snprintf(text, sizeof(text),
		 "%s  %s  watched %lld + %zu group%s  verdicts %lld  signals %lld  lost %llu",
		 machine->engine[0] ? machine->engine : "no engine", mazed, machine->watched,
		 machine->groups, plural((long long)machine->groups), machine->verdicts,
		 machine->signals, machine->lost);
	shown_printable(out, &layout->terminal, text, layout->terminal.columns);
}

/* The text of the record, with the local time of day in place of its long time. */
void top_write_verdict(const struct top_layout *layout, const struct maze_record *record, FILE *out)
{
	maze_u64 boot = now_ns(CLOCK_BOOTTIME), real = now_ns(CLOCK_REALTIME);
	time_t at = (time_t)((real - (boot - record->boot_ns)) / MAZE_NSEC_PER_SEC);
	char text[1024], line[1100], clock[16] = "";
	const char *rest;
	struct tm local;

	maze_record_text(record, layout->engine, text, sizeof(text));
	rest = strchr(text, ' ');
	if (localtime_r(&at, &local))
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	snprintf(line, sizeof(line), "%s%s", clock, rest ? rest : "");
	shown_printable(out, &layout->terminal, line, layout->terminal.columns);
}
