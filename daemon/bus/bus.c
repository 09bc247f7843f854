/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sd-bus itself bounds neither the time for the authentication nor the number of messages
 * that wait to be sent. So each call has a timer of its own, and calls are counted.
 */
#include "bus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../base/error.h"

#define MANAGER_NAME "org.freedesktop.systemd1"
/* Records and the tracker come first, the control socket and incidents later. */
#define PRIORITY SD_EVENT_PRIORITY_NORMAL
#define CLOSED "the connection to systemd was closed"
#define TIMER_ACCURACY_USEC 10000U
/* The waits before a connection with subscriptions opens again: 1 s, doubled to 64 s. */
#define REOPEN_FIRST_USEC 1000000ULL
#define REOPEN_DOUBLINGS 6
/* Without a broker, each connection gets all signals of the manager, so none stays idle. */
#define IDLE_USEC 1000000ULL

struct bus_call {
	struct bus *bus;
	struct bus_call *next;
	bus_on_answer on_answer;
	void *arg;
	sd_bus_slot *slot; /* NULL: its connection is lost */
	sd_event_source *timer;
};

struct bus {
	sd_event *event;
	bus_connect connect;
	void *arg;
	sd_bus *connection; /* NULL: none */
	struct bus_call *calls;
	unsigned int count;
	struct bus_subscription *subscriptions;
	sd_event_source *later; /* a timer that runs on_later() */
	bool lost;		/* the subscriptions must be notified */
	int lost_err;		/* for the calls without a slot */
	const char *lost_text;
	unsigned int reopen_tries;
	bool *freed; /* set by bus_free() while callbacks run */
};

/* ---- sockets ----------------------------------------------------------------------- */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	/* -EAGAIN: the queue of the listener is full. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int bus_connect_system(void *arg, bool *ret_broker, struct maze_error *error)
{
	static const char *const paths[] = { "/run/systemd/private",
					     "/run/dbus/system_bus_socket" };
	int fd[2];

	(void)arg;
	fd[0] = connect_to(paths[0]);
	*ret_broker = false;
	if (fd[0] >= 0)
		return fd[0];
	fd[1] = connect_to(paths[1]);
	*ret_broker = true;
	if (fd[1] >= 0)
		return fd[1];
	return maze_fail(error, fd[0], "cannot connect to systemd: %s: %s; %s: %s", paths[0],
			 strerror(-fd[0]), paths[1], strerror(-fd[1]));
}

/* ---- calls ------------------------------------------------------------------------- */

static void run_later(struct bus *bus, uint64_t usec)
{
	sd_event_source_set_time_relative(bus->later, usec);
	sd_event_source_set_enabled(bus->later, SD_EVENT_ONESHOT);
}

static void free_call(struct bus_call *call)
{
	struct bus_call **slot = &call->bus->calls;

	while (*slot != call)
		slot = &(*slot)->next;
	*slot = call->next;
	call->bus->count--;
	sd_bus_slot_unref(call->slot);
	sd_event_source_disable_unref(call->timer);
	if (!call->bus->count)
		run_later(call->bus, IDLE_USEC);
	free(call);
}

void bus_call_cancel(struct bus_call *call)
{
	if (call)
		free_call(call);
}

static void answer_call(struct bus_call *call, const struct bus_answer *answer)
{
	bus_on_answer on_answer = call->on_answer;
	void *arg = call->arg;

	free_call(call);
	on_answer(arg, answer);
}

static int on_reply(sd_bus_message *message, void *arg, sd_bus_error *ignored)
{
	const sd_bus_error *failure = sd_bus_message_get_error(message);
	struct bus_answer answer = { .message = failure ? NULL : message, .name = "", .text = "" };

	(void)ignored;
	if (failure) {
		answer.err = -sd_bus_message_get_errno(message) ?: -EIO;
		answer.name = failure->name ?: "";
		answer.text = failure->message ?: answer.name;
	}
	answer_call(arg, &answer);
	return 0;
}

/* ---- the connection ---------------------------------------------------------------- */

static void close_connection(struct bus *bus)
{
	struct bus_subscription *subscription;

	for (subscription = bus->subscriptions; subscription; subscription = subscription->next)
		subscription->slot = sd_bus_slot_unref(subscription->slot);
	if (bus->connection)
		sd_bus_detach_event(bus->connection);
	bus->connection = sd_bus_close_unref(bus->connection);
}

/* Closes the connection. on_later() then fails its calls, and opens it again if needed. */
static void drop_connection(struct bus *bus, int err, const char *text)
{
	struct bus_call *call;

	close_connection(bus);
	for (call = bus->calls; call; call = call->next)
		call->slot = sd_bus_slot_unref(call->slot);
	bus->lost = true;
	bus->lost_err = err;
	bus->lost_text = text;
	bus->reopen_tries = 0;
	run_later(bus, 0);
}

