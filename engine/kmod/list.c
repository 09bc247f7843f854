/* SPDX-License-Identifier: GPL-2.0-only */
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
		return maze_fail(error, -errno, "cannot read " KMOD_DIR "/list: %s",
				 strerror(errno));
	while (!err && fread(&entry, sizeof(entry), 1, file) == 1)
		err = each(&entry, arg);
	if (!err && ferror(file))
		err = maze_fail(error, -EIO, "error while reading " KMOD_DIR "/list");
	fclose(file);
	return err;
}
