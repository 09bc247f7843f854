/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/maze/list: whole entries, one after the other.
 */
#include "engine_kmod.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int kmod_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	      void *arg, struct maze_error *error)
{
	FILE *file = fopen(KMOD_DIR "/list", "re");
	struct maze_entry entry;
	int err = 0;

	(void)engine;
	if (!file)
		return maze_fail(error, -errno, KMOD_DIR "/list cannot be read: %s",
				 strerror(errno));
	while (!err && fread(&entry, sizeof(entry), 1, file) == 1)
		err = each(&entry, arg);
	if (!err && ferror(file))
		err = maze_fail(error, -EIO, KMOD_DIR "/list cannot be read to its end");
	fclose(file);
	return err;
}
