/* SPDX-License-Identifier: GPL-2.0-only */
#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../lib/json_get.h"

/* mazed handles requests after records, within milliseconds. */
#define ANSWER_USEC (3 * 1000000ULL)
#define WHOLE_ANSWER_USEC (30 * 1000000ULL)

bool link_is_open(const struct link *link)
{
	return link->fd >= 0;
}

const char *link_refusal(const json_t *answer)
{
	const char *text = json_text(answer, "text");

	if (!json_is_false(json_object_get(answer, "ok")))
		return NULL;
	return text ? text : "mazed refused a request without a reason";
}

void link_close(struct link *link)
{
	link->input = sd_event_source_disable_unref(link->input);
	link_answered(link);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	link->length = 0;
}

static void fail(struct link *link, const char *why)
{
	link_close(link);
	link->on_failure(link, why);
}

/* Returns false if the connection was closed. */
static bool take_line(struct link *link, const char *line, size_t length)
{
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(object))
		link->on_line(link, object);
	else
		fail(link, "the program at the control socket is not mazed: a line of its answer "
			   "is not a JSON object");
	json_decref(object);
	return link_is_open(link);
}

static void take_lines(struct link *link)
{
	size_t begin = 0;
	const char *end;

	while ((end = memchr(link->buf + begin, '\n', link->length - begin))) {
		if (!take_line(link, link->buf + begin, (size_t)(end - link->buf) - begin))
			return;
		begin = (size_t)(end - link->buf) + 1;
	}
	link->length -= begin;
	memmove(link->buf, link->buf + begin, link->length);
	if (link->length == sizeof(link->buf))
		fail(link, "the program at the control socket is not mazed: a line of its answer "
			   "is too long");
}

static uint64_t now_usec(void)
{
	return now_ns(CLOCK_MONOTONIC) / MAZE_NSEC_PER_USEC;
}

/* Data has come, so the rest of the answer may come too. */
static void move_deadline(struct link *link)
{
	uint64_t usec = now_usec() + ANSWER_USEC;

	sd_event_source_set_time(link->deadline,
				 usec < link->give_up_usec ? usec : link->give_up_usec);
}

/* Reads once, so that other clients of the event loop have their turn. */
static int on_input(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct link *link = arg;
	ssize_t got = read(fd, link->buf + link->length, sizeof(link->buf) - link->length);

	(void)source;
	(void)revents;
	if (got > 0) {
		link->length += (size_t)got;
		move_deadline(link);
		take_lines(link);
	} else if (!got) {
		fail(link, "mazed closed the connection");
	} else if (errno != EAGAIN && errno != EINTR) {
		fail(link, strerror(errno));
	}
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	fail(arg, "mazed does not answer");
	return 0;
}

int link_init(struct link *link)
{
	int err;

	link->fd = -1;
	err = sd_event_add_time_relative(link->event, &link->deadline, CLOCK_MONOTONIC, 0, 0,
					 on_deadline, link);
	if (err >= 0)
		err = sd_event_source_set_enabled(link->deadline, SD_EVENT_OFF);
	return err < 0 ? err : 0;
}

void link_done(struct link *link)
{
	link_close(link);
	link->deadline = sd_event_source_disable_unref(link->deadline);
}

static int connect_to(struct link *link, struct maze_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err = 0;

	/* main.c has checked the length. */
	strncpy(address.sun_path, link->path, sizeof(address.sun_path) - 1);
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (link->fd < 0 || connect(link->fd, (struct sockaddr *)&address, sizeof(address)))
		err = -errno;
	if (!err)
		err = sd_event_add_io(link->event, &link->input, link->fd, EPOLLIN, on_input, link);
	if (err >= 0)
		return 0;
	link_close(link);
	return maze_fail(error, err, "cannot connect to mazed at %s: %s%s", link->path,
			 strerror(-err),
			 err == -ENOENT || err == -ECONNREFUSED ? "; mazed does not run" : "");
}

int link_send(struct link *link, const char *line, struct maze_error *error)
{
	int err = link_is_open(link) ? 0 : connect_to(link, error);
	ssize_t sent;

	if (err)
		return err;
	/* A request is short. If it does not fit, mazed has not read the last ones. */
	sent = send(link->fd, line, strlen(line), MSG_NOSIGNAL);
	if (sent == (ssize_t)strlen(line))
		return 0;
	err = sent < 0 ? -errno : -EAGAIN;
	link_close(link);
	return maze_fail(error, err, "cannot send a request to mazed at %s: %s", link->path,
			 strerror(-err));
}

void link_expect(struct link *link)
{
	link->give_up_usec = now_usec() + WHOLE_ANSWER_USEC;
	move_deadline(link);
	sd_event_source_set_enabled(link->deadline, SD_EVENT_ONESHOT);
}

void link_answered(struct link *link)
{
	if (link->deadline)
		sd_event_source_set_enabled(link->deadline, SD_EVENT_OFF);
}
