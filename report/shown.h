/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes figures and names of an incident as text for a terminal and a page, and escapes
 * them.
 */
#ifndef MAZE_REPORT_SHOWN_H
#define MAZE_REPORT_SHOWN_H

#include <stdio.h>

#include "incident.h"

/* The maximum of bytes of a name. A longer one is cut and ends in "...". */
#define SHOWN_NAME_MAX 1024

#define SHOWN_LEN 128

/* "600ms", "1min 3.2s", "310us": rounded down to 1 ms, or to 1 us if below 1 ms. */
const char *shown_duration(long long ns, char buf[SHOWN_LEN]);
/* "96 %". Writes "below 1 %" and "above 99 %" instead of rounding to 0 % or 100 %. */
const char *shown_share(size_t part, size_t whole, char buf[SHOWN_LEN]);
/* The digits of the number, or "?" if it is unknown. */
const char *shown_number(long long number, char buf[SHOWN_LEN]);

/*
 * Returns the function, else module+0xoffset, else the address, or NULL without memory.
 * The caller frees the result. The same holds for shown_place().
 */
char *shown_frame(const struct incident_frame *frame);
/* "loop.c:12", "libc.so.6", "kernel" or "build-id 12ab..". "": unknown. */
char *shown_place(const struct incident_frame *frame);

/* Why outer frames are missing. NULL: no frame is missing. */
const char *shown_cut(const struct incident_stack *stack);

/* The name of the process, or else of its thread, or else NULL. */
const char *shown_process(const struct incident *incident);
long long shown_pid(const struct incident *incident);
long long shown_tid(const struct incident *incident);
/* The name of the runaway thread, or NULL if it is unknown. */
const char *shown_thread_name(const struct incident *incident);

/* The last record of this event, or NULL if there is none. */
const struct incident_record *shown_record(const struct incident *incident, const char *event);
/* The record of the hard verdict, or else of the soft verdict, or else the first one. */
const struct incident_record *shown_verdict(const struct incident *incident);
/* The highest count in all records and samples. */
long long shown_count(const struct incident *incident);
/*
 * The CPU time for a headline. It is shown_count(), or the larger CPU time of
 * shown_verdict() if the episode has sleeps. Of a group, that of the verdict.
 */
long long shown_used(const struct incident *incident);
/*
 * Continues the text of shown_used(): " without sleeping", ", asleep 0.4 % of the time"; of
 * a group " in 2.8s".
 */
const char *shown_asleep(const struct incident *incident, char buf[SHOWN_LEN]);
/* The latest possible start: the time of a record minus its CPU time and its sleep. */
long long shown_since(const struct incident *incident);
/* The latest time in all records and samples. */
long long shown_until(const struct incident *incident);

/*
 * The verb before the name of the signal, with a blank at its end: "sent ". Equal verbs
 * have the same pointer. NULL: the verdict was only recorded.
 */
const char *shown_verb(const struct incident_record *record);
/* What maze did: "sent SIGXCPU", "shadow: would have sent SIGKILL", "recorded only". */
char *shown_act(const struct incident_record *record);

/* The output for which text is escaped (base/escape.h). */
struct shown_terminal {
	size_t columns; /* 0: no limit */
	bool utf8;	/* the locale has characters beyond ASCII */
	bool page;	/* the output is a page, which shows all but control characters */
};
/*
 * Writes at most `columns` columns (0: up to SHOWN_NAME_MAX bytes). A longer text is cut
 * and ends in "...". Returns the number of columns written.
 */
size_t shown_printable(FILE *out, const struct shown_terminal *terminal, const char *text,
		       size_t columns);
/* The number of columns that the text takes without a limit. */
size_t shown_columns(const struct shown_terminal *terminal, const char *text);

#endif
