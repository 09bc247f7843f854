/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses a request of maze-control(5). The sender is not trusted, so the parser reads
 * only the request and has no other effects.
 */
#ifndef MAZE_DAEMON_CONTROL_REQUEST_H
#define MAZE_DAEMON_CONTROL_REQUEST_H

#include <jansson.h>

#include "../../lib/maze.h"
#include "../tracker/rule_states.h"

enum control_verb {
	CONTROL_WATCH,
	CONTROL_UNWATCH,
	CONTROL_LIST,
	CONTROL_EVENTS,
	CONTROL_STATUS,
	CONTROL_RELOAD,
	CONTROL_THAW,
	CONTROL_RULES,
	CONTROL_MODE,
	CONTROL_RESET,
	CONTROL_STATS,
};

struct control_request {
	enum control_verb verb;
	json_t *id;	/* NULL: not given */
	pid_t pid, tid; /* 0: not given */
	maze_u64 start; /* clock ticks; 0: not given */
	struct maze_policy policy;
	bool kept, follow; /* for events */
	char *cgroup;	   /* in place of pid; NULL: not given */
	bool all;	   /* for thaw */
	bool changes;	   /* for list */
	char *rule;	   /* a name; NULL: not given */
	enum rule_mode mode;
};

/*
 * Parses one line, without its newline. On failure returns -errno and a message.
 * -EBADMSG: not a JSON object. -EINVAL: invalid request. *ret_request has the id even on
 * failure, if the id could be read. So the caller always calls control_request_done().
 */
int control_request_parse(const char *line, size_t length, struct control_request *ret_request,
			  struct maze_error *error);
void control_request_done(struct control_request *request);

#endif
