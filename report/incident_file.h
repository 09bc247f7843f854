/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads incident files of version 1. A value of the wrong type makes a file invalid, and
 * the error names its key. Unknown keys are ignored, because a later maze may add keys.
 */
#ifndef MAZE_REPORT_INCIDENT_FILE_H
#define MAZE_REPORT_INCIDENT_FILE_H

#include <stdio.h>

#include "incident.h"
#include "../lib/maze.h"

/* No file may take all memory. The files of maze are far smaller than this. */
#define INCIDENT_FILE_MAX (64L << 20)
/* The maximum of frames of a stack. No captured stack has as many, even with inlining. */
#define INCIDENT_FRAMES_MAX 4096

/*
 * Reads the file `name` in the directory `dirfd`. The error does not name the file.
 * Returns -EINVAL for an invalid file, -EFBIG, -EPROTONOSUPPORT for another version, or
 * the -errno of open(2) or read(2). The caller frees the result with incident_free().
 */
int incident_load(int dirfd, const char *name, struct incident **ret_incident,
		  struct maze_error *error);
/* The same for a file of at most `max` bytes, opened with `flags` too, as O_NOFOLLOW. */
int incident_load_within(int dirfd, const char *name, int flags, off_t max,
			 struct incident **ret_incident, struct maze_error *error);
/* Works like incident_load(), but with a text in memory. */
int incident_parse(const char *text, size_t size, struct incident **ret_incident,
		   struct maze_error *error);
void incident_free(struct incident *incident);

/*
 * Writes the bytes of the file. With `ascii` it writes the same JSON without the bytes
 * that a terminal interprets. Returns 0 or -EIO.
 */
int incident_write_json(const struct incident *incident, bool ascii, FILE *out);

/* Whether `id` has 1 to 200 characters, all of them in [0-9A-Za-z-]. */
bool incident_id_valid(const char *id, size_t length);

#endif
