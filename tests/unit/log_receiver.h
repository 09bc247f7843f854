/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the log: sockets at the real paths of the journal and of syslog, in
 * private file systems. Include it after log_case.h.
 */
#ifndef MAZE_TEST_LOG_RECEIVER_H
#define MAZE_TEST_LOG_RECEIVER_H

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "private_mounts.h"
#include "skip.h"

#define JOURNAL_DIR "/run/systemd/journal"
#define JOURNAL_SOCKET JOURNAL_DIR "/socket"

/* Listens at `path`, and replaces a former socket. */
static inline int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The next message as a string; "": there is none. */
static inline const char *receive(int fd)
{
	static char text[16384];
	ssize_t length = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

/* A private /run, once; false: the test is skipped. */
static inline bool private_run(void)
{
	static int state;

	if (!state)
		state = private_tmpfs("/run") && !mkdir("/run/systemd", 0755) &&
					!mkdir(JOURNAL_DIR, 0755)
				? 1
				: -1;
	return state > 0;
}

/* A log whose journal is *ret_journal. Skips the test where /run cannot be private. */
static inline struct log *open_journal(int *ret_journal)
{
	if (!private_run())
		skip_because("%s", private_mounts_why);
	*ret_journal = listen_at(JOURNAL_SOCKET);
	return open_log(DAEMON_LOG_JOURNAL, NULL);
}

#endif
