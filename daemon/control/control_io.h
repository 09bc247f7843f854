/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receives from a client's socket without being blocked by the client.
 *
 * The kernel closes passed descriptors (SCM_RIGHTS) in the context of the receiver, and
 * closing the last one of a socket with SO_LINGER (socket(7)) waits for the time that its
 * owner has set. A signal ends this wait. So a timer sends a signal after 10 ms to each
 * call that can close descriptors.
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

/* For the calling thread, which must not block SIGALRM or use it otherwise. */
int control_io_open(struct control_io *io);
void control_io_close(struct control_io *io);

/*
 * Like recv(2) without blocking: the number of bytes, 0 at the end, -EAGAIN, or -errno;
 * -EPERM: descriptors were passed, and closed.
 */
ssize_t control_io_receive(struct control_io *io, int fd, char *buf, size_t size);
/* Closes a client's socket, with the messages and descriptors still queued in it. */
void control_io_hang_up(struct control_io *io, int fd);

#endif
