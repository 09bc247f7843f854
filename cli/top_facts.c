/* SPDX-License-Identifier: GPL-2.0-only */
#include "top_facts.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc_files.h"
#include "lib/cgroup_origin.h"

/* A row's control group is read again at each refresh of this number. */
#define CGROUP_TURNS 32
/* More users than that are shown by their number. */
#define USERS_MAX 1024
/* As many digits of a container's or pod's ID as docker ps prints. */
#define ID_DIGITS 12

/* The names stay where they are, because rows refer to them. */
static struct user {
	uid_t uid;
	char *name; /* NULL: none */
} users[USERS_MAX];
static size_t users_count;

static const char *user_name(uid_t uid)
{
	const struct passwd *entry;
	size_t i;

	for (i = 0; i < users_count; i++)
		if (users[i].uid == uid)
			return users[i].name;
	if (users_count == USERS_MAX)
		return NULL;
	entry = getpwuid(uid);
	users[users_count] = (struct user){ uid, entry ? strdup(entry->pw_name) : NULL };
	return users[users_count++].name;
}

bool top_facts_origin(const struct top_row *row, struct origin *ret_origin)
{
	memset(ret_origin, 0, sizeof(*ret_origin));
	if (!row->cgroup)
		return false;
	cgroup_origin(row->cgroup, ret_origin);
	return true;
}

/* The innermost of pod, container and unit, or else the path of the control group. */
static char *find_place(const struct top_row *row)
{
	const char *runtime, *container;
	struct origin origin;
	char *place = NULL;

	if (!top_facts_origin(row, &origin))
		return NULL;
	container = origin.text[ORIGIN_CONTAINER];
	runtime = origin.text[ORIGIN_RUNTIME];
	if (origin.text[ORIGIN_POD][0]) {
		if (asprintf(&place, "pod:%.*s", ID_DIGITS, origin.text[ORIGIN_POD]) < 0)
			return NULL;
	} else if (container[0]) {
		if (asprintf(&place, "%s:%.*s", runtime[0] ? runtime : "container", ID_DIGITS,
			     container) < 0)
			return NULL;
	} else if (origin.text[ORIGIN_USER_UNIT][0]) {
		place = strdup(origin.text[ORIGIN_USER_UNIT]);
	} else if (origin.text[ORIGIN_UNIT][0]) {
		place = strdup(origin.text[ORIGIN_UNIT]);
	} else {
		place = strdup(row->cgroup);
	}
	return place;
}

static void set_cgroup(struct top_row *row, const char *path)
{
	if (row->cgroup && !strcmp(row->cgroup, path))
		return;
	free(row->cgroup);
	free(row->place);
	row->cgroup = strdup(path);
	row->place = find_place(row);
}

static int open_directory(const char *format, unsigned int pid, unsigned int tid)
{
	char path[64];

	snprintf(path, sizeof(path), format, pid, tid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* What a new row needs. Reads by number: a task that ends meanwhile is not in the next list. */
static void read_new(struct top_row *row)
{
	struct thread_times times;
	int dir = open_directory("/proc/%u", row->entry.pid, 0);

	if (dir < 0)
		return;
	proc_start_ticks(dir, &row->start_ticks);
	if (!maze_policy_scope(row->entry.flags))
		proc_thread_times(dir, (pid_t)row->entry.tid, &row->times_fd, true, &times);
	close(dir);
}

static void read_cgroup(struct top_row *row)
{
	char path[PROC_CGROUP_SIZE];
	int dir;

	if (maze_policy_scope(row->entry.flags) == MAZE_SCOPE_CGROUP) {
		set_cgroup(row, row->name);
		return;
	}
	dir = open_directory("/proc/%u/task/%u", row->entry.pid, row->entry.tid);
	if (dir < 0)
		return;
	if (!proc_cgroup(dir, path) && path[0])
		set_cgroup(row, path);
	close(dir);
}

/* Returns false if the task is not the one that the row was about. */
static bool read_times(struct top_row *row)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	struct thread_times times;

	if (maze_policy_scope(row->entry.flags)) {
		top_row_measure(row, row->used_ns, now, true);
		return true;
	}
	if (row->times_fd < 0) {
		/* Not allowed, or for lack of files: a lower bound. */
		top_row_measure(row, row->entry.count_ns, now, true);
		return true;
	}
	if (proc_thread_times(-1, (pid_t)row->entry.tid, &row->times_fd, true, &times))
		return false;
	top_row_measure(row, times.runtime_ns, now, false);
	return true;
}

void top_facts_read(struct top_row *row, size_t turn)
{
	bool again = !row->is_new && !read_times(row);

	if (again)
		top_row_forget(row);
	if (row->is_new) {
		read_new(row);
		read_times(row);
	}
	if (row->is_new || turn % CGROUP_TURNS == 0)
		read_cgroup(row);
	if (!row->user)
		row->user = user_name(row->entry.uid);
	row->is_new = false;
}

maze_u64 top_facts_began_ns(const struct top_row *row)
{
	return row->start_ticks ? proc_ticks_to_ns(row->start_ticks) : 0;
}

void top_facts_free(void)
{
	while (users_count)
		free(users[--users_count].name);
}
