/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks that a client may act on the process of a request. */
#ifndef MAZE_DAEMON_CONTROL_OWNER_H
#define MAZE_DAEMON_CONTROL_OWNER_H

#include "control_client.h"
#include "../rules/subject.h"

/*
 * Opens the process (and thread) of the request. The client must be root or own it by
 * real, effective and saved user id. Close with subject_close(). -ESRCH: the process does
 * not exist, or its start time differs; -EPERM: not the owner, or in another PID
 * namespace; -EINVAL: a thread; each with a message.
 */
int control_owner_open(const struct control_client *client, const struct control_request *request,
		       struct subject_source *ret_source, struct maze_error *error);

#endif
