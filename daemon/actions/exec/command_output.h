/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The output of a command. When the command has ended, mazed logs the beginning of the
 * output and the number of remaining bytes. mazed reads at a limited rate, so a command
 * that prints endlessly has to wait for room in its pipe.
 */
#ifndef MAZE_DAEMON_COMMAND_OUTPUT_H
#define MAZE_DAEMON_COMMAND_OUTPUT_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "../../log/log.h"

struct command_output;

/*
 * Takes ownership of `fd`, the non-blocking reading end of a pipe, but not on failure.
 * Borrows `name`. Returns 0 or -errno.
 */
int command_output_new(sd_event *event, struct log *log, int fd, const char *name,
		       struct command_output **ret_output);
/* Reads the remaining output, logs the output unless `quiet`, and frees `output`. */
void command_output_finish(struct command_output *output, bool quiet);
void command_output_free(struct command_output *output);

#endif
