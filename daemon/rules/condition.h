/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A condition of a rule has a key, such as `exe`, and one or more words. The condition
 * holds if one of its words matches. A table has one row for each key, with the key's
 * name, the form of its words, its functions, and the fact (subject.h) that these
 * functions compare. The caller reads the fact first.
 */
#ifndef MAZE_DAEMON_CONDITION_H
#define MAZE_DAEMON_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../../lib/maze.h"
#include "subject.h"
#include "string_list.h"

/* Conditions are checked in this order, from the cheapest fact to the most expensive. */
enum condition_id {
	CONDITION_THREAD,
	CONDITION_COMM,
	CONDITION_USER,
	CONDITION_GROUP,
	CONDITION_CGROUP,
	CONDITION_EXE,
	CONDITION_CPU_QUOTA,
	CONDITION_PARENT,
	CONDITION_CMDLINE,
	CONDITION_COUNT,
};

struct condition {
	bool given;
	struct string_list words; /* as written */
	id_t *ids;		  /* for user and group: the words as numbers */
	bool yes;		  /* for cpu-quota */
};

/* `show` gets a buffer of this size, and cuts a longer fact. */
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
	/*
	 * Returns true only if `a` holds whenever `b` holds. A `b` of NULL always holds.
	 */
	bool (*covers)(const struct condition *a, const struct condition *b);
	/* Formats the fact as text. */
	void (*show)(const struct subject *subject, char *buf, size_t size);
};

extern const struct condition_key condition_keys[CONDITION_COUNT];

/* Parses a group, by name or number. Returns 0, -EINVAL or -ENOMEM. */
int condition_group(const char *word, gid_t *ret_gid, struct maze_error *error);

void condition_done(struct condition *condition);

#endif
