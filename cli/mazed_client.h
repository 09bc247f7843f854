/* SPDX-License-Identifier: GPL-2.0-only */
/* The client of mazed's control socket (maze-control(5)). */
#ifndef MAZE_CLI_MAZED_CLIENT_H
#define MAZE_CLI_MAZED_CLIENT_H

#include <jansson.h>

#include "command.h"

/* The length of a line of an answer; a record or an entry is below 1 KiB. */
#define MAZED_LINE_MAX 65536

struct mazed_client {
	const struct command *command;
	const char *path;
	int fd;
	bool follows; /* stop waiting for mazed when the reader of standard output exits */
	char *engine; /* from the last answer that has it, or NULL */
	char buf[MAZED_LINE_MAX];
	size_t begin, end;
};

/*
 * Returns 1: connected; 0: the command uses the engine, because mazed does not run or an
 * option excludes it; -errno after an error message. If mazed refuses a request, the
 * command fails: the engine is not tried afterwards.
 */
int mazed_connect(struct mazed_client *client, const struct command *command,
		  const struct options *options);
void mazed_disconnect(struct mazed_client *client);

/*
 * Sends a request, frees it, and reads the first line of the answer. Returns false after
 * an error message if the request was not sent or was refused. A NULL request fails
 * silently.
 */
bool mazed_call(struct mazed_client *client, json_t *request);
/*
 * The next line of an answer. 1: *ret_json is the object under `key` as text, for
 * free(3); 0: the last line was read; -errno after an error message.
 */
int mazed_next(struct mazed_client *client, const char *key, char **ret_json);

/*
 * Creates a request with the start time of `pid`. NULL after an error message if the
 * process does not exist.
 */
json_t *mazed_request(const struct mazed_client *client, const char *verb, pid_t pid, pid_t tid);

/* The "policy" of a request. */
json_t *mazed_policy(const struct maze_policy *policy);

#endif
