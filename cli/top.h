/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of maze top, which its screen shows and its keys change. */
#ifndef MAZE_CLI_TOP_H
#define MAZE_CLI_TOP_H

#include "top_data.h"
#include "top_text.h"
#include "top_view.h"

#define TOP_INTERVAL_MIN (MAZE_NSEC_PER_SEC / 10)
#define TOP_INTERVAL_MAX (3600 * MAZE_NSEC_PER_SEC)

enum top_mode {
	TOP_MODE_TABLE,
	TOP_MODE_HELP,
	TOP_MODE_FILTER,  /* `view.filter` is typed */
	TOP_MODE_SIGNAL,  /* `input` is typed: the signal for the target */
	TOP_MODE_CONFIRM, /* the signal is parsed, and not sent */
};

/* The process that gets a signal. */
struct top_target {
	int pidfd; /* -1: none */
	pid_t pid;
	char name[MAZE_COMM_LEN + 1];
	int signal;
};

struct top {
	const struct command *command;
	const struct options *options;
	struct top_data data;
	struct top_view view;
	struct top_layout layout;
	maze_u64 interval_ns;
	enum top_mode mode;
	struct top_target target;
	char input[32];
	struct maze_error message; /* until the next key; "": none */
	struct maze_error failure; /* of the last refresh; "": it succeeded */
	maze_u64 failure_at_ns;	   /* until then the message hides it, CLOCK_MONOTONIC */
	bool paused, ended;
	bool due;	      /* refresh now */
	bool returned;	      /* from a pager */
	size_t records_shown; /* records that were read when the screen was paused */
	bool on_verdicts;     /* the keys move in the verdicts, not in the table */
	size_t verdict;	      /* the selected verdict, 0: the newest */
	bool colors;
};

/* Reads a list and makes the lines of the view. Sets `failure`. Returns 0 or -errno. */
int top_refresh(struct top *top);
/* Makes the lines again, for another order or filter. */
void top_rearrange(struct top *top);
/* A verdict of the screen, 0: the newest one. NULL: there are not so many. */
const struct maze_record *top_verdict(const struct top *top, size_t back);

/* ---- top_screen.c ------------------------------------------------------------------- */

/* Begins to use the terminal. Returns 0, or the exit status after an error message. */
int top_screen_open(struct top *top);
void top_screen_close(void);
void top_screen_draw(struct top *top);
/* The number of lines that the table has on the screen, and that the verdicts have. */
size_t top_screen_rows(void);
size_t top_screen_verdicts(void);
/* Between the two, another program may use the terminal. */
void top_screen_suspend(void);
void top_screen_resume(void);

/* ---- top_keys.c --------------------------------------------------------------------- */

/* Performs a key of getch(3). */
void top_key(struct top *top, int key);

/* ---- top_act.c ---------------------------------------------------------------------- */

/* Opens the selected process for a signal, and goes to TOP_MODE_SIGNAL. */
void top_act_choose(struct top *top);
/* Sends the signal, or forgets it. */
void top_act_send(struct top *top);
void top_act_cancel(struct top *top);
void top_act_thaw(struct top *top);
/* Both show another command of maze in a pager. */
void top_act_report(struct top *top);
void top_act_why(struct top *top);

/* ---- top_json.c --------------------------------------------------------------------- */

/* Writes what the view shows as an object on one line. */
void top_json_write(const struct top *top, FILE *out);

#endif
