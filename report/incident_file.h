/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads incident files of version 1. A value of the wrong type makes a file invalid, and
 * the error names its key. Unknown keys are ignored, because later versions of maze may
 * add some.
 */
#ifndef MAZE_REPORT_INCIDENT_FILE_H
#define MAZE_REPORT_INCIDENT_FILE_H

#include <stdio.h>

#include "incident.h"
#include "../lib/maze.h"

/* Far above the size that maze writes, so that no file takes all memory. */
#define INCIDENT_FILE_MAX (64L << 20)
/*
 * Far above the largest captured stack (core/stack.h), even with many inlined functions.
 */
#define INCIDENT_FRAMES_MAX 4096

/*
 * Reads `name` in the directory `dirfd`; incident_free() the result. The error does not
 * name the file. -EINVAL: invalid, -EFBIG, -EPROTONOSUPPORT: another version, or the
 * -errno of open(2) or read(2).
 */
int incident_load(int dirfd, const char *name, struct incident **ret_incident,
		  struct maze_error *error);
/* The same from memory. */
int incident_parse(const char *text, size_t size, struct incident **ret_incident,
		   struct maze_error *error);
void incident_free(struct incident *incident);

/*
 * Writes the bytes of the file; with `ascii`, the same JSON without bytes that a terminal
 * acts on. 0 or -EIO.
 */
int incident_write_json(const struct incident *incident, bool ascii, FILE *out);

/* Whether `id` has only characters of an ID, [0-9A-Za-z-], and at most 200. */
bool incident_id_valid(const char *id, size_t length);

#endif
