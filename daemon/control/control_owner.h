/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks that a client may act on the process of a request. */
#ifndef MAZE_DAEMON_CONTROL_OWNER_H
#define MAZE_DAEMON_CONTROL_OWNER_H

#include "control_client.h"
#include "../rules/subject.h"

/*
 * Opens the process of the request, and the thread if the request has one. The client
 * must be root, or own the process by real, effective and saved user ID. The caller
 * closes *ret_source with subject_close(). On failure returns -errno and a message.
 * -ESRCH: the process does not exist, or has another start time. -EPERM: the client is
 * not the owner, or is in another PID namespace. -EINVAL: the PID is the TID of a thread.
 */
int control_owner_open(const struct control_client *client, const struct control_request *request,
		       struct subject_source *ret_source, struct maze_error *error);
/*
 * Opens the directory of the control group of the request. The client must be root, or own
 * the directory, as of a group that the service manager of the user has made. Returns a
 * descriptor, or -errno and a message.
 */
int control_owner_open_cgroup(const struct control_client *client,
			      const struct control_request *request, struct maze_error *error);

#endif