static int on_disconnected(sd_bus_message *message, void *arg, sd_bus_error *ignored)
{
	(void)message;
	(void)ignored;
	drop_connection(arg, -ECONNRESET, CLOSED);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *arg)
{
	struct bus_call *call = arg;

	(void)source;
	(void)usec;
	drop_connection(call->bus, -ETIMEDOUT, "systemd does not answer");
	return 0;
}

static int on_signal(sd_bus_message *message, void *arg, sd_bus_error *ignored)
{
	struct bus_subscription *subscription = arg;

	(void)ignored;
	subscription->on_signal(subscription->arg, message);
	return 0;
}

/* A message to which no answer is needed. */
static int ignore_reply(sd_bus_message *message, void *arg, sd_bus_error *ignored)
{
	(void)message;
	(void)arg;
	(void)ignored;
	return 0;
}

static int match(struct bus *bus, struct bus_subscription *subscription)
{
	/* Without a broker, messages have no sender, and only the manager can send any. */
	const char *sender = sd_bus_is_bus_client(bus->connection) > 0 ? MANAGER_NAME : NULL;
	int err = sd_bus_match_signal_async(bus->connection, &subscription->slot, sender,
					    subscription->path, subscription->interface,
					    subscription->member, on_signal, ignore_reply,
					    subscription);

	return err < 0 ? err : 0;
}

static int start(struct bus *bus, sd_bus *connection, int fd, bool broker)
{
	int err = sd_bus_set_fd(connection, fd, fd);

	if (err < 0) {
		close(fd);
		return err;
	}
	err = sd_bus_set_bus_client(connection, broker);
	if (err >= 0)
		err = sd_bus_negotiate_fds(connection, false);
	if (err >= 0)
		err = sd_bus_start(connection);
	if (err >= 0)
		err = sd_bus_match_signal_async(connection, NULL, NULL,
						"/org/freedesktop/DBus/Local",
						"org.freedesktop.DBus.Local", "Disconnected",
						on_disconnected, ignore_reply, bus);
	/* Over a broker, the manager sends signals only to subscribers. */
	if (err >= 0 && broker)
		err = sd_bus_call_method_async(connection, NULL, MANAGER_NAME, BUS_MANAGER_PATH,
					       BUS_MANAGER, "Subscribe", ignore_reply, NULL, NULL);
	return err < 0 ? err : sd_bus_attach_event(connection, bus->event, PRIORITY);
}

static int open_connection(struct bus *bus, struct maze_error *error)
{
	struct bus_subscription *subscription;
	bool broker = false;
	int fd, err;

	if (bus->connection && sd_bus_is_open(bus->connection) > 0)
		return 0;
	/* The connection is lost, but its end was not dispatched yet. */
	if (bus->connection)
		drop_connection(bus, -ECONNRESET, CLOSED);
	fd = bus->connect(bus->arg, &broker, error);
	if (fd < 0)
		return fd;
	err = sd_bus_new(&bus->connection);
	if (err < 0)
		close(fd);
	else
		err = start(bus, bus->connection, fd, broker);
	for (subscription = bus->subscriptions; err >= 0 && subscription;
	     subscription = subscription->next)
		err = match(bus, subscription);
	if (err >= 0)
		return 0;
	close_connection(bus);
	return maze_fail(error, err, "cannot connect to systemd: %s", strerror(-err));
}

/* ---- subscriptions ----------------------------------------------------------------- */

/* Fails the calls of lost connections. Returns false if a callback freed the bus. */
static bool fail_lost_calls(struct bus *bus)
{
	const struct bus_answer answer = { .err = bus->lost_err,
					   .name = "",
					   .text = bus->lost_text };
	struct bus_call *call;
	bool freed = false;

	bus->freed = &freed;
	do {
		for (call = bus->calls; call && call->slot; call = call->next)
			;
		if (call)
			answer_call(call, &answer);
	} while (call && !freed);
	if (!freed)
		bus->freed = NULL;
	return !freed;
}

/* Opens the connection for the subscriptions, and reports that signals may be missing. */
static void open_again(struct bus *bus)
{
	struct bus_subscription *subscription, *next;
	bool freed = false;

	if (open_connection(bus, NULL)) {
		run_later(bus, REOPEN_FIRST_USEC << bus->reopen_tries);
		bus->reopen_tries += bus->reopen_tries < REOPEN_DOUBLINGS;
		return;
	}
	bus->lost = false;
	bus->freed = &freed;
	for (subscription = bus->subscriptions; !freed && subscription; subscription = next) {
		next = subscription->next;
		subscription->on_signal(subscription->arg, NULL);
	}
	if (!freed)
		bus->freed = NULL;
}

static int on_later(sd_event_source *source, uint64_t usec, void *arg)
{
	struct bus *bus = arg;

	(void)source;
	(void)usec;
	if (!fail_lost_calls(bus))
		return 0;
	if (bus->subscriptions && (bus->lost || !bus->connection))
		open_again(bus);
	else if (!bus->subscriptions && !bus->count)
		close_connection(bus);
	return 0;
}

