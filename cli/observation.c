/* SPDX-License-Identifier: GPL-2.0-only */
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

#include "base/clock.h"
#include "base/proc_files.h"
#include "lib/cgroup_origin.h"
#include "lib/record_time.h"
#include "lib/utf8_json.h"

/* The most units and users of a program that are kept. */
#define NAMES_MAX 8
#define DELETED " (deleted)"

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

static void add_name(json_t *names, const char *name)
{
	const json_t *known;
	size_t i;

	if (!name[0] || json_array_size(names) == NAMES_MAX)
		return;
	json_array_foreach(names, i, known)
		if (!strcmp(json_string_value(known), name))
			return;
	json_array_append_new(names, utf8_json(name, strlen(name)));
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
	add_name(observed->units, user_unit[0] ? user_unit : origin.text[ORIGIN_UNIT]);
}

static void add_user(struct observed *observed, int dir, pid_t pid)
{
	struct thread_status status;
	const struct passwd *entry;
	char number[16];

	if (proc_thread_status(dir, pid, &status))
		return;
	entry = getpwuid(status.uid);
	snprintf(number, sizeof(number), "%u", status.uid);
	add_name(observed->users, entry ? entry->pw_name : number);
}

/* Reads the path of the program. False: the process now runs another program. */
static bool read_exe(struct observed *observed, int dir)
{
	const char *program = observed->streaks.program, *name;
	char path[PATH_MAX];
	ssize_t n = readlinkat(dir, "exe", path, sizeof(path) - 1);

	if (n <= 0)
		return false;
	if (n > (ssize_t)strlen(DELETED) &&
	    !memcmp(path + n - strlen(DELETED), DELETED, strlen(DELETED)))
		n -= (ssize_t)strlen(DELETED);
	path[n] = '\0';
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (strncmp(name, program, sizeof(observed->streaks.program) - 1) != 0)
		return false;
	if (!observed->exe)
		observed->exe = strdup(path);
	return true;
}

/* Names of a process that perhaps has ended; *known is the one that was looked at last. */
static void look_at(struct observed *observed, maze_u32 pid, maze_u32 *known)
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
	if (read_exe(observed, dir)) {
		add_unit(observed, dir);
		add_user(observed, dir, (pid_t)pid);
	}
	close(dir);
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
	for (i = 0; i < count; i++) {
		observed = find(observation, &classes[i]);
		if (!observed) {
			free(classes);
			return -ENOMEM;
		}
		observed->streaks = classes[i];
		look_at(observed, classes[i].pid, &observed->pid);
		look_at(observed, classes[i].running_pid, &observed->running_pid);
	}
	free(classes);
	return 0;
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

static json_t *comm_json(const char comm[MAZE_COMM_LEN])
{
	return utf8_json(comm, strnlen(comm, MAZE_COMM_LEN));
}

static json_t *longest_json(const struct maze_streaks *streaks)
{
	char at[RFC3339_LEN];

	/* Otherwise the rest belongs to another streak, or is about to be written. */
	if (!streaks->longest_ns || streaks->longest_seen_ns != streaks->longest_ns)
		return json_null();
	return json_pack("{s:I,s:s,s:I,s:I,s:o}", "ns", (json_int_t)streaks->longest_ns, "at",
			 record_time_format(streaks->longest_at_ns, at), "pid",
			 (json_int_t)streaks->longest_pid, "tid", (json_int_t)streaks->longest_tid,
			 "comm", comm_json(streaks->longest_comm));
}

static json_t *running_json(const struct maze_streaks *streaks)
{
	if (!streaks->running_pid)
		return json_null();
	return json_pack("{s:I,s:I,s:o}", "ns", (json_int_t)streaks->running_ns, "pid",
			 (json_int_t)streaks->running_pid, "comm",
			 comm_json(streaks->running_comm));
}

static json_t *buckets_json(const struct maze_streaks *streaks)
{
	json_t *buckets = json_array();
	maze_u32 bucket;

	for (bucket = 0; bucket < MAZE_STREAK_BUCKETS; bucket++)
		if (streaks->buckets[bucket])
			json_array_append_new(buckets,
					      json_pack("[I,I]",
							(json_int_t)maze_streak_bucket_ns(bucket),
							(json_int_t)streaks->buckets[bucket]));
	return buckets;
}

static json_t *class_json(const struct observed *observed)
{
	const struct maze_streaks *streaks = &observed->streaks;

	return json_pack(
		"{s:n,s:o,s:o?,s:O,s:O,s:I,s:I,s:I,s:o,s:o,s:o}", "rule", "program",
		utf8_json(streaks->program, strnlen(streaks->program, sizeof(streaks->program))),
		"exe", observed->exe ? utf8_json(observed->exe, strlen(observed->exe)) : NULL,
		"units", observed->units, "users", observed->users, "processes",
		(json_int_t)streaks->processes, "streaks", (json_int_t)streaks->streaks, "cpu_ns",
		(json_int_t)streaks->cpu_ns, "longest", longest_json(streaks), "running",
		running_json(streaks), "buckets", buckets_json(streaks));
}

/* The time from `from` to `to`, in s since 1970, by the days of UTC. */
static json_t *days_json(time_t from, time_t to)
{
	json_t *days = json_array();
	time_t end;
	struct tm day;
	char date[16];

	do {
		end = (from / 86400 + 1) * 86400;
		if (end > to)
			end = to;
		gmtime_r(&from, &day);
		strftime(date, sizeof(date), "%Y-%m-%d", &day);
		json_array_append_new(days, json_pack("{s:s,s:I}", "date", date, "seconds",
						      (json_int_t)(end - from)));
		from = end;
	} while (from < to);
	return days;
}

json_t *observation_json(const struct observation *observation, const char *engine)
{
	maze_u64 passed_ns = now_ns(CLOCK_BOOTTIME) - observation->from_ns;
	time_t now = time(NULL);
	char from[RFC3339_LEN], to[RFC3339_LEN], host[HOST_NAME_MAX + 1] = "";
	json_t *classes = json_array();
	size_t i;

	gethostname(host, sizeof(host) - 1);
	for (i = 0; i < observation->count; i++)
		json_array_append_new(classes, class_json(&observation->classes[i]));
	return json_pack("{s:i,s:o,s:s,s:s,s:s,s:o,s:o}", "version", 1, "host",
			 utf8_json(host, strlen(host)), "engine", engine, "from",
			 record_time_format(observation->from_ns, from), "to",
			 record_time_format(now_ns(CLOCK_BOOTTIME), to), "days",
			 days_json(now - (time_t)(passed_ns / MAZE_NSEC_PER_SEC), now), "classes",
			 classes);
}

void observation_free(struct observation *observation)
{
	while (observation->count) {
		observation->count--;
		free(observation->classes[observation->count].exe);
		json_decref(observation->classes[observation->count].units);
		json_decref(observation->classes[observation->count].users);
	}
	free(observation->classes);
	observation->classes = NULL;
}
