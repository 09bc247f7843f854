/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the executable mappings from /proc/PID/maps. They give the file to which a code
 * address belongs. Their number is limited, because a process can create very many.
 */
#ifndef MAZE_EVIDENCE_MAPS_H
#define MAZE_EVIDENCE_MAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/types.h"

/* Large programs have some hundred mappings. A JIT compiler may make thousands. */
#define MAPS_MAX 2048

struct map {
	maze_u64 start, end; /* addresses */
	maze_u64 offset;     /* file offset of `start` */
	maze_u64 inode;	     /* 0: no file */
	unsigned int major, minor;
	char *path; /* without " (deleted)"; "": no name */
};

struct maps {
	struct map *map; /* sorted by address */
	size_t count;
	bool cut; /* some mappings are missing */
};

/* `proc_fd` is an open /proc/PID. Returns 0 or -errno. */
int maps_read(int proc_fd, struct maps *ret_maps);
/* Returns NULL if no executable mapping contains the address. */
const struct map *maps_find(const struct maps *maps, maze_u64 address);
bool map_has_file(const struct map *map);
void maps_done(struct maps *maps);

#endif