int bus_subscribe(struct bus *bus, struct bus_subscription *subscription)
{
	int err;

	subscription->bus = bus;
	subscription->slot = NULL;
	subscription->next = NULL;
	if (open_connection(bus, NULL)) {
		run_later(bus, REOPEN_FIRST_USEC);
	} else {
		err = match(bus, subscription);
		if (err)
			return err;
	}
	subscription->next = bus->subscriptions;
	bus->subscriptions = subscription;
	return 0;
}

void bus_unsubscribe(struct bus_subscription *subscription)
{
	struct bus_subscription **slot;

	if (!subscription->bus)
		return;
	slot = &subscription->bus->subscriptions;
	while (*slot && *slot != subscription)
		slot = &(*slot)->next;
	if (*slot)
		*slot = subscription->next;
	subscription->slot = sd_bus_slot_unref(subscription->slot);
	if (!subscription->bus->count && !subscription->bus->subscriptions)
		run_later(subscription->bus, IDLE_USEC);
	subscription->bus = NULL;
}

/* ---- methods ----------------------------------------------------------------------- */

static int send_call(struct bus *bus, const struct bus_method *method, struct bus_call *call,
		     const char *types, va_list args)
{
	maze_u64 timeout_ns = method->timeout_ns ?: BUS_TIMEOUT_NS;
	sd_bus_message *message = NULL;
	int err = sd_bus_message_new_method_call(bus->connection, &message, MANAGER_NAME,
						 method->path, method->interface, method->member);

	if (err >= 0 && types)
		err = sd_bus_message_appendv(message, types, args);
	/* PID 1 must ask no user for a password. */
	if (err >= 0)
		err = sd_bus_message_set_allow_interactive_authorization(message, false);
	if (err >= 0)
		err = sd_event_add_time_relative(bus->event, &call->timer, CLOCK_MONOTONIC,
						 timeout_ns / MAZE_NSEC_PER_USEC,
						 TIMER_ACCURACY_USEC, on_timeout, call);
	if (err >= 0)
		err = sd_bus_call_async(bus->connection, &call->slot, message, on_reply, call,
					UINT64_MAX);
	sd_bus_message_unref(message);
	return err < 0 ? err : 0;
}

/* Returns the new call, or NULL and the error. */
static struct bus_call *begin_call(struct bus *bus, const struct bus_method *method,
				   const char *types, va_list args, int *ret_err)
{
	struct bus_call *call = calloc(1, sizeof(*call));

	*ret_err = call ? 0 : -ENOMEM;
	if (!call)
		return NULL;
	call->bus = bus;
	call->next = bus->calls;
	bus->calls = call;
	bus->count++;
	*ret_err = send_call(bus, method, call, types, args);
	if (!*ret_err)
		return call;
	free_call(call);
	return NULL;
}

int bus_call_method(struct bus *bus, const struct bus_method *method, bus_on_answer on_answer,
		    void *arg, struct bus_call **ret_call, struct maze_error *error,
		    const char *types, ...)
{
	struct bus_call *call = NULL;
	int err, tries = 2;
	va_list args;

	if (bus->count == BUS_CALLS_MAX)
		return maze_fail(error, -EBUSY, "%u calls of systemd have no answer yet",
				 bus->count);
	/* The first message can show that the connection was lost. */
	do {
		err = open_connection(bus, error);
		if (err)
			return err;
		va_start(args, types);
		call = begin_call(bus, method, types, args, &err);
		va_end(args);
	} while (err == -ECONNRESET && --tries);
	if (!call)
		return maze_fail(error, err, "cannot call %s of systemd: %s", method->member,
				 strerror(-err));
	call->on_answer = on_answer;
	call->arg = arg;
	if (ret_call)
		*ret_call = call;
	return 0;
}

/* ---- open and closed --------------------------------------------------------------- */

int bus_new(sd_event *event, bus_connect connect, void *arg, struct bus **ret_bus)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int err;

	if (!bus)
		return -ENOMEM;
	*bus = (struct bus){ .event = event, .connect = connect, .arg = arg };
	err = sd_event_add_time(event, &bus->later, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_USEC,
				on_later, bus);
	if (err >= 0)
		err = sd_event_source_set_enabled(bus->later, SD_EVENT_OFF);
	if (err < 0) {
		bus_free(bus);
		return err;
	}
	*ret_bus = bus;
	return 0;
}

void bus_free(struct bus *bus)
{
	struct bus_call *call, *next;

	if (!bus)
		return;
	if (bus->freed)
		*bus->freed = true;
	for (call = bus->calls; call; call = next) {
		next = call->next;
		free_call(call);
	}
	close_connection(bus);
	while (bus->subscriptions)
		bus_unsubscribe(bus->subscriptions);
	sd_event_source_disable_unref(bus->later);
	free(bus);
}
