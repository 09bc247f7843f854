/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and describes the key descriptors of an incident. */
#ifndef MAZE_REPORT_DESCRIPTORS_H
#define MAZE_REPORT_DESCRIPTORS_H

#include "json_reader.h"
#include "summary.h"

/* Returns false if there is no memory. Call incident_descriptors_free() in either case. */
bool incident_descriptors_read(struct json_reader *reader, const json_t *root,
			       struct incident *incident);
void incident_descriptors_free(struct incident *incident);

/* The descriptor with this number, or NULL. */
const struct incident_descriptor *descriptor_find(const struct incident *incident, long long fd);
/* Writes all that is known: "unix socket /run/x, ESTABLISHED, the other end is closed". */
void descriptor_describe(struct summary *summary, const struct incident_descriptor *descriptor);
/* Writes what it is: "a unix socket, /run/x". */
void descriptor_name(struct summary *summary, const struct incident_descriptor *descriptor);

#endif
