/* SPDX-License-Identifier: GPL-2.0-only */
/* The descriptors of an episode. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../../lib/system_calls.h"
#include "../../lib/utf8_json.h"
#include "episode.h"

static void read_descriptors(struct episode *episode, const int *fds, size_t count)
{
	struct descriptors *descriptors = episode->descriptors;
	bool was_read = false;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "task/%u", episode->tid);
	fd = openat(episode->live.proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		was_read = descriptors_read(fd, (pid_t)episode->pid, fds, count, descriptors);
		close(fd);
	}
	if (!was_read)
		episode_note(episode, "Descriptors were not read: the thread had ended");
	if (descriptors->epoll_skipped)
		episode_note(episode, "What epoll watches was not read: with this many "
				      "descriptors it could stop the thread");
}

void episode_read_descriptors(struct episode *episode, const struct call_slice *slice)
{
	int fds[CALL_SLICE_ROWS + 1];
	size_t count = 0, i;

	if (!episode->has_live)
		return;
	for (i = 0; i < slice->rows_count; i++)
		if (system_call_has_descriptor(slice->rows[i].call))
			fds[count++] = slice->rows[i].descriptor;
	if (slice->inside != CALL_NONE && system_call_has_descriptor(slice->inside))
		fds[count++] = slice->inside_descriptor;
	if (!episode->descriptors)
		episode->descriptors = calloc(1, sizeof(*episode->descriptors));
	if (count && episode->descriptors)
		read_descriptors(episode, fds, count);
}

/* ---- JSON -------------------------------------------------------------------------- */

static const char *const kinds[DESCRIPTOR_KINDS] = {
	[DESCRIPTOR_CLOSED] = "closed",	      [DESCRIPTOR_FILE] = "file",
	[DESCRIPTOR_DIRECTORY] = "directory", [DESCRIPTOR_DEVICE] = "device",
	[DESCRIPTOR_FIFO] = "fifo",	      [DESCRIPTOR_MEMFD] = "memfd",
	[DESCRIPTOR_PIPE] = "pipe",	      [DESCRIPTOR_SOCKET] = "socket",
	[DESCRIPTOR_EPOLL] = "epoll",	      [DESCRIPTOR_EVENTFD] = "eventfd",
	[DESCRIPTOR_TIMERFD] = "timerfd",     [DESCRIPTOR_SIGNALFD] = "signalfd",
	[DESCRIPTOR_INOTIFY] = "inotify",     [DESCRIPTOR_ANON] = "anon",
};

/* The numbers of <netinet/tcp.h>, which unix sockets share. */
static const char *const states[] = {
	NULL,	     "ESTABLISHED", "SYN_SENT",	  "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
	"TIME_WAIT", "CLOSE",	    "CLOSE_WAIT", "LAST_ACK", "LISTEN",	   "CLOSING",
};

struct bit_name {
	maze_u32 bit;
	const char *name;
};

static const struct bit_name open_flags[] = {
	{ O_WRONLY, "O_WRONLY" },     { O_RDWR, "O_RDWR" }, { O_APPEND, "O_APPEND" },
	{ O_NONBLOCK, "O_NONBLOCK" }, { O_PATH, "O_PATH" },
};

static const struct bit_name epoll_events[] = {
	{ EPOLLIN, "EPOLLIN" },
	{ EPOLLPRI, "EPOLLPRI" },
	{ EPOLLOUT, "EPOLLOUT" },
	{ EPOLLERR, "EPOLLERR" },
	{ EPOLLHUP, "EPOLLHUP" },
	{ EPOLLRDHUP, "EPOLLRDHUP" },
	{ EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE" },
	{ EPOLLONESHOT, "EPOLLONESHOT" },
	{ EPOLLET, "EPOLLET" },
};

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* JSON integers have 63 bits. */
static void set_number(json_t *object, const char *key, maze_u64 value)
{
	set(object, key, json_integer((json_int_t)(value >> 63 ? ~0ULL >> 1 : value)));
}

static void append(char *text, size_t size, const char *name)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%s%s", length ? "|" : "", name);
}

static json_t *bits_json(maze_u32 bits, const struct bit_name *names, size_t count,
			 const char *otherwise)
{
	char text[256] = "";
	size_t i;

	for (i = 0; i < count; i++)
		if (bits & names[i].bit)
			append(text, sizeof(text), names[i].name);
	return json_string(text[0] ? text : otherwise);
}

static json_t *signals_json(maze_u64 signals)
{
	char text[1024] = "", name[32];
	int signal;

	for (signal = 1; signal <= 64; signal++)
		if (signals >> (signal - 1) & 1)
			append(text, sizeof(text), maze_signal_format(signal, name, sizeof(name)));
	return json_string(text);
}

