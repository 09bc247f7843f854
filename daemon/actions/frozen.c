/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of the list has one line for each frozen cgroup: ID BOOT_NS PID RULE CGROUP.
 * The name of a rule has no blanks. The path of a cgroup may contain any byte but a
 * newline, so it comes last.
 */
#include "frozen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/error.h"

#define RULE_SIZE 65

static void free_group(struct frozen_group *group)
{
	free(group->rule);
	free(group->cgroup);
}

void frozen_close(struct frozen *frozen)
{
	size_t i;

	if (!frozen)
		return;
	for (i = 0; i < frozen->count; i++)
		free_group(&frozen->groups[i]);
	free(frozen->groups);
	free(frozen->path);
	free(frozen);
}

/* Adds a copy of the group to the list in memory, but not to the file. */
static int append(struct frozen *frozen, const struct frozen_group *group)
{
	struct frozen_group copy = *group, *groups;

	copy.rule = strdup(group->rule);
	copy.cgroup = strdup(group->cgroup);
	groups = reallocarray(frozen->groups, frozen->count + 1, sizeof(*groups));
	if (groups)
		frozen->groups = groups;
	if (!copy.rule || !copy.cgroup || !groups) {
		free_group(&copy);
		return -ENOMEM;
	}
	frozen->groups[frozen->count++] = copy;
	return 0;
}

static void remove_entry(struct frozen *frozen, size_t index)
{
	frozen->count--;
	memmove(frozen->groups + index, frozen->groups + index + 1,
		(frozen->count - index) * sizeof(*frozen->groups));
}

/* ---- the file ---------------------------------------------------------------------- */

static bool parse_line(char *line, struct frozen_group *ret_group, char rule[RULE_SIZE])
{
	int at = 0;

	if (sscanf(line, "%llu %llu %u %64s %n", &ret_group->id, &ret_group->boot_ns,
		   &ret_group->pid, rule, &at) != 4 ||
	    line[at] != '/')
		return false;
	line[strcspn(line, "\n")] = '\0';
	ret_group->rule = rule;
	ret_group->cgroup = line + at;
	return true;
}

static int read_lines(struct frozen *frozen, FILE *file, struct maze_error *error)
{
	char line[PATH_MAX + 256], rule[RULE_SIZE];
	struct frozen_group group;

	while (fgets(line, sizeof(line), file)) {
		if (frozen->count == FROZEN_MAX || !parse_line(line, &group, rule))
			return maze_fail(
				error, -EINVAL,
				"%s is not a list of frozen cgroups of mazed; thaw them by hand, "
				"and remove the file",
				frozen->path);
		if (append(frozen, &group))
			return maze_fail(error, -ENOMEM, "out of memory");
	}
	return 0;
}

int frozen_open(const char *path, struct frozen **ret_frozen, struct maze_error *error)
{
	struct frozen *frozen = calloc(1, sizeof(*frozen));
	FILE *file;
	int err = 0;

	if (!frozen)
		return maze_fail(error, -ENOMEM, "out of memory");
	frozen->path = strdup(path);
	if (!frozen->path) {
		free(frozen);
		return maze_fail(error, -ENOMEM, "out of memory");
	}
	file = fopen(path, "re");
	if (file) {
		err = read_lines(frozen, file, error);
		fclose(file);
	} else if (errno != ENOENT) {
		err = maze_fail(error, -errno, "cannot read %s: %s", path, strerror(errno));
	}
	if (err) {
		frozen_close(frozen);
		return err;
	}
	*ret_frozen = frozen;
	return 0;
}

static int write_lines(const struct frozen *frozen, const char *path)
{
	const struct frozen_group *group;
	FILE *file;
	size_t i;
	int fd, err = 0;

	/* A mazed that was killed may have left this file. */
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	for (i = 0; i < frozen->count; i++) {
		group = &frozen->groups[i];
		fprintf(file, "%llu %llu %u %s %s\n", group->id, group->boot_ns, group->pid,
			group->rule, group->cgroup);
	}
	if (ferror(file))
		err = -EIO;
	if (fclose(file))
		err = -errno;
	return err;
}

static int save(const struct frozen *frozen, struct maze_error *error)
{
	char path[PATH_MAX];
	int err;

	if ((size_t)snprintf(path, sizeof(path), "%s.new", frozen->path) >= sizeof(path))
		return maze_fail(error, -ENAMETOOLONG, "the path %.64s... is too long", path);
	err = write_lines(frozen, path);
	if (!err && rename(path, frozen->path))
		err = -errno;
	if (err) {
		unlink(path);
		return maze_fail(error, err, "cannot write the list of frozen cgroups to %s: %s",
				 frozen->path, strerror(-err));
	}
	return 0;
}

/* ---- memory and file --------------------------------------------------------------- */

int frozen_add(struct frozen *frozen, const struct frozen_group *group, struct maze_error *error)
{
	int err;

	if (frozen->count == FROZEN_MAX)
		return maze_fail(error, -ENOSPC,
				 "mazed has frozen %d cgroups, which is the maximum", FROZEN_MAX);
	err = append(frozen, group);
	if (err)
		return maze_fail(error, err, "out of memory");
	err = save(frozen, error);
	if (err) {
		free_group(&frozen->groups[frozen->count - 1]);
		remove_entry(frozen, frozen->count - 1);
	}
	return err;
}

int frozen_remove(struct frozen *frozen, size_t index, struct maze_error *error)
{
	struct frozen_group group = frozen->groups[index];
	int err;

	remove_entry(frozen, index);
	err = save(frozen, error);
	if (err) {
		frozen->groups[frozen->count++] = group;
		return err;
	}
	free_group(&group);
	return 0;
}

size_t frozen_find(const struct frozen *frozen, maze_u64 id)
{
	size_t i;

	for (i = 0; i < frozen->count; i++)
		if (frozen->groups[i].id == id)
			break;
	return i;
}
