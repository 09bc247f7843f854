/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the engine's records and passes each record to the consumers: the log, the
 * clients of the control socket, incidents, and actions. The engine does not wait for
 * mazed. It has already sent the signal when mazed reads the record.
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
 * Continues at the cursor (cursor_file.h) that the last mazed saved in directory
 * `dir_fd`. Passes each record to the consumers in the order of their table. The table
 * ends with a row without a function and must stay valid until dispatch_close(). `rules`
 * must stay valid until dispatch_use() or dispatch_close(). Returns 0, or -errno and a
 * message.
 */
int dispatch_open(sd_event *event, struct maze *maze, struct log *log, const struct rules *rules,
		  int dir_fd, const struct record_consumer *consumers, struct maze_error *error,
		  struct dispatch **ret_dispatch);
/* Switches to new rules. The caller may then free the old rules. */
void dispatch_use(struct dispatch *dispatch, const struct rules *rules);
void dispatch_close(struct dispatch *dispatch);

#endif
