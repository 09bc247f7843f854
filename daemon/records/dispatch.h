/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the engine's records and passes each to a table of consumers: the log, the
 * clients of the control socket, incidents, actions. The engine has sent the signal
 * before that and does not wait for it.
 */
#ifndef MAZE_DAEMON_DISPATCH_H
#define MAZE_DAEMON_DISPATCH_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/rules.h"

struct dispatch;

struct record_consumer {
	void (*on_record)(void *arg, struct mazed_record *record);
	void *arg;
};

/*
 * Continues where the last mazed stopped; its cursor is in directory `dir_fd`. Each
 * record goes to the consumers in the order of the table, which ends in a row without a
 * function and must stay until dispatch_close(); `rules` until dispatch_use() or
 * dispatch_close(). -errno and a message.
 */
int dispatch_open(sd_event *event, struct maze *maze, struct log *log, const struct rules *rules,
		  int dir_fd, const struct record_consumer *consumers, struct maze_error *error,
		  struct dispatch **ret_dispatch);
/* Switches to new rules; the old ones may be freed. */
void dispatch_use(struct dispatch *dispatch, const struct rules *rules);
void dispatch_close(struct dispatch *dispatch);

#endif
