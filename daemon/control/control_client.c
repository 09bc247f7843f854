/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection always waits for one of these events. It waits for room to send its
 * answers (EPOLLOUT, with a timeout), for more lines of its stream, for a token of the
 * rate limit (the timer), or for the next request (EPOLLIN).
 */
#include "control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/escape.h"
#include "../../base/clock.h"

/* The section LIMITS of maze-control(5) has these values. */
#define FLUSH_USEC (30 * 1000000ULL)
#define LIST_COST 10
/* A watch of a group, and the status, take a list of all groups. */
#define GROUPS_COST 4
/* After this number of steps, other event sources run. */
#define STEPS_PER_TURN 8
/* The default accuracy of 250 ms would delay even a timer that has expired. */
#define TIMER_ACCURACY_USEC 1000U

/* ---- answers ----------------------------------------------------------------------- */

bool control_client_room(const struct control_client *client)
{
	return client->out_end + CONTROL_ANSWER_MAX <= sizeof(client->out);
}

static void add_text(struct control_client *client, const char *text, size_t length)
{
	if (length > sizeof(client->out) - client->out_end) {
		/* Not reached, because all callers check the room first. */
		client->closing = true;
		return;
	}
	memcpy(client->out + client->out_end, text, length);
	client->out_end += length;
}

static void add_object(struct control_client *client, json_t *object)
{
	char *text;

	if (client->id)
		json_object_set(object, "id", client->id);
	text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!text) {
		client->closing = true;
		return;
	}
	add_text(client, text, strlen(text));
	add_text(client, "\n", 1);
	free(text);
}

void control_client_ok(struct control_client *client, json_t *object)
{
	json_t *answer = json_pack("{s:b}", "ok", 1);

	if (object)
		json_object_update(answer, object);
	json_decref(object);
	add_object(client, answer);
}

void control_client_error(struct control_client *client, int err, const char *text)
{
	const char *name = strerrorname_np(-err);
	char clean[512];

	/* Escape the message, because it may quote the client's request. */
	add_object(client, json_pack("{s:b,s:s,s:s}", "ok", 0, "errno", name ? name : "EIO", "text",
				     escape_copy(clean, sizeof(clean), text)));
}

