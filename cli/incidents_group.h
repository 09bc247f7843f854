/* SPDX-License-Identifier: GPL-2.0-only */
/* The format of `maze incidents --group`. */
#ifndef MAZE_CLI_INCIDENTS_GROUP_H
#define MAZE_CLI_INCIDENTS_GROUP_H

#include "command.h"
#include "report/incident_dir.h"

/* Prints a line for each signature, the last one seen last. Returns the exit status. */
int print_incident_groups(const struct command *command, const struct options *options,
			  const struct incident_dir *dir);

#endif
