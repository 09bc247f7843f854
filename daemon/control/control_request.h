/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses a request of maze-control(5). Pure: the sender is not trusted, so parsing looks
 * up nothing and has no effects.
 */
#ifndef MAZE_DAEMON_CONTROL_REQUEST_H
#define MAZE_DAEMON_CONTROL_REQUEST_H

#include <jansson.h>

#include "../../lib/maze.h"

enum control_verb {
	CONTROL_WATCH,
	CONTROL_UNWATCH,
	CONTROL_LIST,
	CONTROL_EVENTS,
	CONTROL_STATUS,
	CONTROL_RELOAD,
	CONTROL_THAW,
};

struct control_request {
	enum control_verb verb;
	json_t *id;	/* NULL: not given */
	pid_t pid, tid; /* 0: not given */
	maze_u64 start; /* clock ticks; 0: not given */
	struct maze_policy policy;
	bool kept, follow; /* for events */
	char *cgroup;	   /* for thaw; or NULL */
	bool all;	   /* for thaw */
};

/*
 * Parses one line without its newline. On failure the request still has its id, if it
 * could be read. -EBADMSG: not a JSON object; -EINVAL: invalid request; each with a
 * message. Always call control_request_done().
 */
int control_request_parse(const char *line, size_t length, struct control_request *ret_request,
			  struct maze_error *error);
void control_request_done(struct control_request *request);

#endif
