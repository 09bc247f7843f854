/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection to the control socket: lines in, lines out, one request after the
 * other. What it keeps is bounded: a request of MAZE_CONTROL_LINE_MAX, answers of
 * CONTROL_OUT_SIZE, and what it streams from. It never waits: whoever does not read has
 * no further request taken, and is sent away in the end.
 */
#ifndef MAZE_DAEMON_CONTROL_CLIENT_H
#define MAZE_DAEMON_CONTROL_CLIENT_H

#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "../../lib/control.h"
#include "control_io.h"
#include "control_request.h"
#include "control_users.h"

/* A line of an answer takes up to CONTROL_ANSWER_MAX; several of them to a system call. */
#define CONTROL_OUT_SIZE 16384
#define CONTROL_ANSWER_MAX 2048

struct control_client;

enum control_produced {
	CONTROL_MORE, /* there is more to say than had room */
	CONTROL_IDLE, /* nothing now; control_client_wake() says when */
	CONTROL_END,  /* that was all */
};

/* What more lines come from, as the client takes them. */
struct control_stream {
	/* Adds lines while control_client_room(). */
	enum control_produced (*produce)(struct control_client *client,
					 struct control_stream *stream);
	void (*free)(struct control_stream *stream);
};

struct control_client {
	struct control_client *next;
	sd_event *event;
	struct control_io *reception;
	int fd;
	struct ucred peer;
	bool root;
	struct control_user *user;
	sd_event_source *source, *timer;
	char in[MAZE_CONTROL_LINE_MAX];
	size_t in_length;
	char out[CONTROL_OUT_SIZE];
	size_t out_begin, out_end;
	json_t *id; /* of the request that is answered; NULL: none */
	struct control_stream *stream;
	bool eof;     /* it sends no more */
	bool closing; /* as soon as its answers are out */
	bool taking;  /* it has not taken all that was sent, and the timer is for that */
	/* What is done with a request: adds its answer, or sets the stream. */
	void (*handle)(struct control_client *client, const struct control_request *request,
		       void *arg);
	/* Something the log should know; the client is sent away. */
	void (*fault)(struct control_client *client, enum control_fault fault, void *arg);
	/* It is to be freed, by control_client_free(); called from the event loop only. */
	void (*gone)(struct control_client *client, void *arg);
	void *arg;
};

/* Begins to listen to it. The fields up to `user`, and the calls, are set. -errno. */
int control_client_start(struct control_client *client);
void control_client_free(struct control_client *client);

/* Whether one more line fits. */
bool control_client_room(const struct control_client *client);
/* {"ok": true} and what else `object` has (may be NULL), which is taken over. */
void control_client_ok(struct control_client *client, json_t *object);
/* {"ok": false} with that error, -errno, and its sentence. */
void control_client_error(struct control_client *client, int err, const char *text);
/* A line of a stream: the JSON text under that key. */
void control_client_line(struct control_client *client, const char *key, const char *json);
/* An idle stream has something to say again: in the next turn of the loop. */
void control_client_wake(struct control_client *client);

#endif
