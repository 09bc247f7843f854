/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receives from a client's socket so that the client cannot block mazed.
 *
 * A client can pass descriptors (SCM_RIGHTS). The kernel closes them in the context of
 * the receiver. If a descriptor is the last one of a socket with SO_LINGER (socket(7)),
 * this close waits for the time that the client has set. A signal ends this wait. So each
 * call that can close descriptors runs under a timer, which sends a signal after 10 ms.
 */
#ifndef MAZE_DAEMON_CONTROL_IO_H
#define MAZE_DAEMON_CONTROL_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct control_io {
	timer_t timer;
};

/* The timer's signal goes to the calling thread, which must not block or use SIGALRM. */
int control_io_open(struct control_io *io);
void control_io_close(struct control_io *io);

/*
 * Like recv(2), but does not block. Returns the number of bytes, 0 at the end, or -errno.
 * -EAGAIN: no data yet. -EPERM: the client passed descriptors, and the kernel closed
 * them.
 */
ssize_t control_io_receive(struct control_io *io, int fd, char *buf, size_t size);
/* Closes a client's socket and the descriptors that are still queued in it. */
void control_io_hang_up(struct control_io *io, int fd);

#endif
