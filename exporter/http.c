/* SPDX-License-Identifier: GPL-2.0-only */
#include "http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "http_policy.h"

/*
 * Browsers open up to six connections. On loopback all clients have one address, so there
 * is no limit for each address: it would only make this limit smaller. Instead, beyond
 * CROWD connections each new one ends the oldest, so that a client which opens many and
 * does nothing with them keeps no other client out.
 */
#define CONNECTIONS_MAX 64U
#define CROWD 48U
/* For a request and its headers. Browsers send about 1 KiB. */
#define CONNECTION_MEMORY ((size_t)16 << 10)
/* Without a byte from or to the client. */
#define SILENT_S 10U
/*
 * A client that sends or takes a byte now and then is never silent. Beyond the first time
 * a connection is closed after its answer, beyond the second one at once.
 */
#define POLITE_NS (30 * MAZE_NSEC_PER_SEC)
#define LIFE_NS (60 * MAZE_NSEC_PER_SEC)
#define SWEEP_USEC (5 * 1000000ULL)
/* All answers that clients have not taken yet. A page has some 100 KiB. */
#define BODIES_MAX ((size_t)32 << 20)

struct client {
	struct client *next, *last;
	struct MHD_Connection *connection;
	maze_u64 since_ns;
	bool is_ended; /* libmicrohttpd has not closed it yet */
};

struct http_request {
	struct http_request *next, *last;
	struct http *http;
	struct MHD_Connection *connection;
	enum http_wait waits;
	bool has_waited;
	enum MHD_Result result; /* of the last answer */
};

struct http {
	sd_event *event;
	struct http_options options;
	struct MHD_Daemon *daemon;
	sd_event_source *input, *timer, *sweep;
	struct client *clients, *oldest;
	unsigned int clients_count;
	struct http_request *requests;
	size_t bodies; /* bytes */
	bool is_local; /* a unix socket, which no browser can be led to */
};

struct body {
	struct http *http;
	char *text;
	size_t size;
};

/* ---- the event loop ------------------------------------------------------------------ */

/* Sets the timer for what libmicrohttpd has to do without input. */
static void set_timer(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(http->daemon, &ms) != MHD_YES) {
		sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(http->timer, (uint64_t)ms * 1000);
	sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT);
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct http *http = arg;

	(void)source;
	(void)fd;
	(void)revents;
	MHD_run(http->daemon);
	set_timer(http);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)usec;
	return on_input(source, -1, 0, arg);
}

/* libmicrohttpd sees the end of input, and closes the connection. */
static void end(const struct client *client)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
}

/* libmicrohttpd has no limit for the life of a connection. */
static int on_sweep(sd_event_source *source, uint64_t usec, void *arg)
{
	struct http *http = arg;
	struct client *client;

	(void)usec;
	for (client = http->oldest; client; client = client->last)
		if (now_ns(CLOCK_MONOTONIC) - client->since_ns > LIFE_NS)
			end(client);
	sd_event_source_set_time_relative(source, SWEEP_USEC);
	return sd_event_source_set_enabled(source, http->clients ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static struct client *add_client(struct http *http, struct MHD_Connection *connection)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->connection = connection;
	client->since_ns = now_ns(CLOCK_MONOTONIC);
	client->next = http->clients;
	*(client->next ? &client->next->last : &http->oldest) = client;
	http->clients = client;
	if (++http->clients_count == 1) {
		sd_event_source_set_time_relative(http->sweep, SWEEP_USEC);
		sd_event_source_set_enabled(http->sweep, SD_EVENT_ONESHOT);
	}
	return client;
}

/* Ends the oldest client that has not been ended yet. */
static void end_oldest(struct http *http)
{
	struct client *client = http->oldest;

	while (client && client->is_ended)
		client = client->last;
	if (!client)
		return;
	client->is_ended = true;
	end(client);
}

static void remove_client(struct http *http, struct client *client)
{
	*(client->last ? &client->last->next : &http->clients) = client->next;
	*(client->next ? &client->next->last : &http->oldest) = client->last;
	http->clients_count--;
	free(client);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http *http = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = add_client(http, connection);
		if (http->clients_count > CROWD)
			end_oldest(http);
	} else if (*socket_context) {
		remove_client(http, *socket_context);
		*socket_context = NULL;
	}
}

/* ---- answers ------------------------------------------------------------------------- */

static bool is_old(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct client *client = info ? info->socket_context : NULL;

	return !client || now_ns(CLOCK_MONOTONIC) - client->since_ns > POLITE_NS;
}

/* Queues the answer with the headers that each one has. */
static void queue(struct http_request *request, unsigned int status, const char *type,
		  struct MHD_Response *response, const char *policy)
{
	if (!response) {
		request->result = MHD_NO;
		return;
	}
	if (type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	http_policy_add(response, policy);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (is_old(request))
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	request->result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
}

void http_fail(struct http_request *request, unsigned int status, const char *text)
{
	char line[600];
	int length = snprintf(line, sizeof(line), "%.590s\n", text);

	queue(request, status, "text/plain; charset=utf-8",
	      MHD_create_response_from_buffer((size_t)length, line, MHD_RESPMEM_MUST_COPY), NULL);
}

void http_respond_empty(struct http_request *request)
{
	queue(request, MHD_HTTP_NO_CONTENT, NULL,
	      MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT), NULL);
}

