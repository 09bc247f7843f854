/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the requests "watch", "unwatch", "list" and "status" that concern groups. */
#ifndef MAZE_DAEMON_CONTROL_GROUPS_H
#define MAZE_DAEMON_CONTROL_GROUPS_H

#include "control_client.h"
#include "control_host.h"

/*
 * Each user may watch at most this many groups, and entries-per-user of maze.conf(5). mazed
 * itself reads their clocks.
 */
#define CONTROL_GROUPS_PER_USER 64

/* Watches the group of the request. Returns 0, or -errno and a message. */
int control_watch_group(const struct control_host *host, struct control_client *client,
			const struct control_request *request, struct maze_error *error);
/* Ends the watch of a control group. Returns 0, or -errno and a message. */
int control_unwatch_cgroup(const struct control_host *host, struct control_client *client,
			   const struct control_request *request, struct maze_error *error);
/* Ends the user's watches of the groups of a process. -ENOENT: there are none. */
int control_unwatch_groups(const struct control_host *host, const struct control_client *client,
			   int pidfd);

#endif
