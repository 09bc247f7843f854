/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints an observation as a table, the program with the longest streak first. */
#include "observation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/escape.h"
#include "../base/rfc3339.h"
#include "../report/shown.h"

#define COLUMNS 11
#define RULE_COLUMN 1
#define CELL_LEN 64

static const char *const titles[COLUMNS] = { "PROGRAM", "RULE",	   "UNIT", "USER",
					     "CPU",	"STREAKS", "P50",  "P99",
					     "P99.9",	"LONGEST", "WHEN" };
/* Names are at the left of their column, numbers at the right. */
static const bool is_number[COLUMNS] = {
	[4] = true, [5] = true, [6] = true, [7] = true, [8] = true, [9] = true
};

/* The names, or the first of them and the number of the others. */
static void names_cell(char cell[CELL_LEN], const json_t *names)
{
	size_t count = json_array_size(names);
	const char *name = json_string_value(json_array_get(names, 0));
	char escaped[CELL_LEN - 16];

	if (!name)
		snprintf(cell, CELL_LEN, "-");
	else if (count == 1)
		snprintf(cell, CELL_LEN, "%s", escape_copy(escaped, sizeof(escaped), name));
	else
		snprintf(cell, CELL_LEN, "%s +%zu", escape_copy(escaped, sizeof(escaped), name),
			 count - 1);
}

/* Three digits tell more than the buckets do. */
static void duration_cell(char cell[CELL_LEN], maze_u64 ns)
{
	static const char *const units[] = { "us", "ms", "s" };
	double value = (double)ns / (double)MAZE_NSEC_PER_USEC;
	char buf[SHOWN_LEN];
	size_t i;

	if (ns >= 1000 * MAZE_NSEC_PER_SEC) {
		snprintf(cell, CELL_LEN, "%.63s", shown_duration((long long)ns, buf));
		return;
	}
	for (i = 0; value >= 1000; i++)
		value /= 1000;
	snprintf(cell, CELL_LEN, "%.*f%s", value < 10 ? 2 : value < 100 ? 1 : 0, value, units[i]);
}

/* The share of one CPU, of the streaks that have ended. */
static void cpu_cell(char cell[CELL_LEN], const struct maze_streaks *streaks, maze_u64 passed_ns)
{
	snprintf(cell, CELL_LEN, "%.1f %%",
		 passed_ns ? 100.0 * (double)streaks->cpu_ns / (double)passed_ns : 0);
}

static void when_cell(char cell[CELL_LEN], const struct observed *observed)
{
	const struct maze_streaks *streaks = &observed->streaks;
	char buf[UTC_LEN];

	if (streaks->running_ns > streaks->longest_ns)
		snprintf(cell, CELL_LEN, "now, PID %u", streaks->running_pid);
	else if (streaks->longest_seen_ns != streaks->longest_ns || !streaks->longest_ns)
		snprintf(cell, CELL_LEN, "-");
	else
		snprintf(cell, CELL_LEN, "%s, PID %u",
			 local_time_format(observed->longest_at_ns, 0, buf), streaks->longest_pid);
}

static void fill_row(char row[COLUMNS][CELL_LEN], const struct observed *observed,
		     maze_u64 passed_ns)
{
	const struct maze_streaks *streaks = &observed->streaks;
	static const unsigned int permilles[] = { 500, 990, 999 };
	size_t i;

	escape_copy(row[0], CELL_LEN, streaks->program[0] ? streaks->program : "(unknown)");
	escape_copy(row[RULE_COLUMN], CELL_LEN, observed->rule ? observed->rule : "-");
	names_cell(row[2], observed->units);
	names_cell(row[3], observed->users);
	cpu_cell(row[4], streaks, passed_ns);
	snprintf(row[5], CELL_LEN, "%llu", streaks->streaks);
	for (i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++)
		duration_cell(row[6 + i], observation_percentile(streaks, permilles[i]));
	duration_cell(row[9], observed_longest_ns(observed));
	when_cell(row[10], observed);
}

static int by_longest(const void *left, const void *right)
{
	maze_u64 a = observed_longest_ns(*(const struct observed *const *)left);
	maze_u64 b = observed_longest_ns(*(const struct observed *const *)right);

	return (a < b) - (a > b);
}

/* Only mazed has rules. */
static void print_rows(char (*rows)[COLUMNS][CELL_LEN], size_t count, bool with_rules)
{
	int widths[COLUMNS] = { 0 }, column, width;
	size_t i;

	for (i = 0; i < count; i++)
		for (column = 0; column < COLUMNS; column++) {
			width = (int)strlen(rows[i][column]);
			widths[column] = width > widths[column] ? width : widths[column];
		}
	for (i = 0; i < count; i++)
		for (column = 0; column < COLUMNS; column++) {
			width = is_number[column] ? widths[column] : -widths[column];
			if (column == RULE_COLUMN && !with_rules)
				continue;
			if (column == COLUMNS - 1)
				printf("%s\n", rows[i][column]);
			else
				printf("%*s  ", width, rows[i][column]);
		}
}

void observation_print(const struct observation *observation)
{
	maze_u64 passed_ns = observation_time_ns(observation);
	const struct observed **sorted = calloc(observation->count + 1, sizeof(struct observed *));
	char(*rows)[COLUMNS][CELL_LEN] = calloc(observation->count + 1, sizeof(*rows));
	bool with_rules = false;
	size_t count = 0, i;

	if (sorted && rows) {
		for (i = 0; i < observation->count; i++)
			if (observed_longest_ns(&observation->classes[i]))
				sorted[count++] = &observation->classes[i];
		qsort(sorted, count, sizeof(struct observed *), by_longest);
		for (i = 0; i < COLUMNS; i++)
			snprintf(rows[0][i], CELL_LEN, "%s", titles[i]);
		for (i = 0; i < count; i++) {
			fill_row(rows[i + 1], sorted[i], passed_ns);
			with_rules |= sorted[i]->rule != NULL;
		}
		print_rows(rows, count + 1, with_rules);
	}
	free(rows);
	free(sorted);
}
