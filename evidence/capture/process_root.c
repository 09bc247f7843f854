/* SPDX-License-Identifier: GPL-2.0-only */
#include "process_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int process_root_open(const struct process_info *live)
{
	int fd;

	if (live && live->proc_fd >= 0)
		fd = openat(live->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	else
		fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int process_root_open_first(void)
{
	int fd = open("/proc/1/root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Checks the type before it opens the file, because opening a device has side effects. */
int process_root_open_file(int root_fd, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int found = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how)), fd;
	struct stat status;
	char link[64];

	if (found < 0)
		return -errno;
	if (fstat(found, &status)) {
		fd = -errno;
	} else if (!S_ISREG(status.st_mode)) {
		fd = -EINVAL;
	} else {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
		fd = open(link, O_RDONLY | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	close(found);
	return fd;
}
