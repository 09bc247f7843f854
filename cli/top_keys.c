/* SPDX-License-Identifier: GPL-2.0-only */
#include "top.h"

#include <ctype.h>
#include <ncurses.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

#define ESCAPE 27
/* So long, the message of a key is more important than a source that is gone. */
#define MESSAGE_NS (3 * MAZE_NSEC_PER_SEC)

static bool is_enter(int key)
{
	return key == '\n' || key == '\r' || key == KEY_ENTER;
}

/* Adds a byte to a text, or removes its last character. Returns false for other keys. */
static bool edit(char *text, size_t size, int key)
{
	size_t length = strlen(text);

	if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		/* All bytes of a character of UTF-8. */
		while (length && (text[length - 1] & 0xc0) == 0x80)
			text[--length] = '\0';
		if (length)
			text[length - 1] = '\0';
		return true;
	}
	if (key < ' ' || key > 255 || length + 1 >= size)
		return false;
	text[length] = (char)key;
	text[length + 1] = '\0';
	return true;
}

static void key_in_filter(struct top *top, int key)
{
	char *filter = top->view.filter;

	if (key == ESCAPE)
		filter[0] = '\0';
	if (key == ESCAPE || is_enter(key))
		top->mode = TOP_MODE_TABLE;
	else if (!edit(filter, TOP_FILTER_LEN, key))
		return;
	top_rearrange(top);
}

static void key_in_signal(struct top *top, int key)
{
	struct top_target *target = &top->target;

	if (key == ESCAPE) {
		top_act_cancel(top);
	} else if (!is_enter(key)) {
		edit(top->input, sizeof(top->input), key);
	} else if (maze_signal_parse(top->input, &target->signal, &top->message) ||
		   !target->signal) {
		top_act_cancel(top);
		if (!top->message.text[0])
			maze_fail(&top->message, 0, "no signal was sent");
	} else {
		top->mode = TOP_MODE_CONFIRM;
	}
}

static void key_in_confirm(struct top *top, int key)
{
	if (key == 'y' || key == 'Y')
		top_act_send(top);
	else
		top_act_cancel(top);
}

/* ---- the table ---------------------------------------------------------------------- */

static void move_by(struct top *top, long lines)
{
	size_t last = top_screen_verdicts();
	long to = (long)top->verdict + lines;

	if (!top->on_verdicts) {
		top_view_move(&top->view, lines, top_screen_rows());
		return;
	}
	while (last && !top_verdict(top, last - 1))
		last--;
	if (to >= (long)last)
		to = (long)last - 1;
	top->verdict = to > 0 ? (size_t)to : 0;
}

static bool key_moves(struct top *top, int key)
{
	const long page = (long)top_screen_rows(), far = 1L << 30;

	switch (key) {
	case KEY_UP:
		move_by(top, -1);
		return true;
	case KEY_DOWN:
	case 'j':
		move_by(top, 1);
		return true;
	case KEY_PPAGE:
		move_by(top, -page);
		return true;
	case KEY_NPAGE:
		move_by(top, page);
		return true;
	case KEY_HOME:
	case 'g':
		move_by(top, -far);
		return true;
	case KEY_END:
	case 'G':
		move_by(top, far);
		return true;
	case '\t':
		top->on_verdicts = !top->on_verdicts && top_screen_verdicts();
		top->verdict = 0;
		return true;
	default:
		return false;
	}
}

static void sort_by(struct top *top, int step)
{
	unsigned int sort = (unsigned int)top->view.sort + TOP_SORT_COUNT_ + (unsigned int)step;

	top->view.sort = (enum top_sort)(sort % TOP_SORT_COUNT_);
}

/* Keys that change what the table shows. */
static bool key_arranges(struct top *top, int key)
{
	struct top_view *view = &top->view;

	switch (key) {
	case 's':
	case '>':
	case KEY_F(6):
		sort_by(top, 1);
		break;
	case 'S':
	case '<':
		sort_by(top, -1);
		break;
	case 'I':
		view->reversed = !view->reversed;
		break;
	case 'P':
		view->sort = TOP_SORT_CPU;
		break;
	case 'N':
		view->sort = TOP_SORT_PID;
		break;
	case 'u':
	case KEY_F(5):
		view->tree = !view->tree;
		break;
	default:
		return false;
	}
	top_rearrange(top);
	return true;
}

static bool key_acts(struct top *top, int key)
{
	switch (key) {
	case 'k':
	case KEY_F(9):
		top_act_choose(top);
		return true;
	case 't':
		top_act_thaw(top);
		return true;
	case 'r':
	case '\n':
	case '\r':
	case KEY_ENTER:
		top_act_report(top);
		return true;
	case 'w':
		top_act_why(top);
		return true;
	default:
		return false;
	}
}

static void pause_or_go_on(struct top *top)
{
	top->paused = !top->paused;
	top->records_shown = top->data.records_count;
	top->due = !top->paused;
}

static void key_in_table(struct top *top, int key)
{
	if (key_moves(top, key) || key_arranges(top, key) || key_acts(top, key))
		return;
	if (key == 'q' || key == 'Q' || key == KEY_F(10))
		top->ended = true;
	else if (key == 'h' || key == '?' || key == KEY_F(1))
		top->mode = TOP_MODE_HELP;
	else if (key == '/' || key == '\\' || key == KEY_F(4))
		top->mode = TOP_MODE_FILTER;
	else if (key == 'p' || key == 'Z')
		pause_or_go_on(top);
	else if (key == '+' && top->interval_ns / 2 >= TOP_INTERVAL_MIN)
		top->interval_ns /= 2;
	else if (key == '-' && top->interval_ns * 2 <= TOP_INTERVAL_MAX)
		top->interval_ns *= 2;
	else if (key == 'L' - '@')
		clearok(curscr, TRUE);
	else if (key == ESCAPE && top->view.filter[0])
		key_in_filter(top, key);
}

void top_key(struct top *top, int key)
{
	if (key == KEY_RESIZE)
		return;
	top->message.text[0] = '\0';
	top->failure_at_ns = now_ns(CLOCK_MONOTONIC) + MESSAGE_NS;
	switch (top->mode) {
	case TOP_MODE_FILTER:
		return key_in_filter(top, key);
	case TOP_MODE_SIGNAL:
		return key_in_signal(top, key);
	case TOP_MODE_CONFIRM:
		return key_in_confirm(top, key);
	case TOP_MODE_HELP:
		top->mode = TOP_MODE_TABLE;
		return;
	case TOP_MODE_TABLE:
		return key_in_table(top, key);
	}
}
