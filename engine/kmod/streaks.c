/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads /proc/maze/streaks. All programs that observe share the module, so a private engine
 * takes the classes with its own tags only. The class of those that found no room has no
 * tag, and may have the streaks of others.
 */
#include "engine_kmod.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_ours(const struct engine *engine, const struct maze_streaks *class)
{
	size_t i;

	if (engine->scope != ENGINE_PRIVATE || !class->tag)
		return true;
	for (i = 0; i < engine->tag_count; i++)
		if (engine->tags[i] == class->tag)
			return true;
	return false;
}

int kmod_streaks(struct engine *engine, int (*each)(const struct maze_streaks *streaks, void *arg),
		 void *arg, struct maze_error *error)
{
	FILE *file = fopen(KMOD_DIR "/streaks", "re");
	struct maze_streaks class;
	int err = 0;

	if (!file)
		return maze_fail(error, -errno, "cannot read " KMOD_DIR "/streaks: %s",
				 strerror(errno));
	while (!err && fread(&class, sizeof(class), 1, file) == 1)
		if (is_ours(engine, &class))
			err = each(&class, arg);
	if (!err && ferror(file))
		err = maze_fail(error, -EIO, "error while reading " KMOD_DIR "/streaks");
	fclose(file);
	return err;
}
