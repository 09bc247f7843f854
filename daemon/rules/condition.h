/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One condition of a rule: one matching key and its alternatives, any of which
 * will do. What keys there are, how each is written, which fact of a subject it
 * asks for and when it holds, is one row of one table. Holding against a subject
 * reads nothing and changes nothing.
 */
#ifndef MAZE_DAEMON_CONDITION_H
#define MAZE_DAEMON_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../../lib/maze.h"
#include "subject.h"
#include "string_list.h"

/* From the cheapest to read to the dearest: the order in which they are tried. */
enum condition_id {
	CONDITION_THREAD,
	CONDITION_COMM,
	CONDITION_USER,
	CONDITION_GROUP,
	CONDITION_CGROUP,
	CONDITION_EXE,
	CONDITION_PARENT,
	CONDITION_CMDLINE,
	CONDITION_COUNT,
};

struct condition {
	bool given;
	struct words words; /* the alternatives as written */
	id_t *ids;	    /* user, group: the words as numbers */
};

/* Enough for any fact of a subject, cut at the end where it is longer. */
#define CONDITION_SHOWN_SIZE 256

struct condition_key {
	const char *name;
	const char *form;  /* what is accepted, in words */
	unsigned int fact; /* FACT_* */
	/* Fills a condition that holds nothing yet. -EINVAL, -ENOMEM. */
	int (*parse)(const char *value, struct condition *ret_condition, struct maze_error *error);
	/* The fact is known. *ret_which is the alternative that holds. */
	bool (*holds)(const struct condition *condition, const struct subject *subject,
		      size_t *ret_which);
	/*
	 * True if `a` holds wherever `b` does, as far as their texts show; `b` NULL:
	 * wherever at all.
	 */
	bool (*covers)(const struct condition *a, const struct condition *b);
	/* The fact as text. */
	void (*show)(const struct subject *subject, char *buf, size_t size);
};

extern const struct condition_key condition_keys[CONDITION_COUNT];

void condition_done(struct condition *condition);

#endif
