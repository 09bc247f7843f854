/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Restarts one unit through its service manager, and follows the job to its end.
 *
 * The mode is "fail": the manager refuses the restart if it contradicts a job that waits,
 * such as the stop of the unit by an operator, or a shutdown. The type is "try-restart": a
 * unit that has stopped meanwhile stays stopped. Needs systemd 242.
 */
#ifndef MAZE_DAEMON_RESTART_JOB_H
#define MAZE_DAEMON_RESTART_JOB_H

#include "../../bus/bus.h"

enum restart_event {
	RESTART_ACCEPTED, /* the manager has a job for the restart */
	RESTART_DONE,	  /* the job ended, and the unit has been restarted */
	RESTART_FAILED,	  /* `text` has the reason, without a full stop */
};

/* Also sent by the worker of a user's manager, and then controlled by the user. */
struct restart_news {
	enum restart_event event;
	/* Of RESTART_ACCEPTED, from before the restart: KillMode= ("": unknown), MainPID. */
	char kill_mode[16];
	maze_u32 main_pid; /* 0: none, or unknown */
	char text[256];
};

struct restart_job;

/* After RESTART_DONE or RESTART_FAILED, no event follows. */
typedef void (*restart_on_event)(void *arg, const struct restart_news *news);

/*
 * Borrows `bus` and `arg`. On failure returns -errno and a message, and no event follows.
 * The caller bounds the time, and frees the job also after its end.
 */
int restart_job_start(struct bus *bus, const char *unit, restart_on_event on_event, void *arg,
		      struct restart_job **ret_job, struct maze_error *error);
/* The manager still performs an accepted job. Also allowed in on_event(). */
void restart_job_free(struct restart_job *job);

#endif
