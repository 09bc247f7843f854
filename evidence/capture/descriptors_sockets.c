/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets of a process. /proc/PID/net has those of TCP and UDP, in the network namespace of
 * the process. It needs no setns(2), which mazed's unit does not permit, and takes no lock
 * of a socket, which the process could hold for ever.
 *
 * Only sock_diag(7) has the peers of unix sockets. It finds one by inode, but only in the
 * network namespace of this process.
 */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"

#define CHUNK (64 << 10)
/* A table of 27,000 sockets. */
#define TABLE_BYTES_MAX (4 << 20)
/* Both directions, as the kernel counts them. */
#define SHUT_BOTH 3

/* ---- TCP and UDP ------------------------------------------------------------------- */

static bool is_of(const struct descriptor *descriptor, const char *protocol)
{
	return descriptor->kind == DESCRIPTOR_SOCKET &&
	       !strncmp(descriptor->protocol, protocol, strlen(protocol));
}

static size_t count_missing(const struct descriptors *descriptors, size_t first,
			    const char *protocol)
{
	size_t i, missing = 0;

	for (i = first; i < descriptors->count; i++)
		missing += is_of(&descriptors->descriptor[i], protocol) &&
			   !descriptors->descriptor[i].has_net;
	return missing;
}

static void take_line(const char *line, const char *protocol, struct descriptors *descriptors,
		      size_t first)
{
	struct descriptor *descriptor;
	struct net_socket socket;
	size_t i;

	if (!net_line_parse(line, &socket))
		return;
	for (i = first; i < descriptors->count; i++) {
		descriptor = &descriptors->descriptor[i];
		if (!is_of(descriptor, protocol) || descriptor->info.inode != socket.inode)
			continue;
		descriptor->net = socket;
		descriptor->has_net = descriptor->is_listed = true;
	}
}

/* Returns true if it has read the whole table. */
static bool read_table(int fd, const char *protocol, struct descriptors *descriptors, size_t first,
		       maze_u64 until_ns)
{
	char *text = malloc(CHUNK + 1), *line, *end;
	size_t kept = 0, total = 0;
	ssize_t got = -1;

	while (text && total < TABLE_BYTES_MAX && now_ns(CLOCK_MONOTONIC) < until_ns &&
	       count_missing(descriptors, first, protocol)) {
		got = read(fd, text + kept, CHUNK - kept);
		if (got <= 0)
			break;
		total += (size_t)got;
		kept += (size_t)got;
		text[kept] = '\0';
		for (line = text; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			take_line(line, protocol, descriptors, first);
		}
		kept = strlen(line);
		memmove(text, line, kept + 1);
		if (kept == CHUNK)
			break;
	}
	free(text);
	return !got;
}

/*
 * A process can have sockets of another network namespace than its own, such as one that
 * systemd has opened for it. So that of this process is searched too. A socket of a third
 * one is not found.
 */
static void read_tables(int proc_fd, const char *protocol, const char *const *names, size_t count,
			struct descriptors *descriptors, size_t first, maze_u64 until_ns)
{
	bool is_complete = true;
	struct descriptor *descriptor;
	size_t i;
	int fd;

	for (i = 0; i < count && count_missing(descriptors, first, protocol); i++) {
		fd = openat(proc_fd, names[i], O_RDONLY | O_CLOEXEC);
		/* A kernel without IPv6 has no table of it. */
		if (fd < 0) {
			is_complete &= errno == ENOENT;
			continue;
		}
		is_complete &= read_table(fd, protocol, descriptors, first, until_ns);
		close(fd);
	}
	/* A socket that was reset or is not connected is in no table. */
	for (i = first; is_complete && i < descriptors->count; i++) {
		descriptor = &descriptors->descriptor[i];
		if (!is_of(descriptor, protocol) || descriptor->has_net)
			continue;
		descriptor->net.state = TCP_CLOSE;
		descriptor->has_net = true;
	}
}

/* ---- unix sockets ------------------------------------------------------------------ */

struct unix_answer {
	unsigned int state;
	bool has_peer;
	maze_u32 peer;	 /* inode; 0: the peer is closed */
	maze_u32 queued; /* bytes; of a listening socket: connections */
	maze_u8 shutdown;
	char path[DESCRIPTOR_PATH_MAX + 1];
};

