/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process has mapped and may execute, as /proc/PID/maps shows it: which file an
 * address belongs to. Bounded: a process may have as many mappings as it likes.
 */
#ifndef MAZE_EVIDENCE_MAPS_H
#define MAZE_EVIDENCE_MAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/types.h"

/* Large programs have some hundred; a JIT may have thousands of its own. */
#define MAPS_MAX 2048

struct map {
	maze_u64 start, end; /* addresses */
	maze_u64 offset;     /* of the file at `start` */
	maze_u64 inode;	     /* 0: no file */
	unsigned int major, minor;
	char *path; /* as in maps, without " (deleted)"; "" when it has no name */
};

struct maps {
	struct map *map; /* by address */
	size_t count;
	bool cut; /* there were more */
};

/* 0 or -errno. `proc_fd` is the directory of the process in /proc. */
int maps_read(int proc_fd, struct maps *ret_maps);
/* The same from text, which is changed. */
int maps_parse(char *text, struct maps *ret_maps);
/* NULL: nothing executable is there. */
const struct map *maps_find(const struct maps *maps, maze_u64 address);
bool map_has_file(const struct map *map);
void maps_done(struct maps *maps);

#endif
