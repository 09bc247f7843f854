/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The streaks of each class of observed tasks (core/streaks.h), with the units and users of
 * its processes, as JSON and as a table.
 */
#ifndef MAZE_OBSERVE_OBSERVATION_H
#define MAZE_OBSERVE_OBSERVATION_H

#include <jansson.h>

#include "../base/local_users.h"
#include "../base/proc_files.h"
#include "../lib/maze.h"

/* Days that were observed before the last 400 are dropped. */
#define OBSERVED_DAYS_MAX 400

/* A thread, and what /proc had about it. */
struct followed {
	maze_u32 pid, tid; /* tid 0: no thread */
	maze_u64 start_ticks;
	maze_u64 at_ns; /* CLOCK_MONOTONIC */
	struct thread_times times;
	maze_u64 sleeps;
	maze_u64 awake_ns; /* how long it has hardly ever been asleep */
};

/* A thread that is hardly ever asleep (awake.c). */
struct awake {
	maze_u64 ns; /* how long it has been so, and is so still; 0: no such thread */
	maze_u32 pid;
	char comm[MAZE_COMM_LEN];
};

struct observed {
	struct maze_streaks streaks; /* without longest_at_ns */
	char *rule;		     /* NULL: none */
	char *exe;		     /* path of the program; NULL: unknown */
	json_t *units, *users;	     /* names, not all if there are many */
	long long longest_at_ns;     /* since 1970 */
	maze_u32 pid, running_pid;   /* processes of which the names are known */
	struct awake awake;
	struct followed followed;
};

struct observed_day {
	char date[16];	  /* of UTC */
	maze_u64 time_ns; /* that was observed */
};

/* Begin with {0}. */
struct observation {
	struct observed *classes;
	size_t count;
	struct observed_day *days;
	size_t days_count;
	long long from_ns;	   /* since 1970 */
	maze_u64 updated_ns;	   /* CLOCK_MONOTONIC; 0: no time is observed now */
	struct users *local_users; /* where names of users come from; NULL: any name service */
};

/* Begins to count the time that is observed. */
void observation_start(struct observation *observation);
/* Reads the streaks so far, and the names of processes that run. 0 or -errno. */
int observation_update(struct observation *observation, struct maze *maze,
		       struct maze_error *error);
/* All days together. */
maze_u64 observation_time_ns(const struct observation *observation);
/* Reads the path of the program. False: the process `dir` now runs another program. */
bool observed_read_exe(struct observed *observed, int dir);
/* Looks at the thread of the class that is followed, at most once a minute. */
void observed_follow(struct observed *observed);
void observation_free(struct observation *observation);

/*
 * Adds classes, days and names of `part`. Classes with the same rule and program become one.
 * A program is its path, or its name if the path is unknown. 0 or -ENOMEM.
 */
int observation_add(struct observation *sum, const struct observation *part);
/* Adds only the days. */
int observation_add_days(struct observation *sum, const struct observation *part);
/* Adds only units and users, for the classes that `sum` has. */
void observation_add_names(struct observation *sum, const struct observation *part);
/* Makes one class, MAZE_STREAK_OTHERS_NAME, of those that used least CPU time. 0 or -ENOMEM. */
int observation_bound(struct observation *observation, size_t classes_max);

/* Returns the object that maze(1) describes. NULL: out of memory. */
json_t *observation_json(const struct observation *observation, const char *engine);
json_t *observation_classes_json(const struct observation *observation);
/*
 * Reads such an object, which streaks_file_from_json() accepts, into a new observation. 0 or
 * -ENOMEM. observation_free() frees it in both cases.
 */
int observation_from_json(const json_t *object, struct observation *ret_observation);

/* The shortest streak of the bucket with that percentile, in 1/1000. 0: no streak. */
maze_u64 observation_percentile(const struct maze_streaks *streaks, unsigned int permille);
/* Returns the program with the longest streak, finished or not. NULL: none has one. */
const struct observed *observation_longest(const struct observation *observation);
maze_u64 observed_longest_ns(const struct observed *observed);
void observation_print(const struct observation *observation);

#endif
