/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze's side of mazed's control socket (maze-control(5)).
 */
#ifndef MAZE_CLI_MAZED_CLIENT_H
#define MAZE_CLI_MAZED_CLIENT_H

#include <jansson.h>

#include "command.h"

/* A line of an answer: a record or an entry, with all its names, is below 1 KiB. */
#define MAZED_LINE_MAX 65536

struct mazed_client {
	const struct command *command;
	const char *path;
	int fd;
	bool follows; /* what is printed goes on: who reads it may go before that ends */
	char *engine; /* of the last answer that named it; NULL: none did */
	char buf[MAZED_LINE_MAX];
	size_t begin, end;
};

/*
 * Whether this command goes by mazed: 1, and it is connected; 0: no, there is none, or it
 * is not to be asked; -errno after a complaint: it should, and cannot. Where a mazed is
 * there, its refusal is the answer, and nothing is tried behind its back.
 */
int mazed_connect(struct mazed_client *client, const struct command *command,
		  const struct options *options);
void mazed_disconnect(struct mazed_client *client);

/*
 * Sends a request, which is taken over, and reads the first line of the answer. False:
 * it was refused or could not be asked; the complaint is made.
 */
bool mazed_ask(struct mazed_client *client, json_t *request);
/*
 * The next line of an answer of several: 1 and the object under `key` as JSON text, to
 * free(3); 0: that was the last line; -errno after a complaint.
 */
int mazed_next(struct mazed_client *client, const char *key, char **ret_json);

/* A request about process `pid` as it is now. NULL, after a complaint: there is none. */
json_t *mazed_request(const struct mazed_client *client, const char *verb, pid_t pid, pid_t tid);

/* A policy as the protocol has it. */
json_t *mazed_policy(const struct maze_policy *policy);

#endif
