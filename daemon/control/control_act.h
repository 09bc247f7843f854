/* SPDX-License-Identifier: GPL-2.0-only */
/* The requests of maze-control(5) that have an answer of one line. */
#ifndef MAZE_DAEMON_CONTROL_ACT_H
#define MAZE_DAEMON_CONTROL_ACT_H

#include "../../lib/record_stats.h"
#include "control_client.h"
#include "control_host.h"

/* Refuses a client that is not root: adds the error "WHAT requires root". */
bool control_refuse_others(struct control_client *client, const char *what);

/* Each function performs a request and adds the answer. */
void control_watch(const struct control_host *host, struct control_client *client,
		   const struct control_request *request);
void control_unwatch(const struct control_host *host, struct control_client *client,
		     const struct control_request *request);
void control_status(const struct control_host *host, struct control_client *client,
		    unsigned int clients, maze_u64 lost);
/* `records` are counted since `since_ns` (CLOCK_BOOTTIME). */
void control_stats(const struct control_host *host, struct control_client *client,
		   const struct record_stats *records, maze_u64 since_ns);
void control_reload(const struct control_host *host, struct control_client *client);
void control_thaw(const struct control_host *host, struct control_client *client,
		  const struct control_request *request);

#endif
