/* SPDX-License-Identifier: GPL-2.0-only */
/* The columns of an incident in a list of incidents. They are copies. */
#ifndef MAZE_REPORT_INCIDENT_LINE_H
#define MAZE_REPORT_INCIDENT_LINE_H

#include <stdbool.h>

#include "incident.h"

struct incident_line {
	const char *id; /* belongs to the caller */
	long long began, pid, tid, count_ns;
	char *process, *stage, *function, *action; /* NULL: unknown */
	char *scope;				   /* NULL: of a thread */
	char *signature;			   /* NULL: unknown */
	/* The first incident with the signature, set by the caller; NULL: this one. */
	const char *repeats;
	size_t self, samples;
};

/* Fills all columns. The caller has set `id`. False: out of memory. */
bool incident_line_fill(const struct incident *incident, struct incident_line *line);
void incident_line_done(struct incident_line *line);
/* Sorts by time, and then by ID. For qsort(3). */
int incident_line_compare(const void *left, const void *right);

#endif
