/* SPDX-License-Identifier: GPL-2.0-only */
/* The request "metrics" of maze-control(5). */
#ifndef MAZE_DAEMON_CONTROL_METRICS_H
#define MAZE_DAEMON_CONTROL_METRICS_H

#include "control_client.h"
#include "control_host.h"

/* Writes `text` as the value of a label, as far as it fits. Returns buf. */
const char *metrics_escape(char *buf, size_t size, const char *text);
/*
 * Writes the metrics that root or a reader (`all`), or each user, may read. The caller
 * frees *ret_text. Returns 0, or -errno and a message.
 */
int metrics_text(const struct control_host *host, enum metrics_format format, bool all,
		 char **ret_text, size_t *ret_size, struct maze_error *error);
/* Adds the first line and sets the client's stream, or adds an error. */
void control_metrics(const struct control_host *host, struct control_client *client,
		     enum metrics_format format);

#endif
