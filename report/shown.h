/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How figures and names of an incident read, on a terminal and on a page alike; and
 * making a text harmless for a terminal.
 */
#ifndef MAZE_REPORT_SHOWN_H
#define MAZE_REPORT_SHOWN_H

#include <stdio.h>

#include "incident.h"

/* A name longer than this is no name anybody reads; the rest is left out, and it is said. */
#define SHOWN_NAME_MAX 1024

#define SHOWN_LEN 128

/* "600ms", "1min 3.2s", "310us": to a millisecond, shorter ones to a microsecond; down. */
const char *shown_duration(long long ns, char buf[SHOWN_LEN]);
/* "96 %"; "below 1 %" and "above 99 %" where rounding would say none or all. */
const char *shown_share(size_t part, size_t whole, char buf[SHOWN_LEN]);
/* Digits; "?" when it is not known. */
const char *shown_number(long long number, char buf[SHOWN_LEN]);

/*
 * A frame's name for people: the function, else module+0xoffset, else the address. The
 * text is the caller's to free(3); NULL: out of memory.
 */
char *shown_frame(const struct incident_frame *frame);
/* Where that is: "loop.c:12", "libc.so.6", "kernel", "build-id 12ab.."; "" when unknown. */
char *shown_place(const struct incident_frame *frame);

/* Why a stack has no more frames than these; NULL: it has them all. */
const char *shown_cut(const struct incident_stack *stack);

/* Whose incident it is: the name of the process, else of its thread, else NULL. */
const char *shown_process(const struct incident *incident);
long long shown_pid(const struct incident *incident);
long long shown_tid(const struct incident *incident);
/* The name of the mazed thread; NULL: unknown. */
const char *shown_thread_name(const struct incident *incident);

/* The last record with that event; NULL: none. */
const struct incident_record *shown_record(const struct incident *incident, const char *event);
/* The record of the furthest stage: hard, else soft, else the first that there is. */
const struct incident_record *shown_verdict(const struct incident *incident);
/* The highest count that any record or sample tells. */
long long shown_count(const struct incident *incident);
/*
 * The CPU time that a headline names: that count, or where it slept meanwhile all that it
 * used until its furthest stage.
 */
long long shown_used(const struct incident *incident);
/* " without sleeping", or ", asleep 0.4 % of the time": what follows that CPU time. */
const char *shown_asleep(const struct incident *incident, char buf[SHOWN_LEN]);
/* Since when, at the latest, its episode has lasted: a record's time less what it used. */
long long shown_since(const struct incident *incident);
/* The last time that anything of it is known; unknown where no record has a time. */
long long shown_until(const struct incident *incident);

/*
 * What was done about a verdict, with a blank for the signal to follow, such as "sent ",
 * always the same pointer for the same verb; NULL: it was recorded only.
 */
const char *shown_verb(const struct incident_record *record);
/* "sent SIGXCPU", "shadow: would have sent SIGKILL", "recorded only", "ended"; or NULL. */
char *shown_act(const struct incident_record *record);

/* Writes text with what a terminal would act on as \xNN or \u{NNNN}. */
struct shown_terminal {
	size_t columns; /* 0: as long as it gets */
	bool utf8;	/* it shows other than ASCII, by the locale */
	bool page;	/* it is none: a page shows all but control characters */
};
/*
 * At most `columns` of them (0: all, up to SHOWN_NAME_MAX bytes), "..." at the end where
 * it was longer. Returns how many columns were written.
 */
size_t shown_printable(FILE *out, const struct shown_terminal *terminal, const char *text,
		       size_t columns);
/* How many columns that would write. */
size_t shown_columns(const struct shown_terminal *terminal, const char *text);

#endif
