/* SPDX-License-Identifier: GPL-2.0-only */
/* maze top without a terminal: rows, order, filter, units, and the lines of the screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/top_text.h"

#define S MAZE_NSEC_PER_SEC

/* A list of four threads and a control group; `rule` is set by number. */
static struct maze_entry entries[] = {
	{ .pid = 10,
	  .tid = 10,
	  .uid = 0,
	  .count_ns = 1 * S,
	  .soft_ns = 5 * S,
	  .hard_ns = 10 * S,
	  .comm = "alpha",
	  .episode = 1 },
	{ .pid = 10,
	  .tid = 12,
	  .uid = 0,
	  .count_ns = 9 * S,
	  .soft_ns = 5 * S,
	  .hard_ns = 10 * S,
	  .comm = "beta",
	  .episode = 1 },
	{ .pid = 20,
	  .tid = 20,
	  .uid = 7,
	  .count_ns = 20 * S,
	  .soft_ns = 50 * S,
	  .hard_ns = 100 * S,
	  .comm = "gamma",
	  .episode = 1,
	  .flags = MAZE_POLICY_SHADOW },
	{ .pid = 30,
	  .tid = 30,
	  .uid = 7,
	  .count_ns = 2 * S,
	  .soft_ns = 4 * S,
	  .comm = "delta",
	  .episode = 1 },
};
static struct maze_group group = {
	.entry = { .count_ns = 1 * S,
		   .soft_ns = 10 * S,
		   .hard_ns = 20 * S,
		   .flags = MAZE_SCOPE_CGROUP << MAZE_POLICY_SCOPE_SHIFT },
	.cgroup_id = 99,
	.name = "/system.slice/nginx.service",
};
static char rules[5][LISTING_RULE_LEN] = { "r1", "", "r2", "r1", "groups" };
static char *places[] = { "a.service", "a.service", "b.service", NULL, "nginx.service" };

static struct listing list(size_t count, size_t groups)
{
	return (struct listing){ .engine = "bpf",
				 .entries = entries,
				 .count = count,
				 .groups = &group,
				 .groups_count = groups,
				 .rules = groups ? rules : NULL };
}

static void fill(struct top_rows *rows)
{
	struct listing listing = list(4, 1);
	size_t i;

	assert_int_equal(top_rows_update(rows, &listing), 0);
	assert_int_equal(rows->count, 5);
	for (i = 0; i < 5; i++) {
		rows->rows[i].place = places[i] ? strdup(places[i]) : NULL;
		rows->rows[i].user = rows->rows[i].entry.uid ? "www" : "root";
	}
}

/* The names of the lines, with [unit] for a heading. */
static const char *order(struct top_view *view)
{
	static char text[512];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < view->count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      view->lines[i].row ? "%s%.1s" : "%s[%s]", i ? " " : "",
				      view->lines[i].row ? view->lines[i].row->name
							 : view->lines[i].unit);
	return text;
}

static void rows_keep_what_was_read(void **state)
{
	struct top_rows rows = { 0 };
	struct listing fewer = list(2, 0);
	struct maze_record record = { .event = MAZE_EVENT_HARD, .pid = 10, .tid = 12 };

	(void)state;
	fill(&rows);
	assert_string_equal(rows.rows[0].rule, "r1");
	assert_string_equal(rows.rows[4].rule, "groups");
	assert_string_equal(rows.rows[4].name, "/system.slice/nginx.service");
	rows.rows[1].cpu_permille = 500;
	rows.rows[1].is_new = false;
	assert_int_equal(top_rows_update(&rows, &fewer), 0);
	assert_int_equal(rows.count, 2);
	assert_int_equal(rows.rows[1].cpu_permille, 500);
	assert_string_equal(rows.rows[1].place, "a.service");
	assert_string_equal(rows.rows[1].user, "root");
	assert_false(rows.rows[1].is_new);
	assert_ptr_equal(top_rows_find(&rows, &record), &rows.rows[1]);
	record.tid = 13;
	assert_null(top_rows_find(&rows, &record));
	/* Another task with the number. */
	top_row_forget(&rows.rows[1]);
	assert_null(rows.rows[1].place);
	assert_true(rows.rows[1].is_new);
	assert_int_equal(rows.rows[1].cpu_permille, TOP_UNKNOWN);
	top_rows_free(&rows);
}

