/* SPDX-License-Identifier: GPL-2.0-only */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "error.h"
#include "proc_files.h"

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

/* Counts the ".." at the start of a path, and skips them. */
static unsigned int skip_parents(const char **path)
{
	unsigned int count;

	for (count = 0; !strncmp(*path, "/..", 3) && (!(*path)[3] || (*path)[3] == '/'); count++)
		*path += strlen("/..");
	return count;
}

/*
 * True for a mount of a tree that has the root of the reader's namespace *ret_depth levels
 * below its own root. *ret_point is the mount point.
 */
static bool is_cgroup2(char *line, char **ret_point, unsigned int *ret_depth)
{
	char *kind = strstr(line, " - cgroup2 ");
	const char *root = NULL;
	int i;

	if (!kind)
		return false;
	for (i = 0; i < 4; i++)
		root = strsep(&line, " ");
	*ret_point = strsep(&line, " ");
	if (!root || !*ret_point)
		return false;
	unescape(*ret_point);
	/* In a namespace of its own, the reader sees the root of the whole tree as "/../..". */
	*ret_depth = skip_parents(&root);
	/* Skip a mount of a subtree. Its paths differ from those in /proc/PID/cgroup. */
	return *ret_depth ? !*root : !strcmp(root, "/");
}

/* Opens the first mount that is_wanted(fd, depth) accepts. Returns a descriptor or -errno. */
static int open_mount(bool (*is_wanted)(int fd, unsigned int depth), struct maze_error *error)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[MOUNT_LINE_SIZE], *point;
	unsigned int depth;
	int fd = -ENOENT;

	if (!file)
		return maze_fail(error, -errno, "cannot read /proc/self/mountinfo: %s",
				 strerror(errno));
	while (fd < 0 && fgets(line, sizeof(line), file)) {
		if (!is_cgroup2(line, &point, &depth))
			continue;
		fd = open(point, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			fd = -errno;
		} else if (!is_wanted(fd, depth)) {
			close(fd);
			fd = -ENOENT;
		}
	}
	fclose(file);
	return fd >= 0 ? fd
		       : maze_fail(error, fd,
				   "cgroups of version 2 are not mounted, or not visible here");
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
	bool skip_users;		     /* directories of users, who can make any number */
	uid_t owner;			     /* of the root */
	int dir;			     /* of the current process */
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
	walk->dir = dir;
	while (!walk->stopped && fscanf(procs, "%d", &pid) == 1 && take(walk, &walk->processes))
		walk->stopped = !walk->each((pid_t)pid, walk->arg);
	/* The processes of a threaded cgroup cannot be read. */
	walk->complete &= !ferror(procs);
	fclose(procs);
}

static bool is_skipped(const struct walk *walk, int dir)
{
	struct stat status;

	return walk->skip_users && !fstat(dir, &status) && status.st_uid != walk->owner &&
	       status.st_uid != geteuid();
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
		if (fd < 0)
			walk->complete &= was_removed(errno);
		else if (is_skipped(walk, fd))
			close(fd);
		else
			walk_cgroups(walk, fd, depth + 1);
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

/* ---- the reader's own namespace ------------------------------------------------------- */

/* The root of the reader's own namespace, in the mount of the tree that contains it. */
static struct {
	unsigned int depth;
	char path[PATH_MAX];
} own_root;

struct search {
	struct walk walk;
	const struct cgroup_fs *fs;
	char path[PATH_MAX];
};

static bool find_path(pid_t pid, void *arg)
{
	struct search *search = arg;

	return pid != getpid() || !cgroup_path(search->fs, search->walk.dir, search->path);
}

/* Returns the end of the first `levels` names of a path. */
static const char *skip_names(const char *path, unsigned int levels)
{
	while (levels-- && *path)
		path = strchrnul(path + 1, '/');
	return path;
}

static int from_own_root(char *path, size_t size)
{
	const char *rest = path;
	unsigned int up = skip_parents(&rest);
	size_t kept, length;

	if (path[0] != '/' || up > own_root.depth)
		return 0;
	if (!strcmp(rest, "/"))
		rest++;
	kept = (size_t)(skip_names(own_root.path, own_root.depth - up) - own_root.path);
	length = strlen(rest);
	if (kept + length >= size)
		return -ENAMETOOLONG;
	memmove(path + kept, rest, length + 1);
	memcpy(path, own_root.path, kept);
	if (!path[0])
		memcpy(path, "/", 2);
	return 0;
}

/*
 * The kernel tells how deep the root of the namespace is, but not its name. So the reader
 * searches for itself. Its own path then must be that which was found.
 */
static bool is_above_reader(int fd, unsigned int depth)
{
	const struct cgroup_fs fs = { .fd = fd };
	struct search search = { .fs = &fs,
				 .walk = { .each = find_path,
					   .arg = &search,
					   .skip_users = true,
					   .directories = UINT_MAX,
					   .processes = UINT_MAX } };
	int dir = depth ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	char own[PROC_CGROUP_SIZE];
	struct stat status;

	if (dir < 0)
		return false;
	if (!fstat(dir, &status))
		search.walk.owner = status.st_uid;
	walk_cgroups(&search.walk, dir, 0);
	own_root.depth = depth;
	snprintf(own_root.path, sizeof(own_root.path), "%.*s",
		 (int)(skip_names(search.path, depth) - search.path), search.path);
	if (!proc_cgroup_in_namespace(AT_FDCWD, "/proc/self/cgroup", own) && is_plain(own) &&
	    !from_own_root(own, sizeof(own)) && !strcmp(own, search.path))
		return true;
	own_root.depth = 0;
	return false;
}

static void search_own_root(void)
{
	int fd = open_mount(is_above_reader, NULL);

	if (fd >= 0)
		close(fd);
}

static void find_own_root(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, search_own_root);
}

static bool is_above_own_root(int fd, unsigned int depth)
{
	(void)fd;
	return depth == own_root.depth;
}

int cgroup_fs_open(struct cgroup_fs *ret_fs, struct maze_error *error)
{
	int fd;

	find_own_root();
	fd = open_mount(is_above_own_root, error);
	if (fd < 0)
		return fd;
	ret_fs->fd = fd;
	return 0;
}

void cgroup_fs_close(struct cgroup_fs *fs)
{
	if (fs->fd >= 0)
		close(fs->fd);
	fs->fd = -1;
}

int cgroup_path_in_mount(char *path, size_t size)
{
	find_own_root();
	return own_root.depth ? from_own_root(path, size) : 0;
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
