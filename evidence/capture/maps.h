/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The executable mappings in /proc/PID/maps, which tell the file of an address. Bounded,
 * because a process chooses how many it has.
 */
#ifndef MAZE_EVIDENCE_MAPS_H
#define MAZE_EVIDENCE_MAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/types.h"

/* Large programs have some hundred; a JIT may make thousands. */
#define MAPS_MAX 2048

struct map {
	maze_u64 start, end; /* addresses */
	maze_u64 offset;     /* of the file at `start` */
	maze_u64 inode;	     /* 0: no file */
	unsigned int major, minor;
	char *path; /* without " (deleted)"; "": no name */
};

struct maps {
	struct map *map; /* by address */
	size_t count;
	bool cut; /* there were more */
};

/* `proc_fd` is /proc/PID. 0 or -errno. */
int maps_read(int proc_fd, struct maps *ret_maps);
/* NULL: no executable mapping is there. */
const struct map *maps_find(const struct maps *maps, maze_u64 address);
bool map_has_file(const struct map *map);
void maps_done(struct maps *maps);
/* Removes the " (deleted)" that the kernel adds to the path of a removed file. */
void maps_strip_deleted(char *path);

#endif