static void a_group_is_found_by_its_record(void **state)
{
	struct top_rows rows = { 0 };
	struct maze_record record = { .event = MAZE_EVENT_HARD,
				      .cgroup_id = 99,
				      .flags = MAZE_SCOPE_CGROUP << MAZE_RECORD_SCOPE_SHIFT };

	(void)state;
	fill(&rows);
	assert_ptr_equal(top_rows_find(&rows, &record), &rows.rows[4]);
	record.cgroup_id = 98;
	assert_null(top_rows_find(&rows, &record));
	top_rows_free(&rows);
}

static void cpu_is_of_two_readings(void **state)
{
	struct top_row row = { .entry = entries[0], .cpu_permille = TOP_UNKNOWN };

	(void)state;
	top_row_measure(&row, 5 * S, 100 * S, false);
	assert_int_equal(row.cpu_permille, TOP_UNKNOWN);
	top_row_measure(&row, 5 * S + S / 2, 101 * S, false);
	assert_int_equal(row.cpu_permille, 500);
	top_row_measure(&row, 5 * S + S / 2, 102 * S, false);
	assert_int_equal(row.cpu_permille, 0);
	/* Less than before, no time between, or another episode: unknown. */
	top_row_measure(&row, 1 * S, 103 * S, false);
	assert_int_equal(row.cpu_permille, TOP_UNKNOWN);
	top_row_measure(&row, 2 * S, 103 * S, false);
	assert_int_equal(row.cpu_permille, TOP_UNKNOWN);
	row.entry.episode = 2;
	top_row_measure(&row, 3 * S, 104 * S, true);
	assert_int_equal(row.cpu_permille, TOP_UNKNOWN);
	top_row_measure(&row, 4 * S, 105 * S, true);
	assert_int_equal(row.cpu_permille, 1000);
}

static void rows_are_sorted(void **state)
{
	static const struct {
		enum top_sort sort;
		bool reversed;
		const char *order;
	} cases[] = {
		{ TOP_SORT_LIMIT, false, "b d g a /" }, { TOP_SORT_LIMIT, true, "/ a g d b" },
		{ TOP_SORT_COUNT, false, "g b d a /" }, { TOP_SORT_CPU, false, "d a b g /" },
		{ TOP_SORT_PID, false, "a b g d /" },	{ TOP_SORT_NAME, false, "/ a b d g" },
		{ TOP_SORT_USER, false, "a b / g d" },	{ TOP_SORT_UNIT, false, "a b g / d" },
		{ TOP_SORT_RULE, false, "/ a d g b" },	{ TOP_SORT_VERDICT, false, "g a b d /" },
	};
	struct top_rows rows = { 0 };
	struct top_view view = { 0 };
	enum top_sort sort;
	size_t i;

	(void)state;
	fill(&rows);
	rows.rows[3].cpu_permille = 900;
	rows.rows[0].cpu_permille = 0;
	rows.rows[2].verdict_ns = 5;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		view.sort = cases[i].sort;
		view.reversed = cases[i].reversed;
		assert_int_equal(top_view_update(&view, &rows), 0);
		assert_string_equal(order(&view), cases[i].order);
		assert_true(top_sort_parse(top_sort_name(cases[i].sort), &sort));
		assert_int_equal(sort, cases[i].sort);
	}
	assert_false(top_sort_parse("colour", &sort));
	assert_null(top_sort_name(TOP_SORT_COUNT_));
	top_view_free(&view);
	top_rows_free(&rows);
}

static void rows_are_filtered(void **state)
{
	static const struct {
		const char *filter, *order;
	} cases[] = {
		{ "", "a b g d /" }, { "BETA", "b" },  { "www", "g d" },
		{ "a.ser", "a b" },  { "r1", "a d" },  { "10/12", "b" },
		{ "30", "d" },	     { "nginx", "/" }, { "none of them", "" },
	};
	struct top_rows rows = { 0 };
	struct top_view view = { .sort = TOP_SORT_PID };
	size_t i;

	(void)state;
	fill(&rows);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(view.filter, sizeof(view.filter), "%s", cases[i].filter);
		assert_int_equal(top_view_update(&view, &rows), 0);
		assert_string_equal(order(&view), cases[i].order);
		assert_int_equal(view.count + view.hidden, 5);
	}
	top_view_free(&view);
	top_rows_free(&rows);
}

