/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection to a service manager (systemd) over D-Bus, in the event loop.
 *
 * The connection opens at the first call, and closes a second after the last answer, unless
 * there is a subscription. If it is lost, the next call opens it again. No function waits:
 * each call has a callback and a time-out. A call that times out closes the connection,
 * because the manager answers in order and the other calls would wait too.
 *
 * For the system manager, mazed connects to /run/systemd/private, which needs no D-Bus
 * broker and accepts only root. If that socket is missing, it connects to the system bus.
 */
#ifndef MAZE_DAEMON_BUS_H
#define MAZE_DAEMON_BUS_H

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "../../lib/maze.h"

#define BUS_MANAGER_PATH "/org/freedesktop/systemd1"
#define BUS_MANAGER "org.freedesktop.systemd1.Manager"
#define BUS_UNITS_PATH "/org/freedesktop/systemd1/unit"
#define BUS_UNIT "org.freedesktop.systemd1.Unit"
#define BUS_SERVICE "org.freedesktop.systemd1.Service"
#define BUS_PROPERTIES "org.freedesktop.DBus.Properties"

/* PID 1 answers within milliseconds, or within seconds while it reads all units again. */
#define BUS_TIMEOUT_NS (25 * MAZE_NSEC_PER_SEC)
/* The maximum of calls without an answer. More would indicate a bug. */
#define BUS_CALLS_MAX 1024

struct bus;
struct bus_call;

/*
 * Returns a connected stream socket or -errno, without waiting. *ret_broker says whether a
 * D-Bus broker listens there, and not the manager itself.
 */
typedef int (*bus_connect)(void *arg, bool *ret_broker, struct maze_error *error);

/* Connects to the system manager. `arg` is not used. */
int bus_connect_system(void *arg, bool *ret_broker, struct maze_error *error);

/* Opens no connection yet. Borrows `event` and `arg`. Returns 0 or -errno. */
int bus_new(sd_event *event, bus_connect connect, void *arg, struct bus **ret_bus);
/* Closes the connection. Runs no callback. Also allowed in a callback. */
void bus_free(struct bus *bus);

struct bus_answer {
	int err;		 /* 0, or -errno */
	sd_bus_message *message; /* the arguments, to be read; NULL if err */
	const char *name;	 /* the D-Bus name of the error, or "" */
	const char *text;	 /* the reason of the failure, without a full stop */
};

/*
 * Runs once for each call that began, unless the call is cancelled. `answer` is valid
 * until it returns. The message comes from another process: a type that does not match
 * makes sd_bus_message_read() fail, and that failure must be handled.
 */
typedef void (*bus_on_answer)(void *arg, const struct bus_answer *answer);

struct bus_method {
	const char *path, *interface, *member;
	maze_u64 timeout_ns; /* 0: BUS_TIMEOUT_NS */
};

/*
 * Calls a method of the manager. `types` and the arguments behind it are those of
 * sd_bus_message_append(3); `types` may be NULL. `ret_call`, if not NULL, is for
 * bus_call_cancel(), and is valid until the callback runs. On failure returns -errno and
 * a message, and the callback does not run. Never runs the callback itself.
 */
int bus_call_method(struct bus *bus, const struct bus_method *method, bus_on_answer on_answer,
		    void *arg, struct bus_call **ret_call, struct maze_error *error,
		    const char *types, ...);
/* Forgets the call: its callback does not run. NULL: does nothing. */
void bus_call_cancel(struct bus_call *call);

/*
 * Runs for each signal. `message` is NULL when the connection was lost or opened again, so
 * signals may be missing. PID 1 closes the connection when it executes itself again.
 */
typedef void (*bus_on_signal)(void *arg, sd_bus_message *message);

struct bus_subscription {
	const char *path, *interface, *member; /* must stay valid */
	bus_on_signal on_signal;
	void *arg;
	/* Used by bus.c: */
	struct bus *bus; /* NULL: not subscribed */
	struct bus_subscription *next;
	sd_bus_slot *slot;
};

/*
 * Subscribes to a signal of the manager. The caller owns `subscription`, which must stay
 * where it is until bus_unsubscribe() or bus_free(). While there is a subscription, a lost
 * connection opens again, at first at once, then after 1 s, 2 s, and up to 64 s. If no
 * connection can be opened now, returns 0, and it opens later. A callback may end its own
 * subscription, but no other one.
 */
int bus_subscribe(struct bus *bus, struct bus_subscription *subscription);
void bus_unsubscribe(struct bus_subscription *subscription);

#endif
