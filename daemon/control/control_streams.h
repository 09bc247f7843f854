/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The answers of maze-control(5) that are more than one line: list and events. What a
 * user who is not root is shown is tasks that are his, by their real user id.
 */
#ifndef MAZE_DAEMON_CONTROL_STREAMS_H
#define MAZE_DAEMON_CONTROL_STREAMS_H

#include "control_client.h"
#include "control_host.h"

/* Each adds the first line and sets the client's stream, or answers with an error. */
void control_list(const struct control_host *host, struct control_client *client);
void control_events(const struct control_host *host, struct control_client *client, bool kept,
		    bool follow);
/* A record has come; for a client that follows, if it is one. Takes a copy at most. */
void control_events_on_record(struct control_client *client, const struct maze_record *record);

#endif