static void units_have_headings(void **state)
{
	struct top_rows rows = { 0 };
	struct top_view view = { .tree = true };

	(void)state;
	fill(&rows);
	rows.rows[0].cpu_permille = 100;
	rows.rows[1].cpu_permille = 250;
	rows.rows[4].cpu_permille = 700;
	assert_int_equal(top_view_update(&view, &rows), 0);
	/* In the order of the first row of each. */
	assert_string_equal(order(&view), "[a.service] b a [] d [b.service] g [nginx.service] /");
	assert_int_equal(view.lines[0].rows, 2);
	assert_int_equal(view.lines[0].cpu_permille, 350);
	/* The threads of a control group count already. */
	assert_int_equal(view.lines[7].cpu_permille, 0);
	top_view_free(&view);
	top_rows_free(&rows);
}

static void the_selection_follows_its_row(void **state)
{
	struct top_rows rows = { 0 };
	struct top_view view = { .sort = TOP_SORT_PID };
	struct listing fewer = list(1, 0);

	(void)state;
	fill(&rows);
	assert_int_equal(top_view_update(&view, &rows), 0);
	top_view_move(&view, 1, 2);
	assert_string_equal(top_view_selected(&view)->name, "beta");
	view.sort = TOP_SORT_RULE;
	assert_int_equal(top_view_update(&view, &rows), 0);
	assert_string_equal(top_view_selected(&view)->name, "beta");
	top_view_move(&view, 0, 2);
	assert_int_equal(view.selected, 4);
	assert_int_equal(view.first, 3);
	top_view_move(&view, -100, 2);
	assert_int_equal(view.selected, 0);
	assert_int_equal(view.first, 0);
	top_view_move(&view, 100, 2);
	assert_int_equal(view.selected, 4);
	/* The row is gone, and fewer lines are left. */
	assert_int_equal(top_rows_update(&rows, &fewer), 0);
	assert_int_equal(top_view_update(&view, &rows), 0);
	top_view_move(&view, 0, 2);
	assert_string_equal(top_view_selected(&view)->name, "alpha");
	fewer.count = 0;
	assert_int_equal(top_rows_update(&rows, &fewer), 0);
	assert_int_equal(top_view_update(&view, &rows), 0);
	top_view_move(&view, 1, 2);
	assert_null(top_view_selected(&view));
	top_view_free(&view);
	top_rows_free(&rows);
}

/* ---- lines -------------------------------------------------------------------------- */

static char *line_of(const struct top_layout *layout, const struct top_line *line)
{
	static char text[2048];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	if (line)
		top_write_line(layout, line, out);
	else
		top_write_header(layout, out);
	fputc('\0', out);
	fclose(out);
	return text;
}

static void lines_fit_the_width(void **state)
{
	struct top_layout layout = { .engine = "bpf", .now_ns = 100 * S };
	struct top_rows rows = { 0 };
	struct top_view view = { 0 };
	size_t width, i;

	(void)state;
	fill(&rows);
	rows.rows[1].verdict_ns = 1 * S;
	assert_int_equal(top_view_update(&view, &rows), 0);
	for (width = 20; width <= 240; width += 5) {
		memset(layout.wanted, 0, sizeof(layout.wanted));
		layout.terminal.columns = width;
		top_layout_fit(&layout, view.lines, view.count);
		assert_true(strlen(line_of(&layout, NULL)) <= width);
		for (i = 0; i < view.count; i++)
			assert_true(strlen(line_of(&layout, &view.lines[i])) <= width);
	}
	assert_string_equal(line_of(&layout, &view.lines[0]),
			    "[###############|###########...]   9.00s 5s/10s             -   10/12 "
			    "beta                        root   a.service     -        1min 39s "
			    "bpf   ");
	top_view_free(&view);
	top_rows_free(&rows);
}

