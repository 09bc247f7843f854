/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The incident directory. Files are complete when they appear, readable for their owner
 * only, and pruned to the limits.
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
	 * The directory has incidents of several users. Its owner gets three quarters of
	 * each limit, and the others share the rest: the newest file of each is kept
	 * first, then the second newest of each. So a user with many incidents loses only
	 * these.
	 */
	bool shared;
};

/* Opens nothing. `dir` is copied. */
int incident_store_new(const char *dir, const struct incident_store_limits *limits,
		       struct incident_store **ret_store);
void incident_store_free(struct incident_store *store);
/*
 * Creates the directory if it is missing and opens it, as incident_store_write() does. 0,
 * or -errno with a sentence.
 */
int incident_store_open(struct incident_store *store, struct maze_error *error);
/*
 * Writes `id`.json. With `again` it replaces the file; else, if `id` (of `size` bytes) is
 * taken, it becomes "ID-2". 0, 1: `id` has changed, but not in the text, or -errno with a
 * sentence.
 */
int incident_store_write(struct incident_store *store, char *id, size_t size, bool again,
			 const char *text, struct maze_error *error);
/* Removes files beyond the limits, oldest first. True: there is more to remove. */
bool incident_store_prune(struct incident_store *store);

#endif
