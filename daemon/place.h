/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where mazed is in the engine's records, kept in a file, so that the next mazed goes
 * on where this one was killed. Written after a record has been dealt with: so a kill
 * in between makes a record be dealt with twice, and never not at all.
 */
#ifndef MAZE_DAEMON_PLACE_H
#define MAZE_DAEMON_PLACE_H

#include "../lib/maze.h"

/* A descriptor of the file in directory `dir_fd`, made if need be; or -errno. */
int place_open(int dir_fd);
/* False: nothing, or nothing whole, was kept. */
bool place_load(int fd, struct maze_place *ret_place);
/* Costs one system call; goes no further than the page cache, as /run does anyway. */
int place_save(int fd, const struct maze_place *place);
/* The engine is gone, and its records with it. */
void place_forget(int dir_fd);

#endif