static void eighty_columns_have_the_first_columns(void **state)
{
	struct top_layout layout = { .terminal.columns = 80, .engine = "bpf" };
	struct top_rows rows = { 0 };
	struct top_view view = { 0 };

	(void)state;
	fill(&rows);
	assert_int_equal(top_view_update(&view, &rows), 0);
	top_layout_fit(&layout, view.lines, view.count);
	assert_string_equal(line_of(&layout, NULL),
			    "LIMIT          COUNT SOFT/HARD       %CPU PID/TID NAME         USER   "
			    "UNIT      ");
	/* The limits of this row are in shadow. */
	assert_string_equal(line_of(&layout, &view.lines[2]),
			    "[##...|....]  20.00s (50s/1min 40s)     -      20 gamma        www    "
			    "b.service ");
	top_view_free(&view);
	top_rows_free(&rows);
}

static void hostile_names_are_escaped(void **state)
{
	static const char *const names[] = { "\033[2J\033]0;x\007", "a\nb\rc", "\xff\xfe\x80",
					     "\xe2\x80\xae"
					     "evil",
					     "\xc2\x9b"
					     "31m" };
	struct top_layout layout = { .terminal = { .columns = 200, .utf8 = true },
				     .engine = "bpf" };
	struct top_row row = { .entry = entries[0], .place = "\033c", .user = "\033[31m" };
	struct top_line line = { .row = &row, .unit = "" };
	const char *text;
	size_t i, j;

	(void)state;
	snprintf(row.rule, sizeof(row.rule), "\033[0m");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		row.name = (char *)names[i];
		top_layout_fit(&layout, &line, 1);
		text = line_of(&layout, &line);
		for (j = 0; text[j]; j++)
			assert_true(text[j] >= ' ' && text[j] < 127);
		assert_non_null(strchr(text, '\\'));
	}
	line = (struct top_line){ .unit = "\033[2J" };
	assert_null(strchr(line_of(&layout, &line), '\033'));
}

static void the_bar_has_the_limits(void **state)
{
	static const struct {
		maze_u64 count, soft, hard;
		const char *bar;
	} cases[] = {
		{ 0, 5 * S, 10 * S, "[.....|....]" },
		{ 3 * S, 5 * S, 10 * S, "[###..|....]" },
		{ 10 * S, 5 * S, 10 * S, "[#####|####]" },
		{ 99 * S, 5 * S, 10 * S, "[#####|####]" },
		{ 2 * S, 4 * S, 0, "[#####.....]" },
		{ 2 * S, 0, 4 * S, "[#####.....]" },
		{ 2 * S, 4 * S, 4 * S, "[#####.....]" },
		{ 2 * S, 0, 0, "[..........]" },
		{ UINT64_MAX, 1, UINT64_MAX, "[|#########]" },
	};
	struct top_layout layout = { .terminal.columns = 20, .engine = "bpf" };
	struct top_row row = { .entry = entries[0], .name = "x" };
	struct top_line line = { .row = &row };
	size_t i;

	(void)state;
	layout.width[TOP_COLUMN_BAR] = 12;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		row.entry.count_ns = cases[i].count;
		row.entry.soft_ns = cases[i].soft;
		row.entry.hard_ns = cases[i].hard;
		assert_string_equal(line_of(&layout, &line), cases[i].bar);
	}
}

static void the_machine_has_its_line(void **state)
{
	struct top_layout layout = { .terminal.columns = 100 };
	struct top_machine machine = { .engine = "bpf",
				       .uses_mazed = true,
				       .watched = 3,
				       .verdicts = 2,
				       .signals = 1,
				       .lost = 4 };
	char text[256] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	top_write_machine(&layout, &machine, out);
	fclose(out);
	assert_string_equal(text, "bpf  mazed does not answer  watched 3 + 0 groups  verdicts 2  "
				  "signals 1  lost 4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_keep_what_was_read),
		cmocka_unit_test(a_group_is_found_by_its_record),
		cmocka_unit_test(cpu_is_of_two_readings),
		cmocka_unit_test(rows_are_sorted),
		cmocka_unit_test(rows_are_filtered),
		cmocka_unit_test(units_have_headings),
		cmocka_unit_test(the_selection_follows_its_row),
		cmocka_unit_test(lines_fit_the_width),
		cmocka_unit_test(eighty_columns_have_the_first_columns),
		cmocka_unit_test(hostile_names_are_escaped),
		cmocka_unit_test(the_bar_has_the_limits),
		cmocka_unit_test(the_machine_has_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
