/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of incidents: ID.json each. An ID is never taken as a path, whatever
 * somebody types.
 */
#ifndef MAZE_REPORT_INCIDENT_DIR_H
#define MAZE_REPORT_INCIDENT_DIR_H

#include <stddef.h>

#include "incident.h"
#include "../lib/maze.h"

/* Where mazed keeps them. */
#define INCIDENT_DIR "/var/lib/maze/incidents"

struct incident_dir {
	const char *path;
	int fd;
	char **ids; /* sorted, which is by second, since IDs begin with it */
	size_t count;
};

/* Files of other names are passed over. `path` has to stay. -errno of opendir(3). */
int incident_dir_open(const char *path, struct incident_dir *ret_dir, struct maze_error *error);
void incident_dir_close(struct incident_dir *dir);

/*
 * The ID that is, begins or ends as `word`; or, for "last", that of the newest, or
 * of the one of the same process that tells why that one ended. -EINVAL:
 * it cannot be one, -ENOENT, -ENOTUNIQ: several.
 */
int incident_dir_find(const struct incident_dir *dir, const char *word, const char **ret_id,
		      struct maze_error *error);
/* As incident_load(); the sentence names the file. */
int incident_dir_load(const struct incident_dir *dir, const char *id,
		      struct incident **ret_incident, struct maze_error *error);

/* When it began in ns since 1970, by its first record or else its ID; 0: unknown. */
long long incident_began(const struct incident *incident, const char *id);

#endif
