/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses /proc/PID/fdinfo/FD and the lines of /proc/PID/net/tcp and udp (proc(5)). */
#ifndef MAZE_EVIDENCE_FDINFO_H
#define MAZE_EVIDENCE_FDINFO_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/types.h"

/* The watches of an epoll instance beyond these are only counted. */
#define FDINFO_WATCHES_MAX 16
/* Room for "[address]:port". */
#define FDINFO_ADDRESS_MAX 56

struct fdinfo_watch {
	int fd;
	maze_u32 events;
	maze_u64 inode;
};

/* A missing value is 0. */
struct fdinfo {
	maze_u64 position;
	maze_u32 flags; /* as in open(2) */
	maze_u64 inode;
	maze_u64 count;	  /* of an eventfd */
	maze_u64 ticks;	  /* expirations of a timerfd that were not read */
	maze_u64 signals; /* of a signalfd; bit 0: signal 1 */
	maze_u64 pid;	  /* of a pidfd */
	struct fdinfo_watch watches[FDINFO_WATCHES_MAX]; /* of an epoll instance */
	size_t watches_count;
	size_t watches_total;
};

/* `text` ends with a NUL. Ignores lines that it does not know or that are invalid. */
void fdinfo_parse(const char *text, struct fdinfo *ret_info);

struct net_socket {
	char local[FDINFO_ADDRESS_MAX], remote[FDINFO_ADDRESS_MAX];
	unsigned int state; /* as TCP_LISTEN in <netinet/tcp.h> */
	maze_u32 unsent;    /* bytes */
	maze_u32 unread;    /* bytes; of a listening socket: connections to accept */
	maze_u64 inode;
};

/* Returns false for the heading or an invalid line. */
bool net_line_parse(const char *line, struct net_socket *ret_socket);

#endif
