/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listens on the control socket of maze-control(5) and accepts connections within the
 * limits of control_users.h. mazed handles connections at idle priority.
 */
#ifndef MAZE_DAEMON_CONTROL_H
#define MAZE_DAEMON_CONTROL_H

#include "control_host.h"

struct control;

/*
 * Listens on the path that the host's rules set. On failure returns -errno and a message.
 * -EADDRINUSE: another program listens there.
 */
int control_open(const struct control_host *host, struct control **ret_control,
		 struct maze_error *error);
/* Switches to new rules. If they name a socket that cannot be opened, nothing changes. */
int control_use(struct control *control, const struct rules *rules, struct maze_error *error);
/* Queues the record for clients that follow events. `arg` is the struct control. */
void control_on_record(void *arg, struct mazed_record *record);
/* Disconnects all clients and removes the socket. */
void control_close(struct control *control);

#endif
