/* SPDX-License-Identifier: GPL-2.0-only */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "../../base/error.h"
#include "control_act.h"
#include "control_client.h"
#include "control_rules.h"
#include "control_streams.h"
#include "../../base/clock.h"
#include "../../base/unix_listen.h"

/* If this many clients wait for accept(2), further clients block or get EAGAIN. */
#define BACKLOG 128
/* Limits the connections accepted at once, so that other event sources run too. */
#define ACCEPTS_PER_TURN 16
/* The pause after accept(2) fails, for example with EMFILE or ENOMEM. */
#define PAUSE_USEC 1000000

struct control {
	struct control_host host;
	struct control_io io;
	struct control_users users;
	struct control_user rejected; /* faults of users who have no control_user */
	struct control_client *clients;
	struct record_stats stats; /* of the records since began_ns (CLOCK_BOOTTIME) */
	maze_u64 began_ns;
	char *path;
	int fd;
	sd_event_source *source, *resume;
};

/* ---- clients ----------------------------------------------------------------------- */

static void handle(struct control_client *client, const struct control_request *request, void *arg)
{
	struct control *control = arg;
	const struct control_host *host = &control->host;

	switch (request->verb) {
	case CONTROL_WATCH:
		return control_watch(host, client, request);
	case CONTROL_UNWATCH:
		return control_unwatch(host, client, request);
	case CONTROL_LIST:
		return control_list(host, client, request->changes);
	case CONTROL_EVENTS:
		return control_events(host, client, request->kept, request->follow);
	case CONTROL_STATUS:
		return control_status(host, client, control->users.connections,
				      control->stats.lost);
	case CONTROL_STATS:
		return control_stats(host, client, &control->stats, control->began_ns);
	case CONTROL_RELOAD:
		return control_reload(host, client);
	case CONTROL_THAW:
		return control_thaw(host, client, request);
	case CONTROL_RULES:
		return control_rules(host, client);
	case CONTROL_MODE:
		return control_mode(host, client, request);
	case CONTROL_RESET:
		return control_reset(host, client, request);
	}
}

static const char *const faults[] = {
	[CONTROL_FAULT_CONNECTIONS] = "was disconnected: too many connections",
	[CONTROL_FAULT_GARBAGE] = "was disconnected: invalid request",
	[CONTROL_FAULT_NOT_READING] = "was disconnected: it did not read its answers",
	[CONTROL_FAULT_RATE] = "is delayed: too many requests",
	[CONTROL_FAULT_QUOTA] = "has reached its limit of watched processes",
};

static void log_fault(struct control *control, struct control_user *user, const struct ucred *peer,
		      enum control_fault fault)
{
	unsigned int suppressed;

	if (!control_user_fault(user, fault, now_ns(CLOCK_MONOTONIC) / 1000, &suppressed))
		return;
	log_printf(control->host.log, LOG_NOTICE,
		   "control socket: user id %u (process %d) %s (%u more time%s since the last "
		   "message; logged once in 10 minutes)",
		   peer->uid, peer->pid, faults[fault], suppressed, suppressed == 1 ? "" : "s");
}

static void on_fault(struct control_client *client, enum control_fault fault, void *arg)
{
	log_fault(arg, client->user, &client->peer, fault);
}

static void remove_client(struct control_client *client, void *arg)
{
	struct control *control = arg;
	struct control_client **at;

	for (at = &control->clients; *at != client; at = &(*at)->next)
		;
	*at = client->next;
	control_users_disconnect(&control->users, client->user);
	control_client_free(client);
}

static bool is_root(const struct ucred *peer)
{
	/* A mazed without privileges (engine poll) treats its own user as root. */
	return !peer->uid || peer->uid == geteuid();
}

/* The kernel has the groups that the client had when it connected. */
static bool is_reader(const struct control *control, int fd, const struct ucred *peer)
{
	gid_t readers = control->host.rules->daemon.readers, *groups;
	socklen_t size = 0, i;
	bool found = false;

	if (readers == (gid_t)-1 || peer->gid == readers)
		return readers != (gid_t)-1;
	/* The first call returns the size. */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) || errno != ERANGE)
		return false;
	groups = malloc(size);
	if (groups && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		for (i = 0; i < size / sizeof(*groups); i++)
			found |= groups[i] == readers;
	free(groups);
	return found;
}

static void reject(struct control *control, int fd, const struct ucred *peer,
		   struct control_user *user)
{
	static const char line[] = "{\"ok\":false,\"errno\":\"EUSERS\",\"text\":\"too many "
				   "connections or connection attempts; try again later\"}\n";

	if (send(fd, line, sizeof(line) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		/* Ignore the error. The client still sees the end of the connection. */
	}
	log_fault(control, user ? user : &control->rejected, peer, CONTROL_FAULT_CONNECTIONS);
	control_io_hang_up(&control->io, fd);
}

static void admit(struct control *control, int fd, const struct ucred *peer,
		  struct control_user *user)
{
	struct control_client *client = calloc(1, sizeof(*client));

