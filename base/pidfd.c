/* SPDX-License-Identifier: GPL-2.0-only */
#include "pidfd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

bool pidfd_has_ended(int pidfd)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };

	return poll(&ended, 1, 0) > 0;
}

bool pidfd_is_reaped(int pidfd)
{
	/* EPERM means that it exists. */
	return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) && errno == ESRCH;
}

pid_t pidfd_pid(int pidfd)
{
	char path[64], line[256];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (!pid && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pid: %d", &pid) != 1)
			pid = 0;
	fclose(file);
	return pid > 0 ? pid : 0;
}
