/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads what the descriptors of a process are. It opens none of them, and takes no copy of
 * them, because both would change the process: a pipe with one more reader, or a socket
 * that is closed later.
 */
#ifndef MAZE_EVIDENCE_DESCRIPTORS_H
#define MAZE_EVIDENCE_DESCRIPTORS_H

#include <sys/types.h>

#include "fdinfo.h"

#define DESCRIPTORS_MAX 16
#define DESCRIPTOR_PATH_MAX 108 /* of a unix socket */

enum descriptor_kind {
	DESCRIPTOR_CLOSED,
	DESCRIPTOR_FILE,
	DESCRIPTOR_DIRECTORY,
	DESCRIPTOR_DEVICE,
	DESCRIPTOR_FIFO,
	DESCRIPTOR_MEMFD,
	DESCRIPTOR_PIPE,
	DESCRIPTOR_SOCKET,
	DESCRIPTOR_EPOLL,
	DESCRIPTOR_EVENTFD,
	DESCRIPTOR_TIMERFD,
	DESCRIPTOR_SIGNALFD,
	DESCRIPTOR_INOTIFY,
	DESCRIPTOR_ANON, /* another kind without a path */
	DESCRIPTOR_KINDS
};

/* The other end of a pipe or unix socket. */
enum descriptor_other {
	OTHER_UNKNOWN,
	OTHER_HELD, /* by the process other_pid */
	OTHER_GONE, /* no process has it */
};

struct descriptor {
	int fd;
	enum descriptor_kind kind;
	char *target; /* of the link in /proc/PID/fd; NULL: closed */
	bool deleted;
	maze_u64 size; /* of a regular file */
	struct fdinfo info;
	bool has_info; /* `info` was read */
	bool pending;  /* a signal of a signalfd */

	char protocol[16]; /* of a socket, such as "TCP" and "UNIX-STREAM"; "": unknown */
	bool has_net;	   /* `net` is valid; for a unix socket `state` and `unread` */
	bool is_listed;	   /* false: no table has the TCP socket, which is in no state then */
	struct net_socket net;
	char path[DESCRIPTOR_PATH_MAX + 1]; /* of a unix socket or else its peer; "": none */

	enum descriptor_other other;
	pid_t other_pid;
	maze_u64 other_inode; /* of a unix socket's peer; 0: unknown */
};

struct descriptors {
	struct descriptor descriptor[DESCRIPTORS_MAX];
	size_t count;
	bool epoll_skipped; /* an epoll instance may have too many watches to read them */
};

/*
 * Adds the descriptors in `fds`, and those that an epoll instance among them watches,
 * unless they are already there. `proc_fd` is an open /proc/PID/task/TID: the first thread
 * may have ended, and a thread can have descriptors and signals of its own. Returns false,
 * and adds none, if the thread has ended.
 */
bool descriptors_read(int proc_fd, pid_t pid, const int *fds, size_t count,
		      struct descriptors *descriptors);
/* The descriptor with this number, or NULL. */
const struct descriptor *descriptors_find(const struct descriptors *descriptors, int fd);
/* Removes those from descriptors[first] on. */
void descriptors_drop(struct descriptors *descriptors, size_t first);

/* Completes the sockets from descriptors[first] on. Ends at `until_ns` (CLOCK_MONOTONIC). */
void descriptors_read_sockets(int proc_fd, struct descriptors *descriptors, size_t first,
			      maze_u64 until_ns);
/* Finds the other ends of pipes and unix sockets, likewise. */
void descriptors_find_others(int proc_fd, pid_t pid, struct descriptors *descriptors, size_t first,
			     maze_u64 until_ns);

#endif
