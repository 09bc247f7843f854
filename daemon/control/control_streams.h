/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requests of maze-control(5) that have answers of many lines: list and events. A
 * user who is not root gets only the tasks with the same real user id.
 */
#ifndef MAZE_DAEMON_CONTROL_STREAMS_H
#define MAZE_DAEMON_CONTROL_STREAMS_H

#include "control_client.h"
#include "control_host.h"

/* Each adds the first line and sets the client's stream, or adds an error. */
void control_list(const struct control_host *host, struct control_client *client);
void control_events(const struct control_host *host, struct control_client *client, bool kept,
		    bool follow);
/* Queues a copy of the record if the client follows events. */
void control_events_on_record(struct control_client *client, const struct maze_record *record);

#endif
