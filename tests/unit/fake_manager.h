/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A service manager for tests, on sockets in the event loop of the test. It has one job,
 * and answers in the way that the test sets.
 */
#ifndef MAZE_TEST_FAKE_MANAGER_H
#define MAZE_TEST_FAKE_MANAGER_H

#include <sys/socket.h>

#include "../../daemon/bus/bus.h"

#define FAKE_JOB "/org/freedesktop/systemd1/job/7"

enum fake_way {
	FAKE_DONE,	   /* accepts the restart, and its job ends with `result` */
	FAKE_NEVER_ENDS,   /* accepts the restart */
	FAKE_SILENT,	   /* never answers */
	FAKE_REFUSES,	   /* no such unit */
	FAKE_LONG_REFUSAL, /* with a megabyte of text */
	FAKE_OTHER_TYPE,   /* answers with a number */
	FAKE_BAD_SIGNAL,   /* accepts, and its signal has other types */
	FAKE_CLOSES,	   /* closes the connection instead of an answer */
	FAKE_CLOSES_LATER, /* accepts, and closes the connection */
	FAKE_BYTES,	   /* sends what is not D-Bus */
	FAKE_MUTE,	   /* accepts the connection, but does not authenticate */
	FAKE_GONE,	   /* nothing listens */
	FAKE_INACTIVE,	   /* the unit is not running: a job that does nothing */
};

#define FAKE_CONNECTIONS_MAX 16

struct fake_manager {
	sd_event *event;
	enum fake_way way;
	const char *result;
	sd_bus *connections[FAKE_CONNECTIONS_MAX];
	int sockets[FAKE_CONNECTIONS_MAX]; /* without D-Bus */
	unsigned int connected, opened, calls;
	char unit[256], type[32], mode[32];
	const char *kill_mode; /* NULL: no such property */
	pid_t main_pid;
};

static inline int fake_emit(sd_bus *bus, const char *job, const char *unit, const char *result)
{
	return sd_bus_emit_signal(bus, BUS_MANAGER_PATH, BUS_MANAGER, "JobRemoved", "uoss", 7, job,
				  unit, result);
}

static inline int fake_refuse(sd_bus_message *call, size_t length)
{
	char *text = malloc(length + 1);
	int err;

	memset(text, 'x', length);
	text[length] = '\0';
	err = sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.NoSuchUnit",
					 "Unit not found: %s", text);
	free(text);
	return err;
}

/* The properties of a service. */
static inline int fake_get(sd_bus_message *call, void *arg, sd_bus_error *error)
{
	const char *interface, *name;
	struct fake_manager *fake = arg;

	(void)error;
	if (!fake->kill_mode || fake->way == FAKE_SILENT ||
	    !sd_bus_message_is_method_call(call, BUS_PROPERTIES, "Get"))
		return 0;
	assert_true(sd_bus_message_read(call, "ss", &interface, &name) > 0);
	assert_string_equal(interface, BUS_SERVICE);
	if (!strcmp(name, "KillMode"))
		return sd_bus_reply_method_return(call, "v", "s", fake->kill_mode);
	assert_string_equal(name, "MainPID");
	return sd_bus_reply_method_return(call, "v", "u", fake->main_pid);
}

static inline int fake_restart(sd_bus_message *call, void *arg, sd_bus_error *error)
{
	struct fake_manager *fake = arg;
	const char *unit = "", *type = "", *mode = "";
	sd_bus *bus = sd_bus_message_get_bus(call);

	(void)error;
	if (!sd_bus_message_is_method_call(call, BUS_MANAGER, "EnqueueUnitJob"))
		return 0;
	fake->calls++;
	assert_true(sd_bus_message_read(call, "sss", &unit, &type, &mode) > 0);
	snprintf(fake->unit, sizeof(fake->unit), "%s", unit);
	snprintf(fake->type, sizeof(fake->type), "%s", type);
	snprintf(fake->mode, sizeof(fake->mode), "%s", mode);
	switch (fake->way) {
	case FAKE_SILENT:
		return 1;
	case FAKE_REFUSES:
		return fake_refuse(call, 3);
	case FAKE_LONG_REFUSAL:
		return fake_refuse(call, 1 << 20);
	case FAKE_OTHER_TYPE:
		return sd_bus_reply_method_return(call, "u", 7);
	case FAKE_CLOSES:
		sd_bus_close(bus);
		return 1;
	default:
		break;
	}
	sd_bus_reply_method_return(call, "uososa(uosos)", 7, FAKE_JOB, unit, "/unit",
				   fake->way == FAKE_INACTIVE ? "nop" : "restart", 0);
	if (fake->way == FAKE_BAD_SIGNAL)
		sd_bus_emit_signal(bus, BUS_MANAGER_PATH, BUS_MANAGER, "JobRemoved", "s", "odd");
	if (fake->way == FAKE_CLOSES_LATER) {
		sd_bus_flush(bus);
		sd_bus_close(bus);
	}
	if (fake->way == FAKE_DONE || fake->way == FAKE_INACTIVE) {
		/* Also a job that is not the restart's. */
		fake_emit(bus, "/org/freedesktop/systemd1/job/8", unit, "canceled");
		fake_emit(bus, FAKE_JOB, unit, fake->result);
	}
	return 1;
}

/* Serves a connected socket. */
static inline void fake_serve(struct fake_manager *fake, int fd)
{
	unsigned int index = fake->connected++;
	sd_id128_t id;

	assert_true(index < FAKE_CONNECTIONS_MAX);
	fake->sockets[index] = -1;
	if (fake->way == FAKE_MUTE || fake->way == FAKE_BYTES) {
		fake->sockets[index] = fd;
		if (fake->way == FAKE_BYTES)
			assert_int_equal(write(fd, "no D-Bus at all\r\n\r\n\r\n", 21), 21);
		return;
	}
	assert_true(sd_id128_randomize(&id) >= 0);
	assert_true(sd_bus_new(&fake->connections[index]) >= 0);
	assert_true(sd_bus_set_fd(fake->connections[index], fd, fd) >= 0);
	assert_true(sd_bus_set_server(fake->connections[index], 1, id) >= 0);
	assert_true(sd_bus_add_object(fake->connections[index], NULL, BUS_MANAGER_PATH,
				      fake_restart, fake) >= 0);
	assert_true(sd_bus_add_fallback(fake->connections[index], NULL, BUS_UNITS_PATH, fake_get,
					fake) >= 0);
	assert_true(sd_bus_start(fake->connections[index]) >= 0);
	assert_true(sd_bus_attach_event(fake->connections[index], fake->event, 0) >= 0);
}

/* Of type bus_connect. */
static inline int fake_connect(void *arg, bool *ret_broker, struct maze_error *error)
{
	struct fake_manager *fake = arg;
	int ends[2];

	*ret_broker = false;
	if (fake->way == FAKE_GONE) {
		snprintf(error ? error->text : (char[512]){ "" }, 512, "nothing listens");
		return -ECONNREFUSED;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
			 0);
	fake->opened++;
	fake_serve(fake, ends[1]);
	return ends[0];
}

/* Closes all connections. */
static inline void fake_leave(struct fake_manager *fake)
{
	while (fake->connected > 0) {
		fake->connected--;
		if (fake->sockets[fake->connected] >= 0)
			close(fake->sockets[fake->connected]);
		else if (fake->connections[fake->connected])
			sd_bus_detach_event(fake->connections[fake->connected]);
		fake->connections[fake->connected] =
			sd_bus_close_unref(fake->connections[fake->connected]);
	}
}

#endif
