/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where mazed is in the engine's records; see place.h.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define NAME "place"
#define MAGIC 0x4d415a45504c4143ULL /* "MAZEPLAC" */

/* One write(2) of less than a page: a reader after a kill finds all of it, or none. */
struct kept {
	maze_u64 magic;
	struct maze_place place;
};

int place_open(int dir_fd)
{
	int fd = openat(dir_fd, NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

bool place_load(int fd, struct maze_place *ret_place)
{
	struct kept kept;

	if (pread(fd, &kept, sizeof(kept), 0) != sizeof(kept) || kept.magic != MAGIC)
		return false;
	*ret_place = kept.place;
	return true;
}

int place_save(int fd, const struct maze_place *place)
{
	struct kept kept = { .magic = MAGIC, .place = *place };

	if (pwrite(fd, &kept, sizeof(kept), 0) != sizeof(kept))
		return -EIO;
	return 0;
}

void place_forget(int dir_fd)
{
	unlinkat(dir_fd, NAME, 0);
}
