/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A condition of a rule has a key, such as `exe`, and one or more words. It holds if one
 * word matches. Each key is one row of a table: its name, form and functions, and the
 * fact that it needs. The functions only compare facts (subject.h) that were read before.
 */
#ifndef MAZE_DAEMON_CONDITION_H
#define MAZE_DAEMON_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../../lib/maze.h"
#include "subject.h"
#include "string_list.h"

/* Conditions are checked in this order, so the cheapest fact is read first. */
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
	struct string_list words; /* as written */
	id_t *ids;		  /* user, group: the words as numbers */
};

/* The size of the buffer for `show`, which cuts a longer fact. */
#define CONDITION_SHOWN_SIZE 256

struct condition_key {
	const char *name;
	const char *form;  /* the accepted form, for messages */
	unsigned int fact; /* FACT_* */
	/* Fills an empty condition. Returns 0, -EINVAL or -ENOMEM. */
	int (*parse)(const char *value, struct condition *ret_condition, struct maze_error *error);
	/* The fact must be known. *ret_which is the index of the word that matches. */
	bool (*holds)(const struct condition *condition, const struct subject *subject,
		      size_t *ret_which);
	/* True only if `b` implies `a`. If `b` is NULL, true only if `a` always holds. */
	bool (*covers)(const struct condition *a, const struct condition *b);
	/* Formats the fact as text. */
	void (*show)(const struct subject *subject, char *buf, size_t size);
};

extern const struct condition_key condition_keys[CONDITION_COUNT];

void condition_done(struct condition *condition);

#endif
