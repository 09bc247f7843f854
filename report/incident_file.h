/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From an incident file (version 1) to a struct incident. Strict about what is there:
 * a key of the wrong kind makes it no incident, and the sentence names the key.
 * Keys that are not known are passed over, as later versions of maze may write more.
 */
#ifndef MAZE_REPORT_INCIDENT_FILE_H
#define MAZE_REPORT_INCIDENT_FILE_H

#include <stdio.h>

#include "incident.h"
#include "../lib/maze.h"

/* Far above what a collector writes; so that no file can take all memory. */
#define INCIDENT_FILE_MAX (64L << 20)
/* Far above what is captured (core/stack.h), with every frame inlined many times over. */
#define INCIDENT_FRAMES_MAX 4096

/*
 * Reads `name` in the directory `dirfd`. The sentence does not name the file. 0, and an
 * incident for incident_free(); -EINVAL: it is none, -EFBIG, -EPROTONOSUPPORT: of a later
 * version, or the -errno of open(2) and read(2).
 */
int incident_load(int dirfd, const char *name, struct incident **ret_incident,
		  struct maze_error *error);
/* The same from memory. */
int incident_parse(const char *text, size_t size, struct incident **ret_incident,
		   struct maze_error *error);
void incident_free(struct incident *incident);

/*
 * What the file says, byte by byte; or, `ascii`, the same JSON without a byte that a
 * terminal would act on. 0 or -EIO.
 */
int incident_write_json(const struct incident *incident, bool ascii, FILE *out);

/* Whether `id` can be the name of an incident: [0-9A-Za-z-], at most 200. */
bool incident_id_valid(const char *id, size_t length);

#endif
