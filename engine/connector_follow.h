/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads process events from the process connector (process_connector.h), for engines that
 * have no event source of their own. The connector reports no moves between control
 * groups. The connector does not know whether a process is watched, so the member
 * `watched` of an event is always unknown.
 */
#ifndef MAZE_ENGINE_CONNECTOR_FOLLOW_H
#define MAZE_ENGINE_CONNECTOR_FOLLOW_H

#include "engine.h"

/* The operations follow and follower_* of engine.h. */
int connector_follow(struct engine *engine, unsigned int wants,
		     struct engine_follower **ret_follower, struct maze_error *error);
int connector_follower_fd(struct engine_follower *follower);
int connector_follower_next(struct engine_follower *follower, struct maze_process_event *ret_event);
void connector_follower_close(struct engine_follower *follower);

#endif
