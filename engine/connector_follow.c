/* SPDX-License-Identifier: GPL-2.0-only */
#include "connector_follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/error.h"
#include "process_connector.h"

struct engine_follower {
	int fd;
	bool lost; /* private to process_connector_next() */
};

int connector_follow(struct engine *engine, unsigned int wants,
		     struct engine_follower **ret_follower, struct maze_error *error)
{
	unsigned int kinds = PROC_EVENT_FORK | PROC_EVENT_EXEC | PROC_EVENT_UID | PROC_EVENT_GID;
	struct engine_follower *follower = calloc(1, sizeof(*follower));
	int err;

	(void)engine;
	if (!follower)
		return maze_fail(error, -ENOMEM, "out of memory");
	if (wants & (MAZE_FOLLOW_NAMES | MAZE_FOLLOW_THREAD_NAMES))
		kinds |= PROC_EVENT_COMM;
	follower->fd = process_connector_open(kinds);
	if (follower->fd < 0) {
		err = follower->fd;
		free(follower);
		return maze_fail(error, err,
				 "cannot open the process connector (CONFIG_PROC_EVENTS): %s; it "
				 "needs CAP_NET_ADMIN in the initial namespaces",
				 strerror(-err));
	}
	*ret_follower = follower;
	return 0;
}

int connector_follower_fd(struct engine_follower *follower)
{
	return follower->fd;
}

/* Returns false for an event of a kind that a follower does not report. */
static bool translate(const struct proc_event *event, struct maze_process_event *ret_event)
{
	*ret_event = (struct maze_process_event){ 0 };
	switch ((__u32)event->what) {
	case PROC_EVENT_FORK:
		ret_event->kind = MAZE_PROCESS_FORK;
		ret_event->pid = (maze_u32)event->event_data.fork.child_tgid;
		ret_event->tid = (maze_u32)event->event_data.fork.child_pid;
		return true;
	case PROC_EVENT_EXEC:
		ret_event->kind = MAZE_PROCESS_EXEC;
		ret_event->pid = (maze_u32)event->event_data.exec.process_tgid;
		ret_event->tid = (maze_u32)event->event_data.exec.process_pid;
		return true;
	case PROC_EVENT_UID:
	case PROC_EVENT_GID:
		/* Rules match the user and group, so report this like an exec. */
		ret_event->kind = MAZE_PROCESS_EXEC;
		ret_event->pid = (maze_u32)event->event_data.id.process_tgid;
		ret_event->tid = (maze_u32)event->event_data.id.process_pid;
		return true;
	case PROC_EVENT_COMM:
		ret_event->kind = MAZE_PROCESS_NAME;
		ret_event->pid = (maze_u32)event->event_data.comm.process_tgid;
		ret_event->tid = (maze_u32)event->event_data.comm.process_pid;
		return true;
	default:
		return false;
	}
}

int connector_follower_next(struct engine_follower *follower, struct maze_process_event *ret_event)
{
	struct proc_event event;
	int got;

	do {
		got = process_connector_next(follower->fd, &follower->lost, &event);
		/* The number of lost events is unknown, so report one. */
		if (got == -ENOBUFS) {
			*ret_event =
				(struct maze_process_event){ .kind = MAZE_PROCESS_LOST, .lost = 1 };
			return 1;
		}
		if (!got)
			return 0;
	} while (!translate(&event, ret_event));
	return 1;
}

void connector_follower_close(struct engine_follower *follower)
{
	if (!follower)
		return;
	close(follower->fd);
	free(follower);
}
