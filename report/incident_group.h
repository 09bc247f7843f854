/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incidents that belong together: several threads of one process may be over their limits
 * at once, each has an incident of its own, and a signal to one of them ends them all.
 */
#ifndef MAZE_REPORT_INCIDENT_GROUP_H
#define MAZE_REPORT_INCIDENT_GROUP_H

#include "incident_dir.h"

/*
 * The incident to show for its whole process: the one whose thread was sent SIGKILL first
 * (in shadow: would have been), else the one that was sent the last signal before the
 * thread ended, else itself. *ret_id is one of dir's.
 */
void incident_group_leader(const struct incident_dir *dir, const struct incident *incident,
			   const char *id, const char **ret_id);
/* Notes in the incident whose signal came before its thread ended, if it was another's. */
void incident_group_note_end(const struct incident_dir *dir, struct incident *incident,
			     const char *id);

#endif
