/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and describes the key progress of an incident. */
#ifndef MAZE_REPORT_PROGRESS_H
#define MAZE_REPORT_PROGRESS_H

#include "json_reader.h"
#include "summary.h"

void incident_progress_read(struct json_reader *reader, const json_t *root,
			    struct incident *incident);
/* Whether there is something to write. */
bool progress_is_known(const struct incident *incident);
/* Writes a sentence. */
void progress_sentence(struct summary *summary, const struct incident *incident);

#endif