	if (!client) {
		control_users_disconnect(&control->users, user);
		control_io_hang_up(&control->io, fd);
		return;
	}
	client->event = control->host.event;
	client->io = &control->io;
	client->fd = fd;
	client->peer = *peer;
	client->root = is_root(peer);
	client->reads_all = client->root || is_reader(control, fd, peer);
	client->user = user;
	client->handle = handle;
	client->fault = on_fault;
	client->gone = remove_client;
	client->arg = control;
	client->next = control->clients;
	control->clients = client;
	if (control_client_start(client))
		remove_client(client, control);
}

static void accept_client(struct control *control, int fd)
{
	struct control_user *user;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	bool root;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
		control_io_hang_up(&control->io, fd);
		return;
	}
	root = is_root(&peer);
	user = control_users_connect(&control->users, peer.uid, root,
				     control->host.rules->daemon.clients,
				     now_ns(CLOCK_MONOTONIC) / 1000);
	if (!user) {
		reject(control, fd, &peer, NULL);
		return;
	}
	/* Accepting a connection costs as much as a request, so it spends a token. */
	if (!root && control_user_spend(user, 1, now_ns(CLOCK_MONOTONIC) / 1000)) {
		control_users_disconnect(&control->users, user);
		reject(control, fd, &peer, user);
		return;
	}
	admit(control, fd, &peer, user);
}

static int on_connect(sd_event_source *source, int listener, uint32_t revents, void *arg)
{
	struct control *control = arg;
	int i, fd;

	(void)revents;
	for (i = 0; i < ACCEPTS_PER_TURN; i++) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			accept_client(control, fd);
			continue;
		}
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
			return 0;
		/* Without a pause, the event loop would retry endlessly. */
		log_printf(control->host.log, LOG_WARNING,
			   "control socket: cannot accept connections, pausing for a second: %s",
			   strerror(errno));
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		sd_event_source_set_time_relative(control->resume, PAUSE_USEC);
		sd_event_source_set_enabled(control->resume, SD_EVENT_ONESHOT);
		return 0;
	}
	return 0;
}

static int on_resume(sd_event_source *source, uint64_t usec, void *arg)
{
	struct control *control = arg;

	(void)source;
	(void)usec;
	return sd_event_source_set_enabled(control->source, SD_EVENT_ON);
}

/* ---- open and close ---------------------------------------------------------------- */

static void stop_listening(struct control *control, bool remove)
{
	control->source = sd_event_source_disable_unref(control->source);
	if (control->fd >= 0) {
		if (remove)
			unlink(control->path);
		close(control->fd);
	}
	control->fd = -1;
	free(control->path);
	control->path = NULL;
}

static int listen_on(struct control *control, const char *path, struct maze_error *error)
{
	int fd = unix_listen(path, 0666, BACKLOG, error), err;
	sd_event_source *source;
	char *copy;

	if (fd < 0)
		return fd;
	copy = strdup(path);
	err = copy ? sd_event_add_io(control->host.event, &source, fd, EPOLLIN, on_connect, control)
		   : -ENOMEM;
	if (err < 0) {
		unlink(path);
		close(fd);
		free(copy);
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	}
	sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE);
	stop_listening(control, true);
	control->fd = fd;
	control->path = copy;
	control->source = source;
	return 0;
}

int control_use(struct control *control, const struct rules *rules, struct maze_error *error)
{
	const char *path = rules->daemon.control_socket;
	int err = 0;

	if (!control->path || strcmp(control->path, path) != 0)
		err = listen_on(control, path, error);
	if (!err)
		control->host.rules = rules;
	return err;
}

void control_on_record(void *arg, struct mazed_record *record)
{
	struct control *control = arg;
	struct control_client *client;

	record_stats_add(&control->stats, record->entry.record);
	for (client = control->clients; client; client = client->next)
		control_events_on_record(client, record->entry.record);
}

int control_open(const struct control_host *host, struct control **ret_control,
		 struct maze_error *error)
{
	struct control *control = calloc(1, sizeof(*control));
	int err;

	if (!control)
		return maze_fail(error, -ENOMEM, "out of memory");
	control->host = *host;
	control->began_ns = now_ns(CLOCK_BOOTTIME);
	control->fd = -1;
	err = control_io_open(&control->io);
	if (err) {
		free(control);
		return maze_fail(error, err, "cannot create a timer: %s", strerror(-err));
	}
	err = sd_event_add_time(host->event, &control->resume, CLOCK_MONOTONIC, 0, 0, on_resume,
				control);
	if (err >= 0)
		err = sd_event_source_set_enabled(control->resume, SD_EVENT_OFF);
	err = err < 0 ? maze_fail(error, err, "cannot add an event source: %s", strerror(-err))
		      : control_use(control, host->rules, error);
	if (err) {
		control_close(control);
		return err;
	}
	*ret_control = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		remove_client(control->clients, control);
	stop_listening(control, true);
	sd_event_source_disable_unref(control->resume);
	control_users_done(&control->users);
	control_io_close(&control->io);
	free(control);
}
