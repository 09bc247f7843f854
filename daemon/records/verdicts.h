/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What comes of the engine's records in mazed: each is said in the log, told to who
 * follows, and acted on as its rule says. The signal was sent by the engine before any
 * of that, and does not wait for it.
 */
#ifndef MAZE_DAEMON_VERDICTS_H
#define MAZE_DAEMON_VERDICTS_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/rules.h"

struct verdicts;

/* Who else is told of each record. rule NULL: of none there is now; said: it is in the log. */
struct verdicts_hearer {
	void (*hear)(void *arg, const struct maze_record *record, const struct rule *rule,
		     bool said);
	void *arg;
};

/*
 * Goes on where the last mazed was, which is kept in directory `dir_fd`. `rules` must
 * stay until verdicts_use() or verdicts_close(). -errno and a sentence.
 */
int verdicts_open(sd_event *event, struct maze *maze, struct log *log, const struct rules *rules,
		  int dir_fd, const struct verdicts_hearer *hearer, struct maze_error *error,
		  struct verdicts **ret_verdicts);
void verdicts_use(struct verdicts *verdicts, const struct rules *rules);
void verdicts_close(struct verdicts *verdicts);

#endif
