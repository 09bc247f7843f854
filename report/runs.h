/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and describes the key schedule of an incident: the last runs of its thread. */
#ifndef MAZE_REPORT_RUNS_H
#define MAZE_REPORT_RUNS_H

#include "json_reader.h"
#include "summary.h"

/* Returns false without memory. */
bool runs_read(struct json_reader *reader, const json_t *root, struct incident *incident);
/*
 * Writes the fact "in the last 5s 200ms, ran for 4s 900ms on CPU 3, at most 412ms without a break;
 * preempted 41 times, 38 of them by cc1 (TID 4711); waited 301ms for a CPU".
 */
void runs_fact(struct summary *summary, const struct incident *incident);

#endif
