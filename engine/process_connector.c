/* SPDX-License-Identifier: GPL-2.0-only */
#include "process_connector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message has a netlink header, a connector header and an event, in this order. */
#define CONNECTOR_OFFSET NLMSG_HDRLEN
#define EVENT_OFFSET (CONNECTOR_OFFSET + sizeof(struct cn_msg))
#define KIND_OFFSET (EVENT_OFFSET + offsetof(struct proc_event, what))
#define MESSAGE_MAX (EVENT_OFFSET + sizeof(struct proc_event))
/* The shortest message has an exec event, the smallest event of the requested kinds. */
#define MESSAGE_MIN                                                                                \
	(EVENT_OFFSET + offsetof(struct proc_event, event_data) + sizeof(struct exec_proc_event))
/* Size of the receive queue. Without CAP_NET_ADMIN, the limit is net.core.rmem_max. */
#define QUEUE_BYTES (1 << 20)

/* Makes the kernel queue only events of these kinds, and the answers to request(). */
static int filter(int fd, unsigned int kinds)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, KIND_OFFSET),
		/* An answer has kind PROC_EVENT_NONE, which is 0 and so matches no bit. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_NONE), 1, 0),
		/*
		 * BPF_LD converts from network byte order, so the constants are converted
		 * by htonl() too.
		 */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, htonl(kinds), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

/* Returns a length above 0, the event and the `ack` field of a message, or -errno. */
static ssize_t receive(int fd, struct proc_event *ret_event, __u32 *ret_answers)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	char buf[MESSAGE_MAX] = { 0 };
	struct cn_msg connector;
	ssize_t n;

	for (;;) {
		n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len);
		if (n < 0)
			return -errno;
		/* Any process may send to this socket, but only the kernel has port 0. */
		if (from.nl_pid || n < (ssize_t)MESSAGE_MIN)
			continue;
		memcpy(&connector, buf + CONNECTOR_OFFSET, sizeof(connector));
		memcpy(ret_event, buf + EVENT_OFFSET, sizeof(*ret_event));
		*ret_answers = connector.ack;
		return n;
	}
}

/*
 * Asks the kernel for events. If this process may listen, the kernel answers before
 * send(2) returns. Otherwise the kernel does not answer, but events that other listeners
 * requested may still arrive.
 */
static int request(int fd)
{
	enum proc_cn_mcast_op listen = PROC_CN_MCAST_LISTEN;
	char buf[EVENT_OFFSET + sizeof(listen)] = { 0 };
	struct nlmsghdr header = { .nlmsg_len = sizeof(buf), .nlmsg_type = NLMSG_DONE };
	struct cn_msg connector = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(listen) };
	struct proc_event event;
	__u32 answers;

	/*
	 * All listeners receive all answers. An answer has the `ack` of its request plus
	 * 1, so a random `ack` identifies the answer to this process.
	 */
	if (getrandom(&connector.ack, sizeof(connector.ack), 0) != sizeof(connector.ack))
		return -errno;
	memcpy(buf, &header, sizeof(header));
	memcpy(buf + CONNECTOR_OFFSET, &connector, sizeof(connector));
	memcpy(buf + EVENT_OFFSET, &listen, sizeof(listen));
	if (send(fd, buf, sizeof(buf), 0) < 0)
		return -errno;
	while (receive(fd, &event, &answers) > 0)
		if ((__u32)event.what == PROC_EVENT_NONE && answers == connector.ack + 1)
			return event.event_data.ack.err ? -EPERM : 0;
	return -EPERM;
}

int process_connector_open(unsigned int kinds)
{
	struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	int err, bytes = QUEUE_BYTES;

	if (fd < 0)
		return -errno;
	/* SO_RCVBUFFORCE may exceed rmem_max, but needs CAP_NET_ADMIN. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	err = filter(fd, kinds);
	if (!err && bind(fd, (struct sockaddr *)&group, sizeof(group)))
		err = -errno;
	if (!err)
		err = request(fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int process_connector_next(int fd, bool *lost, struct proc_event *ret_event)
{
	__u32 answers;
	ssize_t n;

	while ((n = receive(fd, ret_event, &answers)) == -ENOBUFS)
		*lost = true;
	if (n > 0)
		return 1;
	if (!*lost)
		return 0;
	*lost = false;
	return -ENOBUFS;
}
