/* SPDX-License-Identifier: GPL-2.0-only */
/* A directory of incidents, each in the file ID.json. An ID is never used as a path. */
#ifndef MAZE_REPORT_INCIDENT_DIR_H
#define MAZE_REPORT_INCIDENT_DIR_H

#include <stddef.h>

#include "incident.h"
#include "../lib/maze.h"
#include "../lib/paths.h"

struct incident_dir {
	const char *path;
	int fd;
	char **ids; /* sorted, and so in order of time */
	size_t count;
};

/* Ignores files with other names. `path` must stay valid. Returns 0 or -errno. */
int incident_dir_open(const char *path, struct incident_dir *ret_dir, struct maze_error *error);
void incident_dir_close(struct incident_dir *dir);

/*
 * Finds the ID that equals `word`, or else the only ID that begins or ends with `word`.
 * For "last" it takes the newest incident, and then the leader of its group
 * (incident_group.h). Returns -EINVAL for invalid characters, -ENOENT for no ID, or
 * -ENOTUNIQ for several.
 */
int incident_dir_find(const struct incident_dir *dir, const char *word, const char **ret_id,
		      struct maze_error *error);
/* Works like incident_load(), but the error names the file. */
int incident_dir_load(const struct incident_dir *dir, const char *id,
		      struct incident **ret_incident, struct maze_error *error);

/*
 * Reads the signature of an incident (lib/signature.h); "": unknown. Reads only the begin of
 * the file, unless an earlier version wrote it. The error is that of incident_dir_load().
 */
int incident_dir_signature(const struct incident_dir *dir, const char *id,
			   char ret_signature[SIGNATURE_LEN], struct maze_error *error);
/*
 * Sets `repeats` and `repeated` if earlier incidents have the signature of this one. Reads
 * the begins of the files before it, and as a whole at most 200 that an earlier version
 * wrote.
 */
void incident_dir_note_repeats(const struct incident_dir *dir, struct incident *incident,
			       const char *id);

/*
 * Writes what an ID has between its time and its episode. `scope` is that of a group; NULL: a
 * thread. A control group has the number `cgroup_id`, another group its PID.
 */
#define INCIDENT_PART_MAX 64
const char *incident_id_part(const char *scope, unsigned long long pid, unsigned long long tid,
			     unsigned long long cgroup_id, char part[INCIDENT_PART_MAX]);
/* The time of the ID, in ns since 1970. 0: unknown. */
long long incident_id_time(const char *id);
/* The time of the first record, or else of the ID, in ns since 1970. 0: unknown. */
long long incident_began(const struct incident *incident, const char *id);

#endif
