/* SPDX-License-Identifier: GPL-2.0-only */
/* Collects observed streaks from the engine, with names of processes that run. */
#include "observation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/proc_files.h"
#include "../lib/cgroup_origin.h"
#include "names.h"

static bool is_same(const struct maze_streaks *a, const struct maze_streaks *b)
{
	return a->tag == b->tag && a->inode == b->inode && a->device == b->device &&
	       !strcmp(a->program, b->program);
}

/* Finds or adds the class. NULL: out of memory. */
static struct observed *find(struct observation *observation, const struct maze_streaks *streaks)
{
	struct observed *grown, *observed;
	size_t i;

	for (i = 0; i < observation->count; i++)
		if (is_same(&observation->classes[i].streaks, streaks))
			return &observation->classes[i];
	grown = reallocarray(observation->classes, observation->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	observation->classes = grown;
	observed = &grown[observation->count];
	*observed = (struct observed){ .streaks = *streaks,
				       .units = json_array(),
				       .users = json_array() };
	if (!observed->units || !observed->users) {
		json_decref(observed->units);
		json_decref(observed->users);
		return NULL;
	}
	observation->count++;
	return observed;
}

static void add_unit(struct observed *observed, int dir)
{
	static struct origin origin;
	char path[PROC_CGROUP_SIZE];
	const char *user_unit = origin.text[ORIGIN_USER_UNIT];

	if (proc_cgroup(dir, path) || !path[0])
		return;
	memset(&origin, 0, sizeof(origin));
	cgroup_origin(path, &origin);
	names_add(observed->units, user_unit[0] ? user_unit : origin.text[ORIGIN_UNIT]);
}

/* Adds the number of a user without a name. */
static void add_user(struct observed *observed, int dir, pid_t pid, struct users *local)
{
	const struct passwd *entry;
	struct thread_status status;
	const char *name;
	char number[16];

	if (proc_thread_status(dir, pid, &status))
		return;
	entry = local ? NULL : getpwuid(status.uid);
	name = local ? users_name(local, status.uid) : entry ? entry->pw_name : NULL;
	snprintf(number, sizeof(number), "%u", status.uid);
	names_add(observed->users, name ? name : number);
}

bool observed_read_exe(struct observed *observed, int dir)
{
	const char *program = observed->streaks.program, *name;
	char path[PATH_MAX];
	ssize_t n = readlinkat(dir, "exe", path, sizeof(path) - 1);

	if (n <= 0)
		return false;
	path[n] = '\0';
	proc_strip_deleted(path);
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (strncmp(name, program, sizeof(observed->streaks.program) - 1) != 0)
		return false;
	if (!observed->exe)
		observed->exe = strdup(path);
	return true;
}

/* Names of a process that perhaps has ended; *known is the one that was looked at last. */
static void look_at(struct observed *observed, maze_u32 pid, maze_u32 *known, struct users *local)
{
	char path[32];
	int dir;

	if (!pid || pid == *known)
		return;
	*known = pid;
	snprintf(path, sizeof(path), "/proc/%u", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	if (observed_read_exe(observed, dir)) {
		add_unit(observed, dir);
		add_user(observed, dir, (pid_t)pid, local);
	}
	close(dir);
}

static void take(struct observed *observed, const struct maze_streaks *streaks, struct users *local)
{
	/* The time of day of a streak stays, also if the clock is set. */
	if (streaks->longest_at_ns != observed->streaks.longest_at_ns || !observed->longest_at_ns)
		observed->longest_at_ns =
			(long long)(now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME) +
				    streaks->longest_at_ns);
	observed->streaks = *streaks;
	look_at(observed, streaks->pid, &observed->pid, local);
	look_at(observed, streaks->running_pid, &observed->running_pid, local);
}

void observation_start(struct observation *observation)
{
	if (!observation->from_ns)
		observation->from_ns = (long long)now_ns(CLOCK_REALTIME);
	observation->updated_ns = now_ns(CLOCK_MONOTONIC);
}

/* All the time since the last update counts for this day. A suspend does not count. */
static int add_time(struct observation *observation)
{
	struct observed_day day = { .date = "" };
	struct observation part = { .days = &day, .days_count = 1 };
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	time_t seconds = time(NULL);
	struct tm tm;

	if (!observation->updated_ns)
		return 0;
	gmtime_r(&seconds, &tm);
	strftime(day.date, sizeof(day.date), "%Y-%m-%d", &tm);
	day.time_ns = now - observation->updated_ns;
	observation->updated_ns = now;
	return observation_add_days(observation, &part);
}

int observation_update(struct observation *observation, struct maze *maze, struct maze_error *error)
{
	struct maze_streaks *classes;
	struct observed *observed;
	size_t count, i;
	int err = maze_list_streaks(maze, &classes, &count, error);

	if (err)
		return err;
	/* A class that has no streak and whose tasks have ended is not listed any more. */
	for (i = 0; i < observation->count; i++)
		observation->classes[i].streaks.running_ns =
			observation->classes[i].streaks.running_pid = 0;
	for (i = 0; i < count && !err; i++) {
		observed = find(observation, &classes[i]);
		if (observed)
			take(observed, &classes[i], observation->local_users);
		else
			err = -ENOMEM;
	}
	free(classes);
	for (i = 0; i < observation->count; i++)
		observed_follow(&observation->classes[i]);
	err = err ?: add_time(observation);
	return err ? maze_fail(error, err, "out of memory") : 0;
}

maze_u64 observation_percentile(const struct maze_streaks *streaks, unsigned int permille)
{
	maze_u64 seen = 0, rank = streaks->streaks - streaks->streaks * (1000 - permille) / 1000;
	maze_u32 bucket;

	for (bucket = 0; bucket < MAZE_STREAK_BUCKETS; bucket++) {
		seen += streaks->buckets[bucket];
		if (seen && seen >= rank)
			return maze_streak_bucket_ns(bucket);
	}
	return 0;
}

maze_u64 observed_longest_ns(const struct observed *observed)
{
	const struct maze_streaks *streaks = &observed->streaks;

	return streaks->running_ns > streaks->longest_ns ? streaks->running_ns
							 : streaks->longest_ns;
}

const struct observed *observation_longest(const struct observation *observation)
{
	const struct observed *longest = NULL;
	size_t i;

	for (i = 0; i < observation->count; i++)
		if (!longest ||
		    observed_longest_ns(&observation->classes[i]) > observed_longest_ns(longest))
			longest = &observation->classes[i];
	return longest && observed_longest_ns(longest) ? longest : NULL;
}
