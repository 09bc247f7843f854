/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose a process is that a request of the control socket names, and whether it is the
 * one that was meant.
 */
#ifndef MAZE_DAEMON_CONTROL_OWNER_H
#define MAZE_DAEMON_CONTROL_OWNER_H

#include "control_client.h"
#include "../rules/subject.h"

/*
 * Opens the process (and thread) of the request for that client, who has to be root, or
 * whose all three user ids of it have to be. To be closed by subject_close(). -ESRCH:
 * there is none, or it began at another time; -EPERM: not his, or he counts processes
 * otherwise; -EINVAL: a thread; each with a sentence.
 */
int control_owner_open(const struct control_client *client, const struct control_request *request,
		       struct subject_source *ret_source, struct maze_error *error);

#endif
