/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where mazed is in the engine's records; see cursor.h.
 */
#include "cursor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define NAME "place"
#define MAGIC 0x4d415a45504c4143ULL /* "MAZEPLAC" */

/* One write(2) of less than a page: a reader after a kill finds all of it, or none. */
struct kept {
	maze_u64 magic;
	struct maze_cursor cursor;
};

int cursor_file_open(int dir_fd)
{
	int fd = openat(dir_fd, NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

bool cursor_file_load(int fd, struct maze_cursor *ret_cursor)
{
	struct kept kept;

	if (pread(fd, &kept, sizeof(kept), 0) != sizeof(kept) || kept.magic != MAGIC)
		return false;
	*ret_cursor = kept.cursor;
	return true;
}

int cursor_file_save(int fd, const struct maze_cursor *cursor)
{
	struct kept kept = { .magic = MAGIC, .cursor = *cursor };

	if (pwrite(fd, &kept, sizeof(kept), 0) != sizeof(kept))
		return -EIO;
	return 0;
}

void cursor_file_forget(int dir_fd)
{
	unlinkat(dir_fd, NAME, 0);
}
