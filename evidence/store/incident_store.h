/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The incident directory. Its files are complete when they appear. Only their owner can
 * read them, and the group of the directory if the directory has the mode 2750. Pruning
 * keeps them within the limits.
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
	 * each limit, and the other users share the rest. In their share, the newest file
	 * of each user is kept first, and then the second newest of each. So a user with
	 * many incidents causes no loss to others.
	 */
	bool shared;
};

/* Copies `dir`, but does not open it. */
int incident_store_new(const char *dir, const struct incident_store_limits *limits,
		       struct incident_store **ret_store);
void incident_store_free(struct incident_store *store);
/*
 * Creates the directory if it is missing, and opens it. incident_store_write() does the
 * same. Returns 0, or -errno with an error text.
 */
int incident_store_open(struct incident_store *store, struct maze_error *error);
/*
 * Writes `id`.json. With `again` it replaces the file. Without `again`, it changes `id`
 * (of `size` bytes) to "ID-2" if a file has this id. Returns 1 if it changed `id`, while
 * `text` still has the old id. Otherwise returns 0, or -errno with an error text.
 */
int incident_store_write(struct incident_store *store, char *id, size_t size, bool again,
			 const char *text, struct maze_error *error);
/* Writes the command that shows the incident with this id. Returns buf. */
const char *incident_store_command(const struct incident_store *store, const char *id, char *buf,
				   size_t size);
/* Removes files beyond the limits, oldest first. Returns true if more must be removed. */
bool incident_store_prune(struct incident_store *store);

#endif
