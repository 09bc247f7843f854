/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads what `maze observe` has written: for each class of threads, how many of its streaks
 * had which length. A streak is the highest count of an episode, so a limit has a verdict in
 * the episode exactly if the streak reaches it. A value of the wrong type makes the file
 * invalid, and the error names its key. Unknown keys are ignored, because a later maze may
 * add keys.
 */
#ifndef MAZE_OBSERVE_STREAKS_FILE_H
#define MAZE_OBSERVE_STREAKS_FILE_H

#include <jansson.h>

#include "../base/maze_error.h"
#include "streak_bins.h"

#define STREAKS_FILE_MAX (64L << 20)

/* One streak; `ns` is 0 if there is none. */
struct streak {
	long long ns;
	long long time_ns; /* INCIDENT_UNKNOWN: not in the file */
	long long pid;
	const char *comm; /* NULL: unknown */
};

/* A program: the classes of the file that the same rule of a rule file would match. */
struct streak_class {
	const char *program; /* the name of its file; "": unknown */
	const char *exe;     /* its path; NULL: unknown */
	json_t *rules;	     /* names of the rules that matched it */
	json_t *units;
	double processes;
	double cpu_ns;
	double streaks; /* in all bins */
	struct streak longest;
	struct streak running; /* the longest that had not ended */
	struct streak awake;   /* not a streak, but how long a thread was hardly ever asleep */
	struct streak_bin *bins;
	size_t bins_count;
};

struct streaks_file {
	json_t *root;
	const char *host;
	long long from_ns, to_ns;
	double seconds;		   /* observed */
	double weekday_seconds[7]; /* from Sunday on */
	double processes;
	struct streak_class *classes; /* those with a path first, then by CPU time */
	size_t count;
};

/* The caller frees the result with streaks_file_free(). Errors are those of file_text_read(). */
int streaks_file_load(const char *path, struct streaks_file **ret_file, struct maze_error *error);
/* The same for a text in memory. -EPROTONOSUPPORT: another version. */
int streaks_file_parse(const char *text, size_t size, struct streaks_file **ret_file,
		       struct maze_error *error);
/* The same for an object, to which the file keeps a reference. */
int streaks_file_from_json(json_t *root, struct streaks_file **ret_file, struct maze_error *error);
void streaks_file_free(struct streaks_file *file);

#endif
