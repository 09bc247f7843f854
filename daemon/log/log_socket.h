/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A socket that a log listens on for datagrams: the journal's and syslog's. The calls
 * of sd-journal and syslog(3) are not used, because both wait as long as the other
 * side is busy, and both keep silent when nobody listens.
 */
#ifndef MAZE_DAEMON_LOG_SOCKET_H
#define MAZE_DAEMON_LOG_SOCKET_H

#include <stddef.h>

/* A connected descriptor, or -errno. */
int log_socket_open(const char *path);
/* Sends one datagram, at once or not at all; connects anew if the other side did. */
int log_socket_send(int fd, const char *path, const char *bytes, size_t length);

#endif
