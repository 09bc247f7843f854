/* SPDX-License-Identifier: GPL-2.0-only */
#include "command_groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../base/error.h"
#include "../../rules/subject.h"

#define NAME_PREFIX "maze-command-"

/* Opens mazed's own cgroup. Fails if systemd has not delegated it. */
static int open_own(const struct cgroup_fs *fs, struct maze_error *error)
{
	struct subject *subject = malloc(sizeof(*subject));
	struct subject_source source;
	int err, fd = -1;

	if (!subject)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = subject_open(getpid(), 0, &source, subject, error);
	if (!err) {
		err = subject_read(&source, FACT_CGROUP, subject, error);
		subject_close(&source);
	}
	if (!err) {
		fd = cgroup_open(fs, subject->cgroup);
		if (fd < 0)
			err = maze_fail(error, fd, "cannot open the cgroup %.200s: %s",
					subject->cgroup, strerror(-fd));
	}
	if (!err && (!subject->cgroup[1] || !cgroup_is_delegated(fd))) {
		err = maze_fail(error, -EPERM,
				"the cgroup %.200s is not delegated to mazed (Delegate=yes)",
				subject->cgroup);
		close(fd);
	}
	free(subject);
	return err ? err : fd;
}

/*
 * If an earlier mazed was killed, its commands may still run. Their timeouts are lost, so
 * this function kills them.
 */
static void sweep(const struct command_groups *groups)
{
	int fd = openat(groups->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct command_group group;
	struct dirent *entry;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory))) {
		if (strncmp(entry->d_name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0 ||
		    strlen(entry->d_name) >= sizeof(group.name))
			continue;
		snprintf(group.name, sizeof(group.name), "%.*s", (int)sizeof(group.name) - 1,
			 entry->d_name);
		group.fd = openat(groups->fd, group.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (group.fd < 0)
			continue;
		command_group_kill(&group);
		/* A group that is not empty yet stays. The next mazed removes it. */
		if (!command_group_remove(groups, &group))
			close(group.fd);
	}
	closedir(directory);
}

int command_groups_open(struct command_groups *groups, const struct cgroup_fs *fs, const char *path,
			struct maze_error *error)
{
	int fd;

	*groups = (struct command_groups){ .fd = -1 };
	if (path) {
		fd = cgroup_open(fs, path);
		if (fd < 0)
			return maze_fail(error, fd, "cannot open the cgroup %.200s: %s", path,
					 strerror(-fd));
	} else {
		fd = open_own(fs, error);
		if (fd < 0)
			return fd;
	}
	groups->fd = fd;
	sweep(groups);
	return 0;
}

void command_groups_close(struct command_groups *groups)
{
	if (groups->fd >= 0)
		close(groups->fd);
	groups->fd = -1;
}

int command_group_make(struct command_groups *groups, struct command_group *ret_group)
{
	int err = 0;

	ret_group->fd = -1;
	if (groups->fd < 0)
		return -ENOENT;
	snprintf(ret_group->name, sizeof(ret_group->name), NAME_PREFIX "%d-%u", getpid(),
		 groups->next++);
	if (mkdirat(groups->fd, ret_group->name, 0755))
		return -errno;
	ret_group->fd = openat(groups->fd, ret_group->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Linux before 5.14 has no cgroup.kill, so mazed could not kill the group. */
	if (ret_group->fd < 0 || faccessat(ret_group->fd, "cgroup.kill", W_OK, 0))
		err = -errno;
	if (err) {
		if (ret_group->fd >= 0)
			close(ret_group->fd);
		ret_group->fd = -1;
		unlinkat(groups->fd, ret_group->name, AT_REMOVEDIR);
	}
	return err;
}

void command_group_kill(const struct command_group *group)
{
	if (group->fd >= 0)
		cgroup_write(group->fd, "cgroup.kill", "1");
}

bool command_group_remove(const struct command_groups *groups, struct command_group *group)
{
	if (group->fd < 0)
		return true;
	if (unlinkat(groups->fd, group->name, AT_REMOVEDIR) && errno != ENOENT)
		return false;
	close(group->fd);
	group->fd = -1;
	return true;
}
