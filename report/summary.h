/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An incident in sentences and in a table of facts: what is said is the same on a
 * terminal and on a page. How it is shown, and made harmless, is up to who is told.
 */
#ifndef MAZE_REPORT_SUMMARY_H
#define MAZE_REPORT_SUMMARY_H

#include "incident.h"
#include "stacks.h"

enum summary_kind {
	SUMMARY_PLAIN,
	SUMMARY_NAME,	/* of others: may hold anything */
	SUMMARY_FIGURE, /* what the eye should find */
};

struct summary {
	/* Text that follows what came before; no end of line is meant by any of it. */
	void (*put)(struct summary *summary, enum summary_kind kind, const char *text);
	/* What follows belongs under this label; only for summary_facts() and summary_keys(). */
	void (*label)(struct summary *summary, const char *label);
};

/* Two to four sentences: what spun, for how long, where, and what was done. */
void summary_headline(struct summary *summary, const struct incident *incident,
		      const struct stacks *stacks);
/*
 * The headline in parts, for a page that has it in several places: who used how much; where
 * it was; what was done about it.
 */
void summary_what(struct summary *summary, const struct incident *incident);
void summary_where(struct summary *summary, const struct incident *incident,
		   const struct stacks *stacks);
void summary_acts(struct summary *summary, const struct incident *incident);
/* The few facts that are looked for first. */
void summary_keys(struct summary *summary, const struct incident *incident);
/* When, who, which program, which rule and limits, which machine: what is known. */
void summary_facts(struct summary *summary, const struct incident *incident,
		   const struct stacks *stacks);
/* "48 of 50 samples (96 %)". */
void summary_share(struct summary *summary, size_t part, size_t whole);

void summary_plain(struct summary *summary, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void summary_name(struct summary *summary, const char *name);
/* A text that the callee frees; NULL (out of memory) is passed over. */
void summary_name_free(struct summary *summary, char *name);
void summary_figure(struct summary *summary, const char *figure);

#endif
