/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stacks of incidents of an engine that takes none. From the first verdict of an
 * episode on, a perf event takes them (lib/stack_sampler.h), until the episode has its
 * number of stacks or ends.
 *
 * perf_event_open(2) waits for an execve(2) of the process, which another process with the
 * same memory can hold up for ever. So the worker calls it, and not the collector.
 */
#ifndef MAZE_EVIDENCE_INCIDENT_SAMPLES_H
#define MAZE_EVIDENCE_INCIDENT_SAMPLES_H

#include "incident_table.h"

/* Begins at a verdict, unless the stacks of the episode have begun before. */
void incident_samples_begin(struct incidents *incidents, struct incident *incident,
			    const struct maze_record *record);
/* Adds the stacks that there are, and ends at the end of the episode. */
void incident_samples_step(struct incidents *incidents, struct incident *incident);
void incident_samples_end(struct incidents *incidents, struct incident *incident);
/* Sets the descriptors to wait for, and returns their number. */
size_t incident_samples_fds(const struct incidents *incidents,
			    struct pollfd ret_fds[INCIDENT_SAMPLERS_MAX]);

#endif
