/* SPDX-License-Identifier: GPL-2.0-only */
/* The actions that mazed performed for an incident. */
#ifndef MAZE_REPORT_ACTIONS_H
#define MAZE_REPORT_ACTIONS_H

#include "incident.h"
#include "json_reader.h"

/* Reads the key actions of maze-incident(5). False: out of memory. */
bool actions_read(struct json_reader *reader, const json_t *root, struct incident *incident);

#endif
