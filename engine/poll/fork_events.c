/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Forks as the kernel tells of them: the process connector (linux/cn_proc.h), open
 * to root and, from Linux 6.6, to everybody in the initial namespaces.
 *
 * Always: an event is only a hint whom to open. A number may have come to another
 * since, so the one that is opened must have begun when the event says.
 */
#include "descent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message: a netlink header, a connector header, an event. */
#define CONNECTOR_OFFSET NLMSG_HDRLEN
#define EVENT_OFFSET (CONNECTOR_OFFSET + sizeof(struct cn_msg))
#define KIND_OFFSET (EVENT_OFFSET + offsetof(struct proc_event, what))
#define MESSAGE_MAX (EVENT_OFFSET + sizeof(struct proc_event))
/* Up to and with the numbers of a fork. */
#define MESSAGE_MIN                                                                                \
	(EVENT_OFFSET + offsetof(struct proc_event, event_data) + sizeof(struct fork_proc_event))
/* Asked for; the kernel gives what net.core.rmem_max allows, 270 events by default. */
#define QUEUE_BYTES (1 << 20)

/* Only forks, and the answer to our request, are queued for us, and wake us. */
static int filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, KIND_OFFSET),
		/* A load gives the number as if it were in the order of the network. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_FORK), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_NONE), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

/* The length of a message from the kernel, or -errno; *ret_answers: whose question, plus one. */
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
		/* Anybody may send to us; only what comes from the kernel (0) counts. */
		if (from.nl_pid || n < (ssize_t)MESSAGE_MIN)
			continue;
		memcpy(&connector, buf + CONNECTOR_OFFSET, sizeof(connector));
		memcpy(ret_event, buf + EVENT_OFFSET, sizeof(*ret_event));
		*ret_answers = connector.ack;
		return n;
	}
}

/*
 * The kernel answers within send(2). Where it will not let us listen it does not
 * answer, although events may come that others have asked for.
 */
static int request(int fd)
{
	enum proc_cn_mcast_op listen = PROC_CN_MCAST_LISTEN;
	char buf[EVENT_OFFSET + sizeof(listen)] = { 0 };
	struct nlmsghdr header = { .nlmsg_len = sizeof(buf), .nlmsg_type = NLMSG_DONE };
	struct cn_msg connector = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(listen) };
	struct proc_event event;
	__u32 answers;

	/* An answer carries the asker's number plus one; all listeners hear all answers. */
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

int fork_events_open(void)
{
	struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	int err, bytes = QUEUE_BYTES;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	err = filter(fd);
	if (!err && bind(fd, (struct sockaddr *)&group, sizeof(group)))
		err = -errno;
	if (!err)
		err = request(fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static const struct ghost *find_ghost(const struct descent *descent, pid_t pid)
{
	unsigned int i;

	/* The newest first: a number may come again. */
	for (i = 1; i <= GHOSTS_MAX; i++)
		if (descent->ghosts[(descent->ghost - i) % GHOSTS_MAX].pid == pid)
			return &descent->ghosts[(descent->ghost - i) % GHOSTS_MAX];
	return NULL;
}

static void forget_ghost(struct descent *descent, pid_t pid)
{
	unsigned int i;

	for (i = 0; i < GHOSTS_MAX; i++)
		if (descent->ghosts[i].pid == pid)
			descent->ghosts[i].pid = 0;
}

static void remember_ghost(struct descent *descent, const struct child *child)
{
	descent->ghosts[descent->ghost++ % GHOSTS_MAX] =
		(struct ghost){ child->policy, child->tag, child->pid };
}

/* What a child of that thread inherits, if anything. */
static bool heritage(struct engine *engine, pid_t tgid, pid_t tid, struct child *child)
{
	const struct poll_process *process = poll_find(engine, tgid);
	const struct poll_thread *thread = process ? poll_thread_find(process, tid) : NULL;
	const struct ghost *ghost = process ? NULL : find_ghost(engine->descent, tgid);

	if (thread) {
		child->policy = thread->policy;
		child->tag = thread->tag;
	} else if (process && process->whole) {
		child->policy = process->policy;
		child->tag = process->tag;
	} else if (ghost) {
		child->policy = ghost->policy;
		child->tag = ghost->tag;
	} else {
		return false;
	}
	return child->policy.flags & MAZE_POLICY_INHERIT;
}

static void take(struct engine *engine, const struct proc_event *event)
{
	const struct fork_proc_event *fork = &event->event_data.fork;
	struct child child = { .pid = fork->child_pid };
	struct poll_process *process;

	if (fork->child_pid != fork->child_tgid) {
		/* A thread. Who made it is not told, so only whole processes pass on. */
		process = poll_find(engine, fork->child_tgid);
		if (process && process->whole) {
			process->relist = true;
			poll_look(engine, process);
		}
		return;
	}
	forget_ghost(engine->descent, child.pid);
	if (!heritage(engine, fork->parent_tgid, fork->parent_pid, &child))
		return;
	child.born_ns = event->timestamp_ns +
			(poll_clock_ns(CLOCK_BOOTTIME) - poll_clock_ns(CLOCK_MONOTONIC));
	if (poll_inherit(engine, &child) == -ESRCH)
		remember_ghost(engine->descent, &child);
}

void fork_events_take(struct engine *engine)
{
	struct proc_event event;
	__u32 answers;
	ssize_t n;

	for (;;) {
		n = receive(engine->descent->fork_fd, &event, &answers);
		/* Events were lost: then whoever has a watched parent is found by that. */
		if (n == -ENOBUFS)
			new_numbers_search_all(engine);
		else if (n <= 0)
			return;
		else if ((__u32)event.what == PROC_EVENT_FORK)
			take(engine, &event);
	}
}
