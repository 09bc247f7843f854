/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and prints the key system_calls of an incident. */
#ifndef MAZE_REPORT_SYSTEM_CALLS_H
#define MAZE_REPORT_SYSTEM_CALLS_H

#include "json_reader.h"
#include "shown.h"
#include "summary.h"

/* Returns false if there is no memory. Call system_calls_free() in either case. */
bool system_calls_read(struct json_reader *reader, const json_t *root, struct incident *incident);
void system_calls_free(struct incident *incident);
/* Writes how many calls there were: "2000 in 20ms of CPU time". */
void system_calls_total(struct summary *summary, const struct incident_slice *slice);
/* Writes a call and its result: "read, fd 4: EAGAIN". */
void system_calls_row(struct summary *summary, const struct incident_call *call);
/* Writes which call the thread was in, if `is_inside` is set. */
void system_calls_inside(struct summary *summary, const struct incident_slice *slice);
/* Writes the calls in a second of CPU time, or "-" if the slice is too short for a rate. */
const char *system_calls_rate(const struct incident_slice *slice, long long calls,
			      char buf[SHOWN_LEN]);
/* Writes the share of the slice that the calls took. */
const char *system_calls_share(const struct incident_slice *slice, long long time_ns,
			       char buf[SHOWN_LEN]);

#endif
