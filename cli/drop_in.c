/* SPDX-License-Identifier: GPL-2.0-only */
/* The caller has checked the name of the unit, so that no path leaves `directory`. */
#include "drop_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/error.h"

/* systemd reads only names that end with ".conf". */
#define PART_NAME ".maze.conf.part"

const char *drop_in_path(const char *directory, const char *unit, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.d/" DROP_IN_NAME, directory, unit);
	return path;
}

static int fail(struct maze_error *error, int err, const char *what, const char *directory,
		const char *unit)
{
	char path[PATH_MAX];

	return maze_fail(error, err, "cannot %s %s: %s", what, drop_in_path(directory, unit, path),
			 strerror(-err));
}

/* Opens UNIT.d. A link there would lead elsewhere. */
static int open_directory(const char *directory, const char *unit, bool create)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.d", directory, unit);
	/* /run/systemd/system may not exist yet, and /etc/systemd/system always does. */
	if (create &&
	    ((mkdir(directory, 0755) && errno != EEXIST) || (mkdir(path, 0755) && errno != EEXIST)))
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* 1: it has the mark. 0: there is no file. -EEXIST: it has no mark. -errno: else. */
static int check_mark(int dir)
{
	char text[sizeof(DROP_IN_MARK)] = "";
	int fd = openat(dir, DROP_IN_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno == ELOOP ? -EEXIST : -errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length < 0)
		return -EEXIST;
	return !strcmp(text, DROP_IN_MARK) ? 1 : -EEXIST;
}

static int fail_mark(struct maze_error *error, int err, const char *directory, const char *unit)
{
	char path[PATH_MAX];

	if (err != -EEXIST)
		return fail(error, err, "read", directory, unit);
	return maze_fail(error, err,
			 "%s was not written by maze protect, and stays as it is; rename or remove "
			 "it",
			 drop_in_path(directory, unit, path));
}

int drop_in_exists(const char *directory, const char *unit, struct maze_error *error)
{
	int dir = open_directory(directory, unit, false), marked;

	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return fail(error, dir, "read", directory, unit);
	marked = check_mark(dir);
	close(dir);
	return marked < 0 ? fail_mark(error, marked, directory, unit) : marked;
}

static int write_part(int dir, const char *text)
{
	int fd, err = 0;

	/* What an interrupted write has left. */
	unlinkat(dir, PART_NAME, 0);
	fd = openat(dir, PART_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	/* Other users read which limits a unit has, whatever the umask is. */
	if (fchmod(fd, 0644) || dprintf(fd, "%s\n%s", DROP_IN_MARK, text) < 0 || fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int drop_in_write(const char *directory, const char *unit, const char *text,
		  struct maze_error *error)
{
	int dir = open_directory(directory, unit, true), err;

	if (dir < 0)
		return fail(error, dir, "write", directory, unit);
	err = check_mark(dir);
	if (err < 0) {
		fail_mark(error, err, directory, unit);
		goto out;
	}
	err = write_part(dir, text);
	if (!err && renameat(dir, PART_NAME, dir, DROP_IN_NAME))
		err = -errno;
	if (!err && fsync(dir))
		err = -errno;
	if (err) {
		unlinkat(dir, PART_NAME, 0);
		fail(error, err, "write", directory, unit);
	}
out:
	close(dir);
	return err;
}

int drop_in_remove(const char *directory, const char *unit, struct maze_error *error)
{
	int dir = open_directory(directory, unit, false), marked;
	char path[PATH_MAX];

	if (dir == -ENOENT)
		return dir;
	if (dir < 0)
		return fail(error, dir, "remove", directory, unit);
	marked = check_mark(dir);
	if (marked > 0 && unlinkat(dir, DROP_IN_NAME, 0))
		marked = -errno;
	close(dir);
	if (marked == -EEXIST)
		return fail_mark(error, marked, directory, unit);
	if (marked < 0)
		return fail(error, marked, "remove", directory, unit);
	if (!marked)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/%s.d", directory, unit);
	/* Drop-ins of others keep it. */
	rmdir(path);
	return 0;
}
