/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requests "list" and "events" of maze-control(5), which have answers of many lines.
 * A user other than root gets only lines about tasks with the user's own real user ID.
 */
#ifndef MAZE_DAEMON_CONTROL_STREAMS_H
#define MAZE_DAEMON_CONTROL_STREAMS_H

#include "control_client.h"
#include "control_host.h"

/* Each function adds the first line and sets the client's stream, or adds an error. */
void control_list(const struct control_host *host, struct control_client *client, bool changes);
void control_events(const struct control_host *host, struct control_client *client, bool kept,
		    bool follow);
/* Queues a copy of the record if the client follows events. */
void control_events_on_record(struct control_client *client, const struct maze_record *record);

#endif
