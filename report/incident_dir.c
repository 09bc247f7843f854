/* SPDX-License-Identifier: GPL-2.0-only */
#include "incident_dir.h"
#include "incident_file.h"
#include "incident_group.h"
#include "../base/error.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".json"
/* The length of "20261124T204512Z", the first part of an ID. */
#define SECOND_LEN 16

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the ID that the file's name contains, if any. */
static int add(struct incident_dir *dir, const char *name)
{
	size_t length = strlen(name);
	char **grown;

	if (length <= strlen(SUFFIX) || strcmp(name + length - strlen(SUFFIX), SUFFIX) != 0 ||
	    !incident_id_valid(name, length - strlen(SUFFIX)))
		return 0;
	/* The array doubles whenever the count is a power of two. */
	if (!(dir->count & (dir->count - 1))) {
		grown = reallocarray(dir->ids, dir->count ? dir->count * 2 : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		dir->ids = grown;
	}
	dir->ids[dir->count] = strndup(name, length - strlen(SUFFIX));
	if (!dir->ids[dir->count])
		return -ENOMEM;
	dir->count++;
	return 0;
}

static int fail_open(const char *path, int err, struct maze_error *error)
{
	if (err == -ENOENT && !strcmp(path, MAZE_INCIDENT_DIR))
		return maze_fail(error, err,
				 "no directory " MAZE_INCIDENT_DIR ", where mazed keeps incidents; "
				 "use --incidents for another one");
	if (err == -EACCES)
		return maze_fail(error, err,
				 "cannot read %s: %s; only its owner, for mazed root, can read "
				 "incidents",
				 path, strerror(-err));
	return maze_fail(error, err, "cannot read %s: %s", path, strerror(-err));
}

int incident_dir_open(const char *path, struct incident_dir *ret_dir, struct maze_error *error)
{
	struct incident_dir dir = { .path = path, .fd = -1 };
	DIR *stream = opendir(path);
	struct dirent *entry;
	int err = 0;

	if (!stream)
		return fail_open(path, -errno, error);
	dir.fd = dup(dirfd(stream));
	if (dir.fd < 0)
		err = -errno;
	while (!err && (errno = 0, entry = readdir(stream)))
		err = add(&dir, entry->d_name);
	if (!err)
		err = -errno;
	closedir(stream);
	if (err) {
		incident_dir_close(&dir);
		return fail_open(path, err, error);
	}
	if (dir.count)
		qsort(dir.ids, dir.count, sizeof(*dir.ids), compare_ids);
	*ret_dir = dir;
	return 0;
}

void incident_dir_close(struct incident_dir *dir)
{
	size_t i;

	for (i = 0; i < dir->count; i++)
		free(dir->ids[i]);
	free(dir->ids);
	if (dir->fd >= 0)
		close(dir->fd);
	*dir = (struct incident_dir){ .fd = -1 };
}

int incident_dir_load(const struct incident_dir *dir, const char *id,
		      struct incident **ret_incident, struct maze_error *error)
{
	struct maze_error why = { "" };
	char name[NAME_MAX + 1];
	int err;

	snprintf(name, sizeof(name), "%s" SUFFIX, id);
	err = incident_load(dir->fd, name, ret_incident, &why);
	if (err)
		maze_fail(error, err, "%s/%s: %s", dir->path, name, why.text);
	return err;
}

long long incident_began(const struct incident *incident, const char *id)
{
	return incident->records[0].time_ns >= 0 ? incident->records[0].time_ns
						 : incident_id_time(id);
}

const char *incident_id_part(const char *scope, unsigned long long pid, unsigned long long tid,
			     unsigned long long cgroup_id, char part[INCIDENT_PART_MAX])
{
	if (scope)
		snprintf(part, INCIDENT_PART_MAX, "Z-%llu-%.16s-",
			 strcmp(scope, "cgroup") ? pid : cgroup_id, scope);
	else
		snprintf(part, INCIDENT_PART_MAX, "Z-%llu-%llu-", pid, tid);
	return part;
}

long long incident_id_time(const char *id)
{
	struct tm utc = { 0 };
	const char *end = strptime(id, "%Y%m%dT%H%M%SZ", &utc);

	return end && end == id + SECOND_LEN && utc.tm_year >= 70
		       ? timegm(&utc) * (long long)MAZE_NSEC_PER_SEC
		       : 0;
}

/* Finds the newest incident. Reads the times in the files if IDs have the same second. */
static int find_last(const struct incident_dir *dir, const char **ret_id, struct maze_error *error)
{
	const char *newest = dir->ids[dir->count - 1], *last = newest;
	long long began = -1;
	struct incident *incident;
	size_t i;
	int err;

	for (i = dir->count; i > 0 && !strncmp(dir->ids[i - 1], newest, SECOND_LEN); i--) {
		if (i == dir->count && (i == 1 || strncmp(dir->ids[i - 2], newest, SECOND_LEN)))
			break; /* no other ID has this second */
		err = incident_dir_load(dir, dir->ids[i - 1], &incident, error);
		if (err)
			return err;
		if (incident_began(incident, dir->ids[i - 1]) > began) {
			began = incident_began(incident, dir->ids[i - 1]);
			last = dir->ids[i - 1];
		}
		incident_free(incident);
	}
	err = incident_dir_load(dir, last, &incident, error);
	if (err)
		return err;
	incident_group_leader(dir, incident, last, ret_id);
	incident_free(incident);
	return 0;
}

static bool begins_or_ends(const char *id, const char *word)
{
	size_t id_length = strlen(id), length = strlen(word);

	return length <= id_length &&
	       (!strncmp(id, word, length) || !strcmp(id + id_length - length, word));
}

int incident_dir_find(const struct incident_dir *dir, const char *word, const char **ret_id,
		      struct maze_error *error)
{
	const char *found = NULL;
	size_t i, count = 0;

	if (!incident_id_valid(word, strlen(word)))
		return maze_fail(error, -EINVAL,
				 "invalid incident ID: use letters, digits and \"-\", not a path "
				 "(--incidents names the directory)");
	if (!dir->count)
		return maze_fail(error, -ENOENT, "no incident in %s", dir->path);
	if (!strcmp(word, "last"))
		return find_last(dir, ret_id, error);
	for (i = 0; i < dir->count; i++) {
		if (!strcmp(dir->ids[i], word)) {
			*ret_id = dir->ids[i];
			return 0;
		}
		if (begins_or_ends(dir->ids[i], word) && !count++)
			found = dir->ids[i];
	}
	if (!count)
		return maze_fail(error, -ENOENT,
				 "no ID in %s equals, begins with or ends with %s; maze incidents "
				 "lists them",
				 dir->path, word);
	if (count > 1)
		return maze_fail(error, -ENOTUNIQ,
				 "%zu IDs begin or end with %s, the first is %s; give more of the "
				 "ID",
				 count, word, found);
	*ret_id = found;
	return 0;
}
