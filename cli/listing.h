/* SPDX-License-Identifier: GPL-2.0-only */
/* The watched threads and groups, from mazed or from the engine. */
#ifndef MAZE_CLI_LISTING_H
#define MAZE_CLI_LISTING_H

#include "lib/maze.h"

struct mazed_client;

/* Room for the name of a rule, which mazed bounds to 64 bytes, and its NUL. */
#define LISTING_RULE_LEN 65

/* Begin with {0}. */
struct listing {
	char engine[32];
	struct maze_entry *entries; /* sorted by PID and TID */
	size_t count;
	struct maze_group *groups; /* only mazed has groups that another process can list */
	size_t groups_count;
	/* The rule of each entry, and then of each group; "": none. NULL: none is known. */
	char (*rules)[LISTING_RULE_LEN];
};

/* Return 0, or -errno after an error message. The caller calls listing_free() in any case. */
int listing_from_mazed(struct mazed_client *client, struct listing *listing);
int listing_from_engine(struct maze *maze, struct listing *listing, struct maze_error *error);
void listing_free(struct listing *listing);

#endif
