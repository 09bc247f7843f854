/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incidents of one process: each runaway thread has its own incident, and a signal to one
 * of them may end all.
 */
#ifndef MAZE_REPORT_INCIDENT_GROUP_H
#define MAZE_REPORT_INCIDENT_GROUP_H

#include "incident_dir.h"

/*
 * The leader of an incident's group: the incident with the first SIGKILL (in shadow: the
 * first that would have been sent), else that with the last fatal signal before the
 * thread ended, else itself. *ret_id points into `dir`.
 */
void incident_group_leader(const struct incident_dir *dir, const struct incident *incident,
			   const char *id, const char **ret_id);
/* Sets ended_by_* if the signal before the end of the thread is in another incident. */
void incident_group_note_end(const struct incident_dir *dir, struct incident *incident,
			     const char *id);

#endif