static void free_body(void *arg)
{
	struct body *body = arg;

	body->http->bodies -= body->size;
	free(body->text);
	free(body);
}

void http_respond(struct http_request *request, const char *type, char *text, size_t size)
{
	struct http *http = request->http;
	struct body *body = text ? malloc(sizeof(*body)) : NULL;
	char policy[HTTP_POLICY_MAX];

	if (!body || size > BODIES_MAX - http->bodies) {
		free(text);
		free(body);
		http_fail(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			  "too many answers are in memory; try again later");
		return;
	}
	*body = (struct body){ http, text, size };
	http->bodies += size;
	http_policy_of_page(text, strncmp(type, "text/html", 9) ? 0 : size, policy);
	queue(request, MHD_HTTP_OK, type,
	      MHD_create_response_from_buffer_with_free_callback_cls(size, text, free_body, body),
	      policy);
}

/* ---- requests ------------------------------------------------------------------------ */

const char *http_query(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, key);
}

bool http_wait(struct http_request *request, enum http_wait wait)
{
	if (request->has_waited)
		return false;
	request->has_waited = true;
	request->waits = wait;
	MHD_suspend_connection(request->connection);
	request->result = MHD_YES;
	return true;
}

void http_wake(struct http *http, enum http_wait wait)
{
	struct http_request *request;

	for (request = http->requests; request; request = request->next) {
		if (request->waits != wait)
			continue;
		request->waits = HTTP_WAIT_NONE;
		MHD_resume_connection(request->connection);
	}
	sd_event_source_set_time_relative(http->timer, 0);
	sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT);
}

static struct http_request *new_request(struct http *http, struct MHD_Connection *connection)
{
	struct http_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->http = http;
	request->connection = connection;
	request->next = http->requests;
	if (request->next)
		request->next->last = request;
	http->requests = request;
	return request;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **request_context,
			 enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *request_context;
	struct http *http = arg;

	(void)connection;
	(void)code;
	if (!request)
		return;
	*(request->last ? &request->last->next : &http->requests) = request->next;
	if (request->next)
		request->next->last = request->last;
	free(request);
	*request_context = NULL;
}

const char *http_header(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, key);
}

/* True if the request was answered, because nothing serves it. */
static bool refuse(struct http_request *request, const char *method)
{
	const char *length = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	const struct http *http = request->http;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		http_fail(request, MHD_HTTP_METHOD_NOT_ALLOWED,
			  "only GET and HEAD are served: nothing can be changed here");
	else if ((length && strcmp(length, "0") != 0) ||
		 http_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		http_fail(request, MHD_HTTP_CONTENT_TOO_LARGE, "a request has no body here");
	else if (!http->is_local &&
		 !http_policy_allows_host(http_header(request, MHD_HTTP_HEADER_HOST),
					  http->options.hosts))
		http_fail(request, MHD_HTTP_MISDIRECTED_REQUEST,
			  "the Host of the request is not that of loopback; maze-exporter --host "
			  "allows another one");
	else
		return false;
	return true;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **request_context)
{
	struct http_request *request = *request_context;
	struct http *http = arg;

	(void)version;
	(void)upload;
	if (!request) {
		request = new_request(http, connection);
		*request_context = request;
		if (!request)
			return MHD_NO;
		request->result = MHD_YES;
		refuse(request, method);
		return request->result;
	}
	*upload_size = 0;
	http->options.handle(request, url, http->options.arg);
	return request->result;
}

/* ---- open and close ------------------------------------------------------------------- */

static int add_sources(struct http *http)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int err = info ? sd_event_add_io(http->event, &http->input, info->epoll_fd, EPOLLIN,
					 on_input, http)
		       : -EOPNOTSUPP;

	if (err >= 0)
		err = sd_event_add_time_relative(http->event, &http->timer, CLOCK_MONOTONIC, 0, 1,
						 on_timer, http);
	if (err >= 0)
		err = sd_event_add_time_relative(http->event, &http->sweep, CLOCK_MONOTONIC,
						 SWEEP_USEC, 0, on_sweep, http);
	return err < 0 ? err : 0;
}

static bool is_unix(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_UNIX;
}

int http_new(sd_event *event, const struct http_options *options, struct http **ret_http,
	     struct maze_error *error)
{
	struct http *http = calloc(1, sizeof(*http));
	int err;

	if (!http)
		return maze_fail(error, -ENOMEM, "out of memory");
	http->event = event;
	http->options = *options;
	http->is_local = is_unix(options->fd);
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
		MHD_OPTION_LISTEN_SOCKET, options->fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, SILENT_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, http, MHD_OPTION_END);
	err = http->daemon ? add_sources(http) : -EIO;
	if (!err) {
		*ret_http = http;
		return 0;
	}
	http_free(http);
	return maze_fail(error, err, "cannot start the HTTP server: %s", strerror(-err));
}

void http_free(struct http *http)
{
	struct http_request *request;

	if (!http)
		return;
	/* libmicrohttpd cannot stop while a connection waits. */
	for (request = http->requests; request; request = request->next)
		if (request->waits)
			MHD_resume_connection(request->connection);
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	sd_event_source_disable_unref(http->input);
	sd_event_source_disable_unref(http->timer);
	sd_event_source_disable_unref(http->sweep);
	free(http);
}
