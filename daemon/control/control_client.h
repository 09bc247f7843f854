/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection to the control socket. It receives requests and sends answers, one line
 * each. mazed handles one request after the other. The memory of a connection is bounded.
 * It has MAZE_CONTROL_LINE_MAX bytes for a request, CONTROL_OUT_SIZE bytes for answers,
 * and its stream (an answer of many lines). A connection never blocks mazed. While a
 * client does not read its answers, mazed handles no further request of the client. After
 * a timeout, mazed disconnects the client.
 */
#ifndef MAZE_DAEMON_CONTROL_CLIENT_H
#define MAZE_DAEMON_CONTROL_CLIENT_H

#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "../../lib/control.h"
#include "control_io.h"
#include "control_request.h"
#include "control_users.h"

/* The buffer has room for several lines of at most CONTROL_ANSWER_MAX bytes. */
#define CONTROL_OUT_SIZE 16384
#define CONTROL_ANSWER_MAX 2048

struct control_client;

enum control_produced {
	CONTROL_MORE, /* more lines exist, but had no room */
	CONTROL_IDLE, /* no more lines until control_client_wake() */
	CONTROL_END,  /* the end of the stream */
};

/* Produces an answer of many lines. */
struct control_stream {
	/* Adds lines while control_client_room() is true. */
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
	bool reads_all; /* lists and events have those of all users */
	struct control_user *user;
	sd_event_source *source, *timer;
	char in[MAZE_CONTROL_LINE_MAX];
	size_t in_length;
	char out[CONTROL_OUT_SIZE];
	size_t out_begin, out_end;
	json_t *id; /* of the current request; NULL: none */
	struct control_stream *stream;
	bool eof;      /* the end of input was read */
	bool closing;  /* disconnect after the answers are sent */
	bool flushing; /* output is pending, and the timer is its timeout */
	/* Handles a request. Adds the answer, or sets `stream`. */
	void (*handle)(struct control_client *client, const struct control_request *request,
		       void *arg);
	/* Reports a fault for the log. */
	void (*fault)(struct control_client *client, enum control_fault fault, void *arg);
	/* Removes and frees the client. Called only from the event loop. */
	void (*gone)(struct control_client *client, void *arg);
	void *arg;
};

/* The caller has set the fields up to `user` and the callbacks. Returns 0 or -errno. */
int control_client_start(struct control_client *client);
void control_client_free(struct control_client *client);

/* True if there is room for one more line. */
bool control_client_room(const struct control_client *client);
/* Adds {"ok": true} and the members of `object`, which it frees. NULL: no members. */
void control_client_ok(struct control_client *client, json_t *object);
/* Adds {"ok": false} with the error `err` (-errno) and the message. */
void control_client_error(struct control_client *client, int err, const char *text);
/* Adds a line of a stream: {key: json}. */
void control_client_line(struct control_client *client, const char *key, const char *json);
/* Called when an idle stream has lines again. The next turn of the loop sends them. */
void control_client_wake(struct control_client *client);

#endif
