/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_LIB_PATHS_H
#define MAZE_LIB_PATHS_H

/*
 * Where mazed writes incidents by default and maze report searches them. The unit has
 * StateDirectory=maze.
 */
#define MAZE_INCIDENT_DIR "/var/lib/maze/incidents"

#endif
