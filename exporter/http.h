/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP server, by libmicrohttpd in the event loop of this program. Only GET and HEAD
 * exist, and no request changes anything. A client costs bounded memory and time: see the
 * constants in http.c.
 */
#ifndef MAZE_EXPORTER_HTTP_H
#define MAZE_EXPORTER_HTTP_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "../lib/maze.h"

struct http;
struct http_request;

/* What a request can wait for. */
enum http_wait {
	HTTP_WAIT_NONE,
	HTTP_WAIT_STATE,
	HTTP_WAIT_INCIDENTS,
	HTTP_WAIT_PROMETHEUS,
	HTTP_WAIT_OPENMETRICS,
};

struct http_options {
	int fd; /* a listening socket, which http.c closes */
	/* A Host that a request may name beside those of loopback; NULL ends them. */
	const char *const *hosts;
	/*
	 * Answers a request for a path by http_respond() or http_fail(), or lets it wait by
	 * http_wait(). It is called again when the wait is over.
	 */
	void (*handle)(struct http_request *request, const char *path, void *arg);
	void *arg;
};

int http_new(sd_event *event, const struct http_options *options, struct http **ret_http,
	     struct maze_error *error);
void http_free(struct http *http);

/* Frees `body`, which comes from malloc(3). NULL means out of memory. */
void http_respond(struct http_request *request, const char *type, char *body, size_t size);
/* Answers with a status such as 404 and one sentence. */
void http_fail(struct http_request *request, unsigned int status, const char *text);
/* Answers 204: there is nothing here, and that is no error. */
void http_respond_empty(struct http_request *request);
/* Returns false if the request has waited already. */
bool http_wait(struct http_request *request, enum http_wait wait);
/* Continues the requests that wait for this. */
void http_wake(struct http *http, enum http_wait wait);
/* A value of the query, decoded; NULL: there is none. */
const char *http_query(const struct http_request *request, const char *key);
/* A header of the request; NULL: there is none. */
const char *http_header(const struct http_request *request, const char *key);

#endif
