/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking bytes from a stranger's socket without taking his time.
 *
 * Descriptors that come along (SCM_RIGHTS) are dropped by the kernel in our context, and
 * to drop the last one of a socket that lingers (SO_LINGER, socket(7)) waits as long as
 * whoever set it likes. Signals end such a wait; so a timer's signal goes round every
 * call that can drop descriptors, which then takes 10 ms at most.
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

/* For the calling thread, which must not block SIGALRM, and has no other use for it. */
int control_io_open(struct control_io *io);
void control_io_close(struct control_io *io);

/*
 * As recv(2) without waiting: how many bytes, 0 at the end, -EAGAIN, or -errno;
 * -EPERM: descriptors came along, and were dropped.
 */
ssize_t control_io_receive(struct control_io *io, int fd, char *buf, size_t size);
/* Closes a client's socket, and drops what is still on the way in it. */
void control_io_hang_up(struct control_io *io, int fd);

#endif