/* A path is redacted like a word of a command line. */
static json_t *path_json(const char *path, const struct redactor *redactor)
{
	size_t size;
	char *redacted = redact_apply(redactor, path, strlen(path), &size);
	json_t *json = redacted ? utf8_json(redacted, strlen(redacted)) : json_null();

	free(redacted);
	return json;
}

static json_t *watches_json(const struct descriptors *descriptors, const struct fdinfo *info)
{
	json_t *watches = json_array(), *object;
	const struct descriptor *watched;
	size_t i;

	for (i = 0; i < info->watches_count; i++) {
		object = json_object();
		watched = descriptors_find(descriptors, info->watches[i].fd);
		set(object, "fd", json_integer(info->watches[i].fd));
		set(object, "events",
		    bits_json(info->watches[i].events, epoll_events,
			      sizeof(epoll_events) / sizeof(epoll_events[0]), "0"));
		/* epoll watches the file until its last descriptor is closed. */
		if (watched && info->watches[i].inode &&
		    info->watches[i].inode != watched->info.inode)
			set(object, "stale", json_true());
		json_array_append_new(watches, object);
	}
	return watches;
}

static void set_socket(const struct descriptor *descriptor, const struct redactor *redactor,
		       json_t *object)
{
	const struct net_socket *net = &descriptor->net;

	if (descriptor->protocol[0])
		set(object, "protocol",
		    utf8_json(descriptor->protocol, strlen(descriptor->protocol)));
	if (net->local[0]) {
		set(object, "local", json_string(net->local));
		set(object, "remote", json_string(net->remote));
	}
	if (descriptor->path[0])
		set(object, "path", path_json(descriptor->path, redactor));
	if (!descriptor->has_net)
		return;
	if (net->state < sizeof(states) / sizeof(states[0]) && states[net->state])
		set(object, "state", json_string(states[net->state]));
	if (!descriptor->is_listed)
		return;
	set_number(object, "unread", net->unread);
	set_number(object, "unsent", net->unsent);
}

static void set_kind(const struct descriptors *descriptors, const struct descriptor *descriptor,
		     const struct redactor *redactor, json_t *object)
{
	const struct fdinfo *info = &descriptor->info;

	switch (descriptor->kind) {
	case DESCRIPTOR_FILE:
		set_number(object, "size", descriptor->size);
		set_number(object, "position", info->position);
		break;
	case DESCRIPTOR_SOCKET:
		set_socket(descriptor, redactor, object);
		break;
	case DESCRIPTOR_EPOLL:
		if (!descriptor->has_info)
			break;
		set(object, "watches", watches_json(descriptors, info));
		set_number(object, "watches_total", info->watches_total);
		break;
	case DESCRIPTOR_EVENTFD:
		set_number(object, "count", info->count);
		break;
	case DESCRIPTOR_TIMERFD:
		set_number(object, "ticks", info->ticks);
		break;
	case DESCRIPTOR_SIGNALFD:
		set(object, "signals", signals_json(info->signals));
		set(object, "pending", json_boolean(descriptor->pending));
		break;
	default:
		break;
	}
}

static json_t *descriptor_json(const struct descriptors *descriptors,
			       const struct descriptor *descriptor, const struct redactor *redactor)
{
	json_t *object = json_object();

	set(object, "fd", json_integer(descriptor->fd));
	set(object, "kind", json_string(kinds[descriptor->kind]));
	if (!descriptor->target)
		return object;
	set(object, "target", path_json(descriptor->target, redactor));
	if (descriptor->has_info)
		set(object, "flags",
		    bits_json(descriptor->info.flags, open_flags,
			      sizeof(open_flags) / sizeof(open_flags[0]), "O_RDONLY"));
	if (descriptor->deleted)
		set(object, "deleted", json_true());
	set_kind(descriptors, descriptor, redactor, object);
	if (descriptor->other == OTHER_HELD)
		set(object, "other_pid", json_integer(descriptor->other_pid));
	if (descriptor->other == OTHER_GONE)
		set(object, "other_gone", json_true());
	return object;
}

json_t *episode_descriptors_json(const struct episode *episode, const struct redactor *redactor)
{
	const struct descriptors *descriptors = episode->descriptors;
	json_t *array = json_array();
	size_t i;

	for (i = 0; descriptors && i < descriptors->count; i++)
		json_array_append_new(
			array, descriptor_json(descriptors, &descriptors->descriptor[i], redactor));
	return array;
}
