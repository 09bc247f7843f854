/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups the incidents of one process. Each runaway thread has its own incident, but a
 * signal to one thread may end all threads.
 */
#ifndef MAZE_REPORT_INCIDENT_GROUP_H
#define MAZE_REPORT_INCIDENT_GROUP_H

#include "incident_dir.h"

/*
 * Finds the leader of an incident's group. It is the incident with the first SIGKILL (in
 * shadow, the first that would have been sent). Without a SIGKILL, it is the one with the
 * last fatal signal before the thread ended, or else the incident itself. *ret_id points
 * into `dir`.
 */
void incident_group_leader(const struct incident_dir *dir, const struct incident *incident,
			   const char *id, const char **ret_id);
/* Sets ended_by_* if another incident has a signal that may have ended the thread. */
void incident_group_note_end(const struct incident_dir *dir, struct incident *incident,
			     const char *id);

#endif
