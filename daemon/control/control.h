/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket of maze-control(5): who may connect, and how many. All that is
 * done here is done behind everything else that mazed has to do.
 */
#ifndef MAZE_DAEMON_CONTROL_H
#define MAZE_DAEMON_CONTROL_H

#include "control_host.h"

struct control;

/*
 * Listens where the rules of the host say. -errno and a sentence; -EADDRINUSE: another
 * program listens there.
 */
int control_open(const struct control_host *host, struct control **ret_control,
		 struct maze_error *error);
/* Other rules from now on. When the new socket cannot be had, all stays as it was. */
int control_use(struct control *control, const struct rules *rules, struct maze_error *error);
/* For records/dispatch.h: `arg` is the struct control. For clients that follow events. */
void control_on_record(void *arg, struct mazed_record *record);
/* Sends everybody away, and removes the socket. */
void control_close(struct control *control);

#endif
