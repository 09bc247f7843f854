/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request of maze-control(5): from its line to numbers. Pure, for whoever sends it is
 * not trusted: nothing is looked up here and nothing is done.
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
	json_t *id;	/* NULL: none was given */
	pid_t pid, tid; /* 0: not given */
	maze_u64 start; /* clock ticks; 0: not given */
	struct maze_policy policy;
	bool kept, follow; /* of events */
	char *cgroup;	   /* of thaw, or NULL */
	bool all;	   /* likewise */
};

/*
 * Parses one line without its newline. On failure the request has its id all the same,
 * if it was to be had. -EBADMSG: no JSON object; -EINVAL: not a request that there is;
 * each with a sentence. Always to be ended by control_request_done().
 */
int control_request_parse(const char *line, size_t length, struct control_request *ret_request,
			  struct maze_error *error);
void control_request_done(struct control_request *request);

#endif
