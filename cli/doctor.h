/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_CLI_DOCTOR_H
#define MAZE_CLI_DOCTOR_H

#include "command.h"

/*
 * Shows what an incident of the process in `argument` would have. `engine` is the best
 * engine that can run here, or NULL. Returns the exit status.
 */
int doctor_process(const struct command *command, const struct options *options,
		   const char *argument, const char *engine);

#endif
