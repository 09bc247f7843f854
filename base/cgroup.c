/* SPDX-License-Identifier: GPL-2.0-only */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "error.h"

/* Enough for a line of mountinfo, which has two paths and the mount options. */
#define MOUNT_LINE_SIZE (3 * PATH_MAX)
/* A user can nest cgroups, and each level takes three system calls. */
#define QUOTA_LEVELS 32

/* The kernel's maximum depth is unlimited by default. */
#define DEPTH_MAX 32

/* In mountinfo, a blank in a path is written as a backslash and three octal digits. */
static void unescape(char *text)
{
	char *from = text, *to = text;

	while (*from) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to++ = (char)(((from[1] - '0') << 6) + ((from[2] - '0') << 3) +
				       (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* True for a mount of the whole cgroup2 tree. *ret_point is its mount point. */
static bool is_cgroup2(char *line, char **ret_point)
{
	char *kind = strstr(line, " - cgroup2 "), *root = line, *point, *end;
	int i;

	if (!kind)
		return false;
	for (i = 0; root && i < 3; i++)
		root = strchr(root + 1, ' ');
	/* Skip a mount of a subtree. Its paths differ from those in /proc/PID/cgroup. */
	if (!root || strncmp(root, " / ", 3) != 0)
		return false;
	point = root + 3;
	end = strchr(point, ' ');
	if (!end)
		return false;
	*end = '\0';
	unescape(point);
	*ret_point = point;
	return true;
}

int cgroup_fs_open(struct cgroup_fs *ret_fs, struct maze_error *error)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[MOUNT_LINE_SIZE], *point;
	int fd = -ENOENT;

	if (!file)
		return maze_fail(error, -errno, "cannot read /proc/self/mountinfo: %s",
				 strerror(errno));
	while (fd < 0 && fgets(line, sizeof(line), file)) {
		if (!is_cgroup2(line, &point))
			continue;
		fd = open(point, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	fclose(file);
	if (fd < 0)
		return maze_fail(error, fd,
				 "cgroups of version 2 are not mounted, or not visible here");
	ret_fs->fd = fd;
	return 0;
}

void cgroup_fs_close(struct cgroup_fs *fs)
{
	if (fs->fd >= 0)
		close(fs->fd);
	fs->fd = -1;
}

/* True for "/" and for "/a/b", but not if a part of the path is ".", ".." or empty. */
static bool is_plain(const char *path)
{
	const char *part, *end;

	if (path[0] != '/')
		return false;
	if (!path[1])
		return true;
	for (part = path; *part; part = end) {
		part++;
		end = strchrnul(part, '/');
		if (end == part || (end - part <= 2 && !strncmp(part, "..", (size_t)(end - part))))
			return false;
	}
	return true;
}

int cgroup_open(const struct cgroup_fs *fs, const char *path)
{
	int fd;

	if (fs->fd < 0)
		return -ENOENT;
	if (!is_plain(path))
		return -EINVAL;
	fd = openat(fs->fd, path[1] ? path + 1 : ".",
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static bool read_link(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, PATH_MAX - 1);
	path[length > 0 ? length : 0] = '\0';
	return length > 0;
}

bool cgroup_path(const struct cgroup_fs *fs, int dir, char path[PATH_MAX])
{
	char root[PATH_MAX];
	size_t length;

	if (!read_link(fs->fd, root) || !read_link(dir, path) || !cgroup_contains(root, path))
		return false;
	length = strlen(root);
	memmove(path, path + length, strlen(path + length) + 1);
	if (!path[0])
		memcpy(path, "/", 2);
	return true;
}

struct walk {
	bool (*each)(pid_t pid, void *arg);
	void *arg;
	unsigned int directories, processes; /* that may still be read */
	bool complete, stopped;
};

/* Stops the walk if nothing is left. */
static bool take(struct walk *walk, unsigned int *left)
{
	if (*left) {
		--*left;
		return true;
	}
	walk->complete = false;
	walk->stopped = true;
	return false;
}

/* A directory can be removed meanwhile. */
static bool was_removed(int err)
{
	return err == ENOENT || err == ENODEV;
}

static void walk_processes(struct walk *walk, int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC), pid;
	FILE *procs = fd < 0 ? NULL : fdopen(fd, "r");

	if (!procs) {
		walk->complete &= was_removed(errno);
		if (fd >= 0)
			close(fd);
		return;
	}
	while (!walk->stopped && fscanf(procs, "%d", &pid) == 1 && take(walk, &walk->processes))
		walk->stopped = !walk->each((pid_t)pid, walk->arg);
	/* The processes of a threaded cgroup cannot be read. */
	walk->complete &= !ferror(procs);
	fclose(procs);
}

/* Closes `dir`. */
static void walk_cgroups(struct walk *walk, int dir, int depth)
{
	struct dirent *entry;
	DIR *below;
	int fd;

	walk_processes(walk, dir);
	below = depth == DEPTH_MAX ? NULL : fdopendir(dir);
	if (!below) {
		walk->complete = false;
		close(dir);
		return;
	}
	while (!walk->stopped && (entry = readdir(below))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (!take(walk, &walk->directories))
			break;
		fd = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0)
			walk_cgroups(walk, fd, depth + 1);
		else
			walk->complete &= was_removed(errno);
	}
	closedir(below);
}

bool cgroup_each_process(int dir, bool (*each)(pid_t pid, void *arg), void *arg)
{
	struct walk walk = { .each = each,
			     .arg = arg,
			     .directories = CGROUP_WALK_DIRECTORIES_MAX - 1,
			     .processes = CGROUP_WALK_PROCESSES_MAX,
			     .complete = true };
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return was_removed(errno);
	walk_cgroups(&walk, fd, 0);
	return walk.complete;
}

/* The ID is the 64-bit inode number of the directory, which is never reused. */
maze_u64 cgroup_id(int fd)
{
	struct stat status;

	return fstat(fd, &status) ? 0 : status.st_ino;
}

bool cgroup_stat(const struct cgroup_fs *fs, const char *path, maze_u64 *ret_id, uid_t *ret_owner)
{
	struct stat status;

	if (fs->fd < 0 || !is_plain(path) ||
	    fstatat(fs->fd, path[1] ? path + 1 : ".", &status, AT_SYMLINK_NOFOLLOW))
		return false;
	*ret_id = status.st_ino;
	*ret_owner = status.st_uid;
	return true;
}

bool cgroup_contains(const char *path, const char *other)
{
	size_t length = strlen(path);

	if (!strcmp(path, "/"))
		return true;
	return !strncmp(path, other, length) && (!other[length] || other[length] == '/');
}

int cgroup_read(int fd, const char *file, char *buf, size_t size)
{
	int file_fd = openat(fd, file, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t length;

	if (file_fd < 0)
		return -errno;
	length = read(file_fd, buf, size - 1);
	if (length < 0)
		err = -errno;
	close(file_fd);
	if (err)
		return err;
	if (length && buf[length - 1] == '\n')
		length--;
	buf[length] = '\0';
	return 0;
}

int cgroup_write(int fd, const char *file, const char *text)
{
	int file_fd = openat(fd, file, O_WRONLY | O_CLOEXEC), err = 0;

	if (file_fd < 0)
		return -errno;
	if (write(file_fd, text, strlen(text)) < 0)
		err = -errno;
	close(file_fd);
	return err;
}

bool cgroup_has_cpu_quota(const struct cgroup_fs *fs, const char *path)
{
	char file[PATH_MAX], value[64];
	const char *end = path;
	int level;

	if (fs->fd < 0 || !is_plain(path))
		return false;
	for (level = 0; *end && level < QUOTA_LEVELS; level++) {
		end = strchrnul(end + 1, '/');
		if ((size_t)snprintf(file, sizeof(file), "%.*s/cpu.max", (int)(end - path - 1),
				     path + 1) >= sizeof(file))
			return false;
		if (!cgroup_read(fs->fd, file, value, sizeof(value)) &&
		    strncmp(value, "max", 3) != 0)
			return true;
	}
	return false;
}

/*
 * systemd marks a delegated cgroup with the extended attribute trusted.delegate, and
 * since version 251 also with user.delegate.
 */
bool cgroup_is_delegated(int fd)
{
	static const char *const names[] = { "user.delegate", "trusted.delegate" };
	char value[2];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fgetxattr(fd, names[i], value, sizeof(value)) == 1 && value[0] == '1')
			return true;
	return false;
}
