/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_LIB_PATHS_H
#define MAZE_LIB_PATHS_H

/*
 * By default, mazed writes incidents into this directory, and maze report reads them
 * there. systemd creates the parent directory, because mazed's unit has
 * StateDirectory=maze.
 */
#define MAZE_STATE_DIR "/var/lib/maze"
#define MAZE_INCIDENT_DIR MAZE_STATE_DIR "/incidents"

/* With `observe = yes`, mazed keeps the streaks in this file of the same directory. */
#define MAZE_STREAKS_NAME "streaks.json"

#endif