void control_client_line(struct control_client *client, const char *key, const char *json)
{
	char *id = client->id ? json_dumps(client->id, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *line = NULL;
	int length;

	length =
		asprintf(&line, "{\"%s\":%s%s%s}\n", key, json, id ? ",\"id\":" : "", id ? id : "");
	if (length > 0)
		add_text(client, line, (size_t)length);
	if (length > 0)
		free(line);
	free(id);
}

/* ---- input and output -------------------------------------------------------------- */

static void set_timer(struct control_client *client, uint64_t usec)
{
	sd_event_source_set_time(client->timer, now_ns(CLOCK_MONOTONIC) / 1000 + usec);
	sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
}

static void stop_timer(struct control_client *client)
{
	sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
}

/* Returns false if the connection is broken. */
static bool flush(struct control_client *client)
{
	ssize_t sent;

	while (client->out_begin < client->out_end) {
		sent = send(client->fd, client->out + client->out_begin,
			    client->out_end - client->out_begin, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return true;
		if (sent < 0 && errno != EINTR)
			return false;
		if (sent > 0)
			client->out_begin += (size_t)sent;
	}
	client->out_begin = client->out_end = 0;
	return true;
}

/* Returns the first complete line of the input, or NULL. drop_line() removes the line. */
static const char *first_line(const struct control_client *client, size_t *ret_length)
{
	const char *end = memchr(client->in, '\n', client->in_length);

	if (!end)
		return NULL;
	*ret_length = (size_t)(end - client->in);
	return client->in;
}

static void drop_line(struct control_client *client, size_t length)
{
	client->in_length -= length + 1;
	memmove(client->in, client->in + length + 1, client->in_length);
}

static void disconnect(struct control_client *client, enum control_fault fault, int err,
		       const char *text)
{
	control_client_error(client, err, text);
	client->closing = true;
	client->fault(client, fault, client->arg);
}

/* ---- requests ---------------------------------------------------------------------- */

static unsigned int cost_of(const struct control_request *request)
{
	/* Each of them visits all tasks of the machine, all records, or all rules. */
	if (request->verb == CONTROL_LIST || request->verb == CONTROL_EVENTS ||
	    request->verb == CONTROL_STATS || request->verb == CONTROL_RULES ||
	    request->verb == CONTROL_METRICS)
		return LIST_COST;
	return request->verb == CONTROL_STATUS || maze_policy_scope(request->policy.flags)
		       ? GROUPS_COST
		       : 1;
}

/* Returns false if the rate limit is exceeded. The timer then retries the request. */
static bool spend_tokens(struct control_client *client, unsigned int cost)
{
	uint64_t wait = client->root ? 0
				     : control_user_spend(client->user, cost,
							  now_ns(CLOCK_MONOTONIC) / 1000);

	if (!wait)
		return true;
	client->fault(client, CONTROL_FAULT_RATE, client->arg);
	set_timer(client, wait);
	return false;
}

/* Returns false if the rate limit delays the request. */
static bool handle_request(struct control_client *client, const char *line, size_t length)
{
	struct control_request request;
	struct maze_error error = { "" };
	int err = control_request_parse(line, length, &request, &error);
	bool allowed = spend_tokens(client, err ? 1 : cost_of(&request));

	if (!allowed)
		goto out_done;
	json_decref(client->id);
	client->id = json_incref(request.id);
	drop_line(client, length);
	if (err == -EBADMSG)
		disconnect(client, CONTROL_FAULT_GARBAGE, err, error.text);
	else if (err)
		control_client_error(client, err, error.text);
	else
		client->handle(client, &request, client->arg);
out_done:
	control_request_done(&request);
	return allowed;
}

/* Returns false if the connection is broken. */
static bool receive(struct control_client *client)
{
	ssize_t got;

	if (client->eof || client->in_length == sizeof(client->in))
		return true;
	got = control_io_receive(client->io, client->fd, client->in + client->in_length,
				 sizeof(client->in) - client->in_length);
	if (got > 0)
		client->in_length += (size_t)got;
	else if (!got)
		client->eof = true;
	else if (got == -EPERM)
		disconnect(client, CONTROL_FAULT_GARBAGE, -EPERM, "descriptors are not accepted");
	else if (got != -EAGAIN)
		return false;
	return true;
}

/* ---- waiting ----------------------------------------------------------------------- */

static void end_stream(struct control_client *client)
{
	if (client->stream)
		client->stream->free(client->stream);
	client->stream = NULL;
}

/* After the end of input, epoll would report EPOLLIN endlessly, so ask for no events. */
static void wait_for_input(struct control_client *client)
{
	stop_timer(client);
	sd_event_source_set_io_events(client->source, client->eof ? 0 : EPOLLIN);
}

static void wait_for_timer(struct control_client *client)
{
	sd_event_source_set_io_events(client->source, 0);
}

static void wait_for_output(struct control_client *client)
{
	client->flushing = true;
	set_timer(client, FLUSH_USEC);
	sd_event_source_set_io_events(client->source, EPOLLOUT);
}

/* Returns false if the stream has no lines to send now. */
static bool run_stream(struct control_client *client)
{
	switch (client->stream->produce(client, client->stream)) {
	case CONTROL_END:
		end_stream(client);
		return true;
	case CONTROL_MORE:
		return true;
	default:
		break;
	}
	if (!client->out_end && client->in_length) {
		end_stream(client);
		disconnect(client, CONTROL_FAULT_GARBAGE, -EBUSY,
			   "a connection that follows events takes no more requests");
	}
	return client->out_end > 0;
}

/*
 * Returns false if the client has to wait. Its event sources are then set for the wait.
 */
static bool next_request(struct control_client *client)
{
	size_t length = 0;
	const char *line = first_line(client, &length);

	if (line && handle_request(client, line, length))
		return true;
	if (line) {
		wait_for_timer(client);
		return false;
	}
	if (client->in_length == sizeof(client->in)) {
		disconnect(client, CONTROL_FAULT_GARBAGE, -EMSGSIZE,
			   "a request is one line of at most 4096 bytes");
		return true;
	}
	if (client->eof) {
		client->closing = true;
		return true;
	}
	wait_for_input(client);
	return false;
}

/* Takes steps until the client has to wait. Returns false if the client must be freed. */
static bool advance(struct control_client *client)
{
	int turns;

	client->flushing = false;
	for (turns = 0; turns < STEPS_PER_TURN; turns++) {
		if (!flush(client))
			return false;
		if (client->out_end) {
			wait_for_output(client);
			return true;
		}
		if (client->closing)
			return false;
		if (client->stream && !run_stream(client)) {
			wait_for_input(client);
			return true;
		}
		if (client->stream || client->out_end || client->closing)
			continue;
		if (!next_request(client))
			return true;
	}
	set_timer(client, 0);
	wait_for_timer(client);
	return true;
}

static void go_on(struct control_client *client)
{
	if (!advance(client))
		client->gone(client, client->arg);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct control_client *client = arg;

	(void)source;
	(void)fd;
	/* After a hangup, no program reads answers, so drop pending requests. */
	if (revents & (EPOLLHUP | EPOLLERR) || (revents & EPOLLIN && !receive(client)))
		client->gone(client, client->arg);
	else
		go_on(client);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct control_client *client = arg;

	(void)source;
	(void)usec;
	if (!client->flushing) {
		go_on(client);
		return 0;
	}
	client->fault(client, CONTROL_FAULT_NOT_READING, client->arg);
	client->gone(client, client->arg);
	return 0;
}

void control_client_wake(struct control_client *client)
{
	/* If output is pending, the client continues at EPOLLOUT. */
	if (!client->flushing)
		set_timer(client, 0);
}

int control_client_start(struct control_client *client)
{
	int err =
		sd_event_add_io(client->event, &client->source, client->fd, EPOLLIN, on_io, client);

	if (err >= 0)
		err = sd_event_add_time(client->event, &client->timer, CLOCK_MONOTONIC, 0,
					TIMER_ACCURACY_USEC, on_timer, client);
	if (err >= 0)
		err = sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
	/* Set the lowest priority, because mazed's own work comes first. */
	if (err >= 0)
		err = sd_event_source_set_priority(client->source, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_source_set_priority(client->timer, SD_EVENT_PRIORITY_IDLE);
	return err < 0 ? err : 0;
}

void control_client_free(struct control_client *client)
{
	sd_event_source_disable_unref(client->source);
	sd_event_source_disable_unref(client->timer);
	end_stream(client);
	json_decref(client->id);
	control_io_hang_up(client->io, client->fd);
	free(client);
}
