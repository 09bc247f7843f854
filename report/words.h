/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An incident in sentences and in a table of facts: what is said is the same on a
 * terminal and on a page. How it is shown, and made harmless, is up to who is told.
 */
#ifndef MAZE_REPORT_WORDS_H
#define MAZE_REPORT_WORDS_H

#include "incident.h"
#include "stacks.h"

enum words_kind {
	WORDS_PLAIN,
	WORDS_NAME,   /* of others: may hold anything */
	WORDS_FIGURE, /* what the eye should find */
};

struct words {
	/* Text that follows what came before; no end of line is meant by any of it. */
	void (*put)(struct words *words, enum words_kind kind, const char *text);
	/* What follows belongs under this label; only for words_facts() and words_keys(). */
	void (*label)(struct words *words, const char *label);
};

/* Two to four sentences: what spun, for how long, where, and what was done. */
void words_headline(struct words *words, const struct incident *incident,
		    const struct stacks *stacks);
/*
 * The headline in parts, for a page that has it in several places: who used how much; where
 * it was; what was done about it.
 */
void words_what(struct words *words, const struct incident *incident);
void words_where(struct words *words, const struct incident *incident, const struct stacks *stacks);
void words_acts(struct words *words, const struct incident *incident);
/* The few facts that are looked for first. */
void words_keys(struct words *words, const struct incident *incident);
/* When, who, which program, which rule and limits, which machine: what is known. */
void words_facts(struct words *words, const struct incident *incident, const struct stacks *stacks);
/* "48 of 50 samples (96 %)". */
void words_share(struct words *words, size_t part, size_t whole);

void words_plain(struct words *words, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void words_name(struct words *words, const char *name);
/* A text that the callee frees; NULL (out of memory) is passed over. */
void words_name_free(struct words *words, char *name);
void words_figure(struct words *words, const char *figure);

#endif
