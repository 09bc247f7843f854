/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The drop-in of a unit that `maze protect` writes and `maze unprotect` removes: the file
 * maze.conf in the directory UNIT.d. Its first line marks it. A file of this name without
 * the mark is not touched.
 */
#ifndef MAZE_CLI_DROP_IN_H
#define MAZE_CLI_DROP_IN_H

#include <limits.h>

#include "lib/maze.h"

/* `maze rules` has other files. An administrator's override.conf comes later, and wins. */
#define DROP_IN_NAME "maze.conf"
#define DROP_IN_MARK "# Written by maze protect"

/* Writes the path of the drop-in. `directory` has the directories of drop-ins. */
const char *drop_in_path(const char *directory, const char *unit, char path[PATH_MAX]);
/* 1: it exists. 0: it does not. -EEXIST and a message: it has no mark. */
int drop_in_exists(const char *directory, const char *unit, struct maze_error *error);
/*
 * Writes the text behind the mark. A reader finds the old file, or the new one as a whole.
 * Returns 0, or -errno and a message.
 */
int drop_in_write(const char *directory, const char *unit, const char *text,
		  struct maze_error *error);
/* Removes it, and its directory if nothing else is in it. -ENOENT: there is none. */
int drop_in_remove(const char *directory, const char *unit, struct maze_error *error);

#endif
