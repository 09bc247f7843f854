/* SPDX-License-Identifier: GPL-2.0-only */
/* The client of mazed's control socket (maze-control(5)). */
#ifndef MAZE_CLI_MAZED_CLIENT_H
#define MAZE_CLI_MAZED_CLIENT_H

#include <jansson.h>

#include "command.h"
#include "lib/control.h"

struct mazed_client {
	const struct command *command;
	const char *path;
	int fd;
	bool follows; /* stop if the reader of standard output exits */
	/* mazed_connect() keeps these two. `error` gets messages in place of standard error. */
	struct maze_error *error;
	unsigned int patience_s; /* mazed may be silent for so long; 0: forever */
	char *engine;		 /* from the last answer that names it; or NULL */
	char *config;		 /* from the answer to "rules"; or NULL */
	json_t *groups;		 /* an array, from the answer to "list"; NULL: none */
	char buf[MAZE_CONTROL_ANSWER_MAX];
	size_t begin, end;
};

/*
 * Returns 1 if connected. Returns 0 if the command must use the engine, because mazed
 * does not run or an option excludes mazed. Returns -errno after an error message. If
 * mazed refuses a request, the command fails and does not try the engine. Begin with a
 * client of zeros.
 */
int mazed_connect(struct mazed_client *client, const struct command *command,
		  const struct options *options);
void mazed_disconnect(struct mazed_client *client);
/* Reports an error as the functions here do: to `error` or standard error. */
void mazed_report(const struct mazed_client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Reports that a part of an answer is invalid. Returns -EPROTO. */
int mazed_refuse(const struct mazed_client *client, const char *what, const json_t *part);
/* Whether a whole line of an answer has been read, or can be read now, or never comes. */
bool mazed_is_ready(const struct mazed_client *client);

/*
 * Sends a request, frees it, and reads the first line of the answer. If sending fails or
 * mazed refuses the request, returns false after an error message. If the request is
 * NULL, returns false without a message.
 */
bool mazed_call(struct mazed_client *client, json_t *request);
/* As mazed_call(), and returns the first line of the answer, which the caller owns. */
json_t *mazed_ask(struct mazed_client *client, json_t *request);
/*
 * Reads the next line of an answer. 1: *ret_object is the object under `key`, which the
 * caller owns. 0: that was the last line. -errno: failed, after an error message.
 */
int mazed_next(struct mazed_client *client, const char *key, json_t **ret_object);
/* The same for a string. */
int mazed_next_text(struct mazed_client *client, const char *key, json_t **ret_text);

/*
 * Creates a request with `pid` and its start time. If the process does not exist, returns
 * NULL after an error message.
 */
json_t *mazed_request(const struct mazed_client *client, const char *verb, pid_t pid, pid_t tid);

/* Creates the object "policy" of a request. */
json_t *mazed_policy(const struct maze_policy *policy);

#endif
