/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Describes an incident in sentences and as a table of facts. Both are the same on a
 * terminal and on a page. The callbacks format and escape the text.
 */
#ifndef MAZE_REPORT_SUMMARY_H
#define MAZE_REPORT_SUMMARY_H

#include "incident.h"
#include "stacks.h"

enum summary_kind {
	SUMMARY_PLAIN,
	SUMMARY_NAME,	/* untrusted */
	SUMMARY_FIGURE, /* emphasized */
};

struct summary {
	/* Appends text. A newline in it has no meaning. */
	void (*put)(struct summary *summary, enum summary_kind kind, const char *text);
	/* Begins a fact. Only summary_facts() and summary_keys() call it. */
	void (*label)(struct summary *summary, const char *label);
};

/* Writes two to four sentences: program, duration, code location, reaction of maze. */
void summary_headline(struct summary *summary, const struct incident *incident,
		      const struct stacks *stacks);
/* Each writes one part of the headline: process and CPU time; location and why; reaction. */
void summary_what(struct summary *summary, const struct incident *incident);
void summary_where(struct summary *summary, const struct incident *incident,
		   const struct stacks *stacks);
void summary_acts(struct summary *summary, const struct incident *incident);
/* Writes the most important facts. */
void summary_keys(struct summary *summary, const struct incident *incident);
/* Writes those about the process: command, program, control group, unit. */
void summary_process(struct summary *summary, const struct incident *incident);
/* Writes all known facts: times, thread, process, rule, limits, machine. */
void summary_facts(struct summary *summary, const struct incident *incident,
		   const struct stacks *stacks);
/* Writes "96 % of 50 reads of the Python stack". */
void summary_reads(struct summary *summary, size_t part, size_t whole);
/* Writes "48 of 50 samples (96 %)". */
void summary_share(struct summary *summary, size_t part, size_t whole);

/* Writes "hash_name (names.h:33)". */
void summary_frame(struct summary *summary, const struct incident_frame *frame);

void summary_plain(struct summary *summary, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void summary_name(struct summary *summary, const char *name);

#endif
