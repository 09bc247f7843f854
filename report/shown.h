/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures and names of an incident as text, for a terminal and a page, and their
 * escaping.
 */
#ifndef MAZE_REPORT_SHOWN_H
#define MAZE_REPORT_SHOWN_H

#include <stdio.h>

#include "incident.h"

/* Longer names are cut, with "..." at the end. */
#define SHOWN_NAME_MAX 1024

#define SHOWN_LEN 128

/* "600ms", "1min 3.2s", "310us": rounded down to 1 ms, below that to 1 us. */
const char *shown_duration(long long ns, char buf[SHOWN_LEN]);
/* "96 %"; never rounded to 0 or 100 %: "below 1 %", "above 99 %". */
const char *shown_share(size_t part, size_t whole, char buf[SHOWN_LEN]);
/* Digits; "?": unknown. */
const char *shown_number(long long number, char buf[SHOWN_LEN]);

/*
 * The function, else module+0xoffset, else the address. free(3) it; NULL: out of memory.
 * The same for shown_place().
 */
char *shown_frame(const struct incident_frame *frame);
/* "loop.c:12", "libc.so.6", "kernel", "build-id 12ab.."; "": unknown. */
char *shown_place(const struct incident_frame *frame);

/* Why outer frames are missing; NULL: none is. */
const char *shown_cut(const struct incident_stack *stack);

/* The name of the process, else of its thread, else NULL. */
const char *shown_process(const struct incident *incident);
long long shown_pid(const struct incident *incident);
long long shown_tid(const struct incident *incident);
/* The name of the runaway thread; NULL: unknown. */
const char *shown_thread_name(const struct incident *incident);

/* The last record with that event; NULL: none. */
const struct incident_record *shown_record(const struct incident *incident, const char *event);
/* The record of the last stage: hard, else soft, else the first record. */
const struct incident_record *shown_verdict(const struct incident *incident);
/* The highest count of all records and samples. */
long long shown_count(const struct incident *incident);
/*
 * The CPU time for a headline: that count, or, of an episode with sleeps, all CPU time
 * until its last stage.
 */
long long shown_used(const struct incident *incident);
/* Continues shown_used(): " without sleeping", ", asleep 0.4 % of the time". */
const char *shown_asleep(const struct incident *incident, char buf[SHOWN_LEN]);
/* The latest possible start of the episode: the time of a record minus its CPU time. */
long long shown_since(const struct incident *incident);
/* The last time of all records and samples. */
long long shown_until(const struct incident *incident);

/*
 * The verb with a blank before the signal that follows: "sent ". Always the same pointer
 * for the same verb. NULL: only recorded.
 */
const char *shown_verb(const struct incident_record *record);
/* "sent SIGXCPU", "shadow: would have sent SIGKILL", "recorded only", "ended". */
char *shown_act(const struct incident_record *record);

/* Where escaped text (base/escape.h) goes. */
struct shown_terminal {
	size_t columns; /* 0: no limit */
	bool utf8;	/* the locale has more than ASCII */
	bool page;	/* a page instead: it shows all but control characters */
};
/*
 * At most `columns` (0: up to SHOWN_NAME_MAX bytes), with "..." at the end of a longer
 * text. Returns the number of columns written.
 */
size_t shown_printable(FILE *out, const struct shown_terminal *terminal, const char *text,
		       size_t columns);
/* The number of columns without a limit. */
size_t shown_columns(const struct shown_terminal *terminal, const char *text);

#endif
