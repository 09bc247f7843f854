/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This sink sends to syslog with the facility `daemon`, in the format of syslog(3).
 * syslog(3) is not used, because it blocks while /dev/log is full and drops messages if
 * no receiver runs.
 */
#include "log_sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syslog.h>
#include <time.h>
#include <unistd.h>

#include "../../base/error.h"
#include "log_socket.h"

#define SYSLOG_SOCKET "/dev/log"

static int open_syslog(const struct daemon_settings *settings, struct log_target *ret_target,
		       struct maze_error *error)
{
	int fd = log_socket_open(SYSLOG_SOCKET);

	(void)settings;
	if (fd < 0)
		return maze_fail(error, fd,
				 "cannot connect to syslog at %s: %s; without a syslog daemon, "
				 "[daemon] needs \"log = journal\" or \"log = PATH\"",
				 SYSLOG_SOCKET,
				 fd == -EPROTOTYPE ? "not a datagram socket" : strerror(-fd));
	*ret_target = (struct log_target){ .fd = fd };
	return 0;
}

/* RFC 3164 requires these names. strftime(3) would use those of the locale. */
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static int render(const struct log_message *message, char *buf, size_t size)
{
	time_t now = time(NULL);
	struct tm local;
	int length;

	if (!localtime_r(&now, &local))
		localtime_r(&(time_t){ 0 }, &local);
	length = snprintf(buf, size, "<%d>%s %2d %02d:%02d:%02d mazed[%d]: %s",
			  LOG_DAEMON | message->priority, months[local.tm_mon], local.tm_mday,
			  local.tm_hour, local.tm_min, local.tm_sec, getpid(), message->text);
	if (length < 0 || (size_t)length >= size)
		return -ENOBUFS;
	return length;
}

static int send_syslog(struct log_target *target, const char *bytes, size_t length)
{
	return log_socket_send(target->fd, SYSLOG_SOCKET, bytes, length);
}

const struct log_sink log_syslog = {
	.name = "syslog",
	.open = open_syslog,
	.render = render,
	.send = send_syslog,
};
