/* SPDX-License-Identifier: GPL-2.0-only */
#include "machine_info.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"

/* FILEID_KERNFS of linux/exportfs.h: the handle of a cgroup is its inode number. */
#define KERNFS_HANDLE 0xfe
#define CGROUP_ROOT "/sys/fs/cgroup"

void machine_info_read(struct machine_info *ret_machine)
{
	struct machine_info machine = { .cpus = sysconf(_SC_NPROCESSORS_ONLN) };
	struct utsname name;

	if (!uname(&name))
		snprintf(machine.kernel, sizeof(machine.kernel), "%s", name.release);
	if (getloadavg(machine.load, 3) != 3)
		memset(machine.load, 0, sizeof(machine.load));
	machine.uptime_s = now_ns(CLOCK_BOOTTIME) / MAZE_NSEC_PER_SEC;
	*ret_machine = machine;
}

static int open_cgroup(maze_u64 inode)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(inode)];
	} by_number = { .handle = { .handle_bytes = sizeof(inode), .handle_type = KERNFS_HANDLE } };
	int root = open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (root < 0)
		return -errno;
	memcpy(by_number.handle.f_handle, &inode, sizeof(inode));
	fd = open_by_handle_at(root, &by_number.handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(root);
	return fd;
}

char *machine_info_cgroup_path(maze_u64 inode)
{
	char link[64], path[PATH_MAX];
	int fd = inode ? open_cgroup(inode) : -ENOENT;
	ssize_t length;

	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	close(fd);
	if (length < (ssize_t)strlen(CGROUP_ROOT))
		return NULL;
	path[length] = '\0';
	if (strncmp(path, CGROUP_ROOT, strlen(CGROUP_ROOT)) != 0)
		return NULL;
	return strdup(path[strlen(CGROUP_ROOT)] ? path + strlen(CGROUP_ROOT) : "/");
}
