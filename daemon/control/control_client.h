/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection to the control socket: lines in, lines out, one request after the other.
 * Its memory is bounded: a request of MAZE_CONTROL_LINE_MAX, answers of CONTROL_OUT_SIZE,
 * and its stream. It never blocks: while the client does not read its answers, no request
 * is handled, and after a timeout it is disconnected.
 */
#ifndef MAZE_DAEMON_CONTROL_CLIENT_H
#define MAZE_DAEMON_CONTROL_CLIENT_H

#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "../../lib/control.h"
#include "control_io.h"
#include "control_request.h"
#include "control_users.h"

/* A line has up to CONTROL_ANSWER_MAX bytes; several are sent by one system call. */
#define CONTROL_OUT_SIZE 16384
#define CONTROL_ANSWER_MAX 2048

struct control_client;

enum control_produced {
	CONTROL_MORE, /* more lines than had room */
	CONTROL_IDLE, /* nothing now; see control_client_wake() */
	CONTROL_END,  /* the end of the stream */
};

/* The source of an answer of many lines. */
struct control_stream {
	/* Adds lines while control_client_room(). */
	enum control_produced (*produce)(struct control_client *client,
					 struct control_stream *stream);
	void (*free)(struct control_stream *stream);
};

struct control_client {
	struct control_client *next;
	sd_event *event;
	struct control_io *io;
	int fd;
	struct ucred peer;
	bool root;
	struct control_user *user;
	sd_event_source *source, *timer;
	char in[MAZE_CONTROL_LINE_MAX];
	size_t in_length;
	char out[CONTROL_OUT_SIZE];
	size_t out_begin, out_end;
	json_t *id; /* of the current request; NULL: none */
	struct control_stream *stream;
	bool eof;      /* the end of input was read */
	bool closing;  /* disconnect when the answers are sent */
	bool flushing; /* output is pending, and the timer is its timeout */
	/* Handles a request: adds its answer, or sets the stream. */
	void (*handle)(struct control_client *client, const struct control_request *request,
		       void *arg);
	/* A fault for the log. */
	void (*fault)(struct control_client *client, enum control_fault fault, void *arg);
	/* Removes and frees the client; called from the event loop only. */
	void (*gone)(struct control_client *client, void *arg);
	void *arg;
};

/* Adds the event sources. The fields up to `user` and the callbacks are set. -errno. */
int control_client_start(struct control_client *client);
void control_client_free(struct control_client *client);

/* Whether one more line fits. */
bool control_client_room(const struct control_client *client);
/* {"ok": true} and the members of `object` (may be NULL), which it takes over. */
void control_client_ok(struct control_client *client, json_t *object);
/* {"ok": false} with the error `err` (-errno) and the message. */
void control_client_error(struct control_client *client, int err, const char *text);
/* A line of a stream: {key: json}. */
void control_client_line(struct control_client *client, const char *key, const char *json);
/* An idle stream has more lines; they are sent in the next turn of the loop. */
void control_client_wake(struct control_client *client);

#endif
