/* SPDX-License-Identifier: GPL-2.0-only */
/* Draws maze top with ncurses. The lines are those of top_text.h. */
#include "top.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/step.h"
#include "terminal.h"

/* Lines that are not of the table or the verdicts: machine, state, heading and keys. */
#define OTHER_LINES 4
#define VERDICTS_MAX 10

enum { PAIR_LOW = 1, PAIR_SOFT, PAIR_HARD, PAIR_UNIT };

static const char keys_line[] =
	"h:help s:sort /:filter u:units p:pause k:signal t:thaw r:report w:why q:quit";

/* At most 80 columns, and 20 lines. */
static const char *const help[] = {
	"arrows, Page Up, Page Down, Home, End   move the selection",
	"Tab          move between the table and the last verdicts",
	"s S          sort by the next or the previous column; I reverses",
	"P N          sort by %CPU, by PID",
	"/            filter by name, user, unit, rule or PID; Esc ends it",
	"u            show the rows by unit",
	"p            pause, and go on",
	"+ -          refresh more often, less often",
	"k            send a signal to the process",
	"t            thaw the process or control group, if mazed has frozen it",
	"r            show the report of the last incident of the thread",
	"w            show what the thread does now (maze why)",
	"q            quit;  Ctrl-L draws the screen again",
	"F1 F4 F5 F6 F9 F10 are help, filter, units, sort, signal and quit.",
	"",
	"LIMIT      # is the count on the way to the last limit, | is the soft limit",
	"SOFT/HARD  the limits; in parentheses they are in shadow: nothing is sent",
	"%CPU       of one CPU, since the last refresh",
	"VERDICT    the time since the last one",
};

