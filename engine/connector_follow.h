/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Following processes by the process connector, for engines that have no events of
 * their own. It does not tell of moves between control groups, nor what is watched.
 */
#ifndef MAZE_ENGINE_CONNECTOR_FOLLOW_H
#define MAZE_ENGINE_CONNECTOR_FOLLOW_H

#include "engine.h"

/* As the operations of the same names in engine.h. */
int connector_follow(struct engine *engine, unsigned int wants,
		     struct engine_follower **ret_follower, struct maze_error *error);
int connector_follower_fd(struct engine_follower *follower);
int connector_follower_next(struct engine_follower *follower, struct maze_process_event *ret_event);
void connector_follower_close(struct engine_follower *follower);

#endif
