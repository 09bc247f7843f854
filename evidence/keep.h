/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory of incidents: files that are whole or not there, for their owner only, and
 * not more of them than was asked for.
 */
#ifndef MAZE_EVIDENCE_KEEP_H
#define MAZE_EVIDENCE_KEEP_H

#include <stdbool.h>

#include "../lib/maze.h"

struct keep;

struct keep_limits {
	size_t count_max;
	maze_u64 bytes_max;
	maze_u64 age_max_ns;
	/*
	 * Incidents of several users are kept here. A quarter of each limit is for users other
	 * than the directory's owner, who gets the rest and loses none of its files to a user's;
	 * what the owner leaves is divided between the others, so that one of them that writes
	 * many loses its own.
	 */
	bool shared;
};

/* Opens nothing yet. `dir` is copied. */
int keep_new(const char *dir, const struct keep_limits *limits, struct keep **ret_keep);
void keep_free(struct keep *keep);
/*
 * Makes the directory if it is missing, and opens it. 0, or -errno with a sentence. Called
 * by keep_write(), too.
 */
int keep_open(struct keep *keep, struct maze_error *error);
/*
 * Writes `id`.json. `id` (of `size` bytes) is made another one, "ID-2", if it is taken;
 * unless `again`: then the file is replaced. 0, 1: it has another id now, which the text does
 * not have yet, or -errno with a sentence.
 */
int keep_write(struct keep *keep, char *id, size_t size, bool again, const char *text,
	       struct maze_error *error);
/* Removes what is beyond the limits, oldest first. True: there is more to remove. */
bool keep_prune(struct keep *keep);

/* Whether that is the name of an incident's file. */
bool keep_is_incident(const char *name);

#endif
