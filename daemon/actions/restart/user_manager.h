/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The service manager of a user (user@.service), and all it answers, is controlled by that
 * user. So only a worker process without privileges talks to it: bounded in memory, CPU
 * time and number of messages.
 */
#ifndef MAZE_DAEMON_USER_MANAGER_H
#define MAZE_DAEMON_USER_MANAGER_H

#include "../../../evidence/isolation/worker.h"
#include "restart_job.h"

/* The directory of the users' runtime directories. */
#define USER_MANAGER_RUN "/run/user"

/*
 * Connects to the user's manager: RUN/UID/systemd/private. Fails unless the directory,
 * the socket and the listening process are the user's, so that no link leads a request of
 * root to the manager of another user or of the system. Can block in a file system of the
 * user. Returns a non-blocking socket, or -errno and a message.
 */
int user_manager_connect(const char *run, uid_t uid, struct maze_error *error);

/* Starts a worker that restarts the unit, sends each event, and ends. */
int user_manager_restart(const char *run, uid_t uid, const char *unit, struct worker *ret_worker);
/* Returns 1, 0 after the end, or -EAGAIN if there is no news. */
int user_manager_receive(struct worker *worker, struct restart_news *ret_news);

#endif
