/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The datagram socket of the journal or of syslog. sd-journal and syslog(3) are not used,
 * because both block while the receiver is busy, and neither reports a missing receiver.
 */
#ifndef MAZE_DAEMON_LOG_SOCKET_H
#define MAZE_DAEMON_LOG_SOCKET_H

#include <stddef.h>

/* Returns a connected descriptor or -errno. */
int log_socket_open(const char *path);
/*
 * Sends one datagram or fails, but never blocks. Connects again if the receiver
 * restarted.
 */
int log_socket_send(int fd, const char *path, const char *bytes, size_t length);

#endif
