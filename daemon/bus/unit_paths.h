/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of a unit, as the service manager has loaded them. */
#ifndef MAZE_DAEMON_UNIT_PATHS_H
#define MAZE_DAEMON_UNIT_PATHS_H

#include "bus.h"

/* Requests the properties of the unit. The answer is for unit_paths_read(). */
int unit_paths_request(struct bus *bus, const char *unit, maze_u64 timeout_ns,
		       bus_on_answer on_answer, void *arg, struct bus_call **ret_call,
		       struct maze_error *error);
/* True if the request failed because there is no such unit. */
bool unit_paths_none(const struct bus_answer *answer);
/*
 * Reads the paths: the unit's own file, its drop-ins in their order, and NULL. SourcePath,
 * such as /etc/fstab, is not a unit file. The caller frees the paths with
 * unit_paths_free(). Returns 0 or -errno.
 */
int unit_paths_read(sd_bus_message *message, char ***ret_paths);
void unit_paths_free(char **paths);

#endif
