/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory of incidents: files that are whole or not there, for their owner only, and
 * not more of them than was asked for.
 */
#ifndef MAZE_EVIDENCE_INCIDENT_STORE_H
#define MAZE_EVIDENCE_INCIDENT_STORE_H

#include <stdbool.h>

#include "../../lib/maze.h"

#define INCIDENT_STORE_COUNT_DEFAULT 1000
#define INCIDENT_STORE_BYTES_DEFAULT (256ULL << 20)
#define INCIDENT_STORE_AGE_DEFAULT_NS (90 * 24 * 3600 * MAZE_NSEC_PER_SEC)

struct incident_store;

struct incident_store_limits {
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
int incident_store_new(const char *dir, const struct incident_store_limits *limits,
		       struct incident_store **ret_store);
void incident_store_free(struct incident_store *store);
/*
 * Makes the directory if it is missing, and opens it. 0, or -errno with a sentence. Called
 * by incident_store_write(), too.
 */
int incident_store_open(struct incident_store *store, struct maze_error *error);
/*
 * Writes `id`.json. `id` (of `size` bytes) is made another one, "ID-2", if it is taken;
 * unless `again`: then the file is replaced. 0, 1: it has another id now, which the text does
 * not have yet, or -errno with a sentence.
 */
int incident_store_write(struct incident_store *store, char *id, size_t size, bool again,
			 const char *text, struct maze_error *error);
/* Removes what is beyond the limits, oldest first. True: there is more to remove. */
bool incident_store_prune(struct incident_store *store);

/* Whether that is the name of an incident's file. */
bool incident_store_is_incident(const char *name);

#endif
