/* SPDX-License-Identifier: GPL-2.0-only */
#include "cursor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The name is that of version 0.1.0, so an upgraded mazed finds the old file. */
#define NAME "place"
#define MAGIC 0x4d415a45504c4143ULL /* "MAZEPLAC" */

/*
 * One write(2) saves this struct. A write of less than a page is never done in part, even
 * if mazed is killed.
 */
struct saved {
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
	struct saved saved;

	if (pread(fd, &saved, sizeof(saved), 0) != sizeof(saved) || saved.magic != MAGIC)
		return false;
	*ret_cursor = saved.cursor;
	return true;
}

int cursor_file_save(int fd, const struct maze_cursor *cursor)
{
	struct saved saved = { .magic = MAGIC, .cursor = *cursor };

	if (pwrite(fd, &saved, sizeof(saved), 0) != sizeof(saved))
		return -EIO;
	return 0;
}
