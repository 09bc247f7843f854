/* SPDX-License-Identifier: GPL-2.0-only */
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "../../base/proc_files.h"
#include "../../lib/cgroup_origin.h"

struct units {
	struct cgroup_fs fs;
	size_t count;
	maze_u64 uses; /* counts calls, for used[] */
	/* By index. The IDs are apart from the names, because each search reads all of them. */
	maze_u64 ids[UNITS_MAX];
	maze_u64 used[UNITS_MAX];
	uid_t owners[UNITS_MAX];
	struct log_unit names[UNITS_MAX];
	struct log_unit other; /* found without an ID */
};

struct units *units_new(void)
{
	struct units *units = calloc(1, sizeof(*units));

	if (units && cgroup_fs_open(&units->fs, NULL))
		units->fs.fd = -1;
	return units;
}

void units_free(struct units *units)
{
	if (!units)
		return;
	cgroup_fs_close(&units->fs);
	free(units);
}

/* A user chooses the names of control groups in his part of the tree. */
static bool find_names(const char *cgroup, struct log_unit *ret_names)
{
	struct origin origin = { 0 };
	const char *unit = origin.text[ORIGIN_UNIT], *user_unit = origin.text[ORIGIN_USER_UNIT];

	cgroup_origin(cgroup, &origin);
	*ret_names = (struct log_unit){ 0 };
	if (unit_name_is_valid(unit)) {
		snprintf(ret_names->unit, UNIT_NAME_SIZE, "%s", unit);
		if (unit_name_is_valid(user_unit))
			snprintf(ret_names->user_unit, UNIT_NAME_SIZE, "%s", user_unit);
	}
	snprintf(ret_names->pod, ORIGIN_LEN, "%s", origin.text[ORIGIN_POD]);
	snprintf(ret_names->container, ORIGIN_LEN, "%s", origin.text[ORIGIN_CONTAINER]);
	return ret_names->unit[0] || ret_names->pod[0] || ret_names->container[0];
}

static const struct log_unit *find_id(struct units *units, maze_u64 id)
{
	size_t i;

	for (i = 0; i < units->count; i++) {
		if (units->ids[i] == id) {
			units->used[i] = ++units->uses;
			return &units->names[i];
		}
	}
	return NULL;
}

/* Returns the index of the unit used least recently, of this owner if it has too many. */
static size_t find_room(const struct units *units, uid_t owner)
{
	size_t i, owned = 0, of_owner = 0, oldest = 0;

	for (i = 0; i < units->count; i++) {
		if (units->used[i] < units->used[oldest])
			oldest = i;
		if (units->owners[i] != owner)
			continue;
		if (!owned++ || units->used[i] < units->used[of_owner])
			of_owner = i;
	}
	if (owner && owner != geteuid() && owned >= UNITS_PER_USER)
		return of_owner;
	return units->count < UNITS_MAX ? units->count : oldest;
}

static const struct log_unit *keep(struct units *units, const char *cgroup, maze_u64 id,
				   uid_t owner)
{
	const struct log_unit *known = find_id(units, id);
	struct log_unit names;
	size_t i;

	if (known || !find_names(cgroup, &names))
		return known;
	i = find_room(units, owner);
	units->count += i == units->count;
	units->ids[i] = id;
	units->owners[i] = owner;
	units->used[i] = ++units->uses;
	units->names[i] = names;
	return &units->names[i];
}

void units_note(struct units *units, const char *cgroup)
{
	maze_u64 id;
	uid_t owner;

	if (units && cgroup_stat(&units->fs, cgroup, &id, &owner))
		keep(units, cgroup, id, owner);
}

/* Reads the path of the control group of the record's process, if it is not reaped yet. */
static bool read_path(const struct maze_record *record, char cgroup[PROC_CGROUP_SIZE])
{
	int pidfd = record->pid ? pidfd_open((pid_t)record->pid, 0) : -1, dir;
	bool known = false;

	if (pidfd < 0)
		return false;
	dir = proc_open_unreaped((pid_t)record->pid, pidfd);
	/* A process that began after the record has reused the PID. */
	if (dir >= 0)
		known = proc_start_ns(dir) <= record->boot_ns && !proc_cgroup(dir, cgroup);
	if (dir >= 0)
		close(dir);
	close(pidfd);
	return known;
}

const struct log_unit *units_find(struct units *units, const struct maze_record *record,
				  const char *cgroup)
{
	const struct log_unit *known;
	char path[PROC_CGROUP_SIZE];
	maze_u64 id;
	uid_t owner;

	if (!units)
		return NULL;
	if (cgroup)
		return find_names(cgroup, &units->other) ? &units->other : NULL;
	known = record->cgroup_id ? find_id(units, record->cgroup_id) : NULL;
	if (known || (record->event != MAZE_EVENT_SOFT && record->event != MAZE_EVENT_HARD) ||
	    !read_path(record, path))
		return known;
	/* It may have moved since. An engine in user space does not know the group. */
	if (!cgroup_stat(&units->fs, path, &id, &owner) ||
	    (record->cgroup_id && id != record->cgroup_id))
		return NULL;
	return keep(units, path, id, owner);
}
