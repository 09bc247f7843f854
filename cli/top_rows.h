/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows of maze top: a row for each watched thread and group, which keeps what maze has
 * read of it from one list to the next. Reads nothing itself.
 */
#ifndef MAZE_CLI_TOP_ROWS_H
#define MAZE_CLI_TOP_ROWS_H

#include "listing.h"

#define TOP_UNKNOWN (-1)

struct top_row {
	struct maze_entry entry;
	maze_u64 cgroup_id;	      /* of a control group */
	maze_u64 used_ns;	      /* of a group: CPU time of its episode */
	maze_u32 members;	      /* of a group */
	char rule[LISTING_RULE_LEN];  /* "": none */
	char *name;		      /* the name of the thread, or of a control group its path */
	bool is_new;		      /* it was not in the list before */
	const char *user;	      /* NULL: unknown. Not owned. */
	char *cgroup;		      /* the path of its control group; NULL: unknown */
	char *place;		      /* its pod, container or unit; NULL: unknown */
	long cpu_permille;	      /* of one CPU; TOP_UNKNOWN */
	maze_u64 verdict_ns;	      /* the last verdict, CLOCK_BOOTTIME; 0: none is known */
	maze_u64 start_ticks;	      /* of the process; 0: unknown */
	int times_fd;		      /* its schedstat file; -1: not open */
	maze_u64 last_ns, last_at_ns; /* the last reading of its CPU time; at 0: none */
	maze_u32 last_episode;	      /* of that reading */
};

/* Begin with {0}. */
struct top_rows {
	struct top_row *rows; /* sorted by scope, PID, TID and control group */
	size_t count;
};

/*
 * Replaces the rows by those of a list. A row that was there before keeps what maze has
 * read of it. Returns 0 or -ENOMEM, and then changes nothing.
 */
int top_rows_update(struct top_rows *rows, const struct listing *listing);
/* The row that a record is about. NULL: none. */
struct top_row *top_rows_find(const struct top_rows *rows, const struct maze_record *record);
/* Forgets what was read of a row, because another task has its number. */
void top_row_forget(struct top_row *row);
void top_rows_free(struct top_rows *rows);

/* Negative, 0 or positive, in the order of the rows. */
int top_row_compare(const struct top_row *a, const struct top_row *b);

/*
 * Sets cpu_permille from a reading of the CPU time at a time, and the last one. If
 * `per_episode` is set, the time begins at 0 with each episode.
 */
void top_row_measure(struct top_row *row, maze_u64 cpu_ns, maze_u64 at_ns, bool per_episode);
/* The part of the way to the last limit, in thousandths; can be above 1000. */
maze_u64 top_row_progress(const struct top_row *row);

#endif