static void take_path(const struct rtattr *attribute, struct unix_answer *answer)
{
	const char *name = RTA_DATA(attribute);
	size_t length = RTA_PAYLOAD(attribute);

	if (length > DESCRIPTOR_PATH_MAX)
		length = DESCRIPTOR_PATH_MAX;
	memcpy(answer->path, name, length);
	answer->path[length] = '\0';
	/* The name of an abstract socket begins with a NUL, and is shown with an @. */
	if (length && !name[0])
		answer->path[0] = '@';
}

static bool take_answer(const struct nlmsghdr *header, size_t size, struct unix_answer *answer)
{
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	const struct rtattr *attribute;
	size_t rest;

	if (!NLMSG_OK(header, size) || header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return false;
	answer->state = message->udiag_state;
	rest = header->nlmsg_len - NLMSG_LENGTH(sizeof(*message));
	for (attribute = (const void *)(message + 1); RTA_OK(attribute, rest);
	     attribute = RTA_NEXT(attribute, rest)) {
		if (attribute->rta_type == UNIX_DIAG_NAME)
			take_path(attribute, answer);
		if (attribute->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(attribute) >= 4) {
			memcpy(&answer->peer, RTA_DATA(attribute), 4);
			answer->has_peer = true;
		}
		if (attribute->rta_type == UNIX_DIAG_RQLEN && RTA_PAYLOAD(attribute) >= 4)
			memcpy(&answer->queued, RTA_DATA(attribute), 4);
		if (attribute->rta_type == UNIX_DIAG_SHUTDOWN && RTA_PAYLOAD(attribute) >= 1)
			memcpy(&answer->shutdown, RTA_DATA(attribute), 1);
	}
	return true;
}

/* The kernel answers within send(2). */
static bool ask(int fd, maze_u64 inode, struct unix_answer *ret_answer)
{
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} message = {
		.header = { .nlmsg_len = sizeof(message),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST },
		.request = { .sdiag_family = AF_UNIX,
			     .udiag_states = ~0U,
			     .udiag_ino = (maze_u32)inode,
			     .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN,
			     .udiag_cookie = { ~0U, ~0U } },
	};
	maze_u64 buf[512];
	ssize_t got;

	*ret_answer = (struct unix_answer){ 0 };
	if (send(fd, &message, sizeof(message), 0) < 0)
		return false;
	got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	return got > 0 && take_answer((const void *)buf, (size_t)got, ret_answer);
}

static void read_unix(int fd, struct descriptor *descriptor)
{
	struct unix_answer answer, peer;

	if (!ask(fd, descriptor->info.inode, &answer))
		return;
	descriptor->has_net = descriptor->is_listed = true;
	descriptor->net.state = answer.state;
	descriptor->net.unread = answer.queued;
	descriptor->other_inode = answer.peer;
	/* The peer has no inode before accept(2) either, but this end is not shut down then. */
	if (answer.has_peer && !answer.peer && answer.shutdown == SHUT_BOTH)
		descriptor->other = OTHER_GONE;
	memcpy(descriptor->path, answer.path, sizeof(answer.path));
	/* The socket of a client has no name of its own. */
	if (!answer.path[0] && answer.peer && ask(fd, answer.peer, &peer))
		memcpy(descriptor->path, peer.path, sizeof(peer.path));
}

static bool is_same_network(int proc_fd)
{
	char own[64], other[64];
	ssize_t own_length = readlink("/proc/self/ns/net", own, sizeof(own));

	return own_length > 0 &&
	       readlinkat(proc_fd, "ns/net", other, sizeof(other)) == own_length &&
	       !memcmp(own, other, (size_t)own_length);
}

void descriptors_read_sockets(int proc_fd, struct descriptors *descriptors, size_t first,
			      maze_u64 until_ns)
{
	static const char *const tcp[] = { "net/tcp", "net/tcp6", "/proc/self/net/tcp",
					   "/proc/self/net/tcp6" };
	static const char *const udp[] = { "net/udp", "net/udp6", "/proc/self/net/udp",
					   "/proc/self/net/udp6" };
	size_t count = is_same_network(proc_fd) ? 2 : 4, i;
	int fd;

	read_tables(proc_fd, "TCP", tcp, count, descriptors, first, until_ns);
	read_tables(proc_fd, "UDP", udp, count, descriptors, first, until_ns);
	if (!count_missing(descriptors, first, "UNIX"))
		return;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	for (i = first; fd >= 0 && i < descriptors->count; i++)
		if (is_of(&descriptors->descriptor[i], "UNIX"))
			read_unix(fd, &descriptors->descriptor[i]);
	if (fd >= 0)
		close(fd);
}