int top_screen_open(struct top *top)
{
	const char *type = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool bold;

	terminal_query(&top->layout.terminal, &bold);
	/* Not initscr(3), which exits if it fails. */
	if (!newterm(NULL, stdout, stdin) || !tigetstr("cup")) {
		if (stdscr)
			endwin();
		print_error(top->command,
			    "the terminal type \"%s\" is unknown or cannot move the cursor; set "
			    "TERM, or use --once",
			    type ? type : "");
		return EXIT_MAZE_FAILED;
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	top->colors = has_colors() && !(no_color && no_color[0]);
	if (top->colors) {
		start_color();
		use_default_colors();
		init_pair(PAIR_LOW, COLOR_GREEN, -1);
		init_pair(PAIR_SOFT, COLOR_YELLOW, -1);
		init_pair(PAIR_HARD, COLOR_RED, -1);
		init_pair(PAIR_UNIT, COLOR_CYAN, -1);
	}
	return 0;
}

void top_screen_close(void)
{
	endwin();
}

void top_screen_suspend(void)
{
	def_prog_mode();
	endwin();
}

void top_screen_resume(void)
{
	reset_prog_mode();
	/* Keys that were typed for the other program. */
	flushinp();
	clearok(curscr, TRUE);
}

size_t top_screen_verdicts(void)
{
	int count = (LINES - 8) / 5;

	return count < 0 ? 0 : count > VERDICTS_MAX ? VERDICTS_MAX : (size_t)count;
}

size_t top_screen_rows(void)
{
	int verdicts = (int)top_screen_verdicts();
	/* The verdicts have a heading. */
	int rows = LINES - OTHER_LINES - verdicts - (verdicts > 0);

	return rows > 0 ? (size_t)rows : 0;
}

/* A line that is written into memory first, because its characters may be of several bytes. */
struct buffer {
	FILE *out;
	char *text;
	size_t size;
};

static bool begin(struct buffer *buffer)
{
	buffer->text = NULL;
	buffer->out = open_memstream(&buffer->text, &buffer->size);
	return buffer->out;
}

/* Puts the buffer on a line of the screen, and frees it. */
static void put(struct buffer *buffer, int y, attr_t attributes)
{
	fclose(buffer->out);
	move(y, 0);
	attrset(attributes);
	addstr(buffer->text ? buffer->text : "");
	if (attributes & A_REVERSE)
		hline(' ', COLS);
	else
		clrtoeol();
	attrset(A_NORMAL);
	free(buffer->text);
}

static void put_text(const struct top *top, int y, attr_t attributes, const char *text)
{
	struct buffer buffer;

	if (!begin(&buffer))
		return;
	shown_printable(buffer.out, &top->layout.terminal, text, (size_t)COLS);
	put(&buffer, y, attributes);
}

/* ---- the lines ---------------------------------------------------------------------- */

static void color_bar(const struct top *top, int y, const struct top_row *row, attr_t attributes)
{
	const struct maze_entry *entry = &row->entry;
	bool soft = entry->fired || (entry->soft_ns && entry->count_ns >= entry->soft_ns);
	bool hard = entry->fired & MAZE_FIRED_HARD ||
		    (entry->hard_ns && entry->count_ns >= entry->hard_ns);

	if (soft || hard)
		attributes |= A_BOLD;
	mvchgat(y, 0, (int)top->layout.width[TOP_COLUMN_BAR], attributes,
		!top->colors ? 0
		: hard	     ? PAIR_HARD
		: soft	     ? PAIR_SOFT
			     : PAIR_LOW,
		NULL);
}

static void draw_row(const struct top *top, int y, size_t index)
{
	const struct top_view *view = &top->view;
	const struct top_line *line = &view->lines[index];
	attr_t attributes = A_NORMAL;
	struct buffer buffer;

	if (!begin(&buffer))
		return;
	if (index == view->selected && !top->on_verdicts)
		attributes = A_REVERSE;
	else if (!line->row)
		attributes = A_BOLD | (top->colors ? (attr_t)COLOR_PAIR(PAIR_UNIT) : 0);
	top_write_line(&top->layout, line, buffer.out);
	put(&buffer, y, attributes);
	if (line->row)
		color_bar(top, y, line->row, attributes);
}

static int draw_table(struct top *top, int y)
{
	struct top_view *view = &top->view;
	size_t rows = top_screen_rows(), i, shown;
	struct buffer buffer;

	top_view_move(view, 0, rows);
	shown = view->count - view->first < rows ? view->count - view->first : rows;
	top_layout_fit(&top->layout, view->lines + view->first, shown);
	if (begin(&buffer)) {
		top_write_header(&top->layout, buffer.out);
		put(&buffer, y++, A_REVERSE);
	}
	for (i = 0; i < rows; i++, y++) {
		if (i < shown)
			draw_row(top, y, view->first + i);
		else
			put_text(top, y, A_NORMAL,
				 i || view->count	? ""
				 : view->hidden		? "the filter hides all rows"
				 : top->failure.text[0] ? ""
							: "nothing is watched");
	}
	return y;
}

static int draw_verdicts(const struct top *top, int y)
{
	size_t count = top_screen_verdicts(), i;
	const struct maze_record *record;
	struct buffer buffer;

	if (count)
		put_text(top, y++, A_REVERSE, "LAST VERDICTS");
	for (i = 0; i < count; i++, y++) {
		record = top_verdict(top, i);
		if (!record) {
			put_text(top, y, A_NORMAL, i ? "" : "none");
		} else if (begin(&buffer)) {
			top_write_verdict(&top->layout, record, buffer.out);
			put(&buffer, y,
			    top->on_verdicts && i == top->verdict ? A_REVERSE : A_NORMAL);
		}
	}
	return y;
}

static void write_view(const struct top *top, char text[512])
{
	const struct top_view *view = &top->view;
	char every[64], filter[TOP_FILTER_LEN + 64] = "";

	if (view->filter[0])
		snprintf(filter, sizeof(filter), "  filter: %s (%zu hidden)", view->filter,
			 view->hidden);
	maze_duration_format(top->interval_ns, every, sizeof(every));
	snprintf(text, 512, "sort: %s%s%s%s  every %s%s", top_sort_name(view->sort),
		 view->reversed ? ", reversed" : "", view->tree ? ", by unit" : "", filter, every,
		 top->paused ? "  PAUSED" : "");
}

/* What is typed, or the last message, or how the table is made. */
static void draw_state(const struct top *top, int y)
{
	const struct top_target *target = &top->target;
	char text[1024], name[32];

	write_view(top, text);
	if (top->mode == TOP_MODE_FILTER)
		snprintf(text, sizeof(text), "filter (Enter keeps it, Esc ends it): %s_",
			 top->view.filter);
	else if (top->mode == TOP_MODE_SIGNAL)
		snprintf(text, sizeof(text), "signal for %s[%d] (Enter, Esc): %s_", target->name,
			 (int)target->pid, top->input);
	else if (top->mode == TOP_MODE_CONFIRM)
		snprintf(text, sizeof(text), "send %s to %s[%d]? y or n",
			 maze_signal_format(target->signal, name, sizeof(name)), target->name,
			 (int)target->pid);
	else if (top->message.text[0] &&
		 (!top->failure.text[0] || now_ns(CLOCK_MONOTONIC) < top->failure_at_ns))
		snprintf(text, sizeof(text), "%s", top->message.text);
	else if (top->failure.text[0])
		snprintf(text, sizeof(text), "trying again: %s", top->failure.text);
	put_text(top, y, A_BOLD, text);
}

static void draw_help(const struct top *top)
{
	size_t i;

	for (i = 0; i < sizeof(help) / sizeof(help[0]); i++)
		put_text(top, (int)i + 3, A_NORMAL, help[i]);
	put_text(top, LINES - 1, A_REVERSE, "any key: back");
}

void top_screen_draw(struct top *top)
{
	struct top_layout *layout = &top->layout;
	struct buffer buffer;
	int y = 0;

	if (layout->terminal.columns != (size_t)COLS) {
		layout->terminal.columns = (size_t)COLS;
		memset(layout->wanted, 0, sizeof(layout->wanted));
	}
	if (!top->paused)
		layout->now_ns = now_ns(CLOCK_BOOTTIME);
	layout->engine = top->data.machine.engine;
	erase();
	if (begin(&buffer)) {
		top_write_machine(layout, &top->data.machine, buffer.out);
		put(&buffer, y++, A_NORMAL);
	}
	draw_state(top, y++);
	if (top->mode == TOP_MODE_HELP) {
		draw_help(top);
	} else {
		y = draw_table(top, y);
		y = draw_verdicts(top, y);
		put_text(top, y, A_REVERSE, keys_line);
	}
	refresh();
}
