/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The output of a command. Its beginning is logged when the command has ended; the rest
 * is counted. A command that prints endlessly is slowed down by its pipe, since mazed
 * reads at a bounded rate.
 */
#ifndef MAZE_DAEMON_COMMAND_OUTPUT_H
#define MAZE_DAEMON_COMMAND_OUTPUT_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "../../log/log.h"

struct command_output;

/*
 * Takes ownership of fd, the non-blocking reading end of a pipe. `name` is borrowed.
 * -errno.
 */
int command_output_new(sd_event *event, struct log *log, int fd, const char *name,
		       struct command_output **ret_output);
/* Reads the remaining output, logs the output unless `quiet`, and frees `output`. */
void command_output_finish(struct command_output *output, bool quiet);
void command_output_free(struct command_output *output);

#endif
