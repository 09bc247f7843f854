/* SPDX-License-Identifier: GPL-2.0-only */
/* The requests of maze-control(5) about the rules of mazed. */
#ifndef MAZE_DAEMON_CONTROL_RULES_H
#define MAZE_DAEMON_CONTROL_RULES_H

#include "control_act.h"

/* Each function performs a request and adds the answer, or sets the client's stream. */
void control_rules(const struct control_host *host, struct control_client *client);
void control_mode(const struct control_host *host, struct control_client *client,
		  const struct control_request *request);
void control_reset(const struct control_host *host, struct control_client *client,
		   const struct control_request *request);

#endif
