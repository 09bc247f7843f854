/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a command prints: the beginning of it goes to the log when the command has
 * ended; the rest is counted. A command that prints without end is slowed down by its
 * pipe, and costs mazed no more than a bounded number of reads in a second.
 */
#ifndef MAZE_DAEMON_COMMAND_OUTPUT_H
#define MAZE_DAEMON_COMMAND_OUTPUT_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "../../log/log.h"

struct command_output;

/*
 * fd is the reading end of a pipe, does not wait, and belongs to the output from then
 * on; `name` is kept by the caller until the end. -errno.
 */
int command_output_new(sd_event *event, struct log *log, int fd, const char *name,
		       struct command_output **ret_output);
/* Reads what is there still, says it unless it is to be quiet, and frees the output. */
void command_output_finish(struct command_output *output, bool quiet);
void command_output_free(struct command_output *output);

#endif
