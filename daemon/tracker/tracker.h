/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Enrolment: every process is watched as the rules say, from the moment it is what a
 * rule asks for. All processes are looked at once, in portions, when enrolment begins
 * and when the rules are others; from then on only those that the engine tells of.
 *
 * Only watches of mazed's own are replaced and ended; a user's own watch gives way to
 * a rule that enforces, and to no other.
 */
#ifndef MAZE_DAEMON_ENROL_H
#define MAZE_DAEMON_ENROL_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/rules.h"

struct enrol;

/*
 * Begins. `rules` must stay until enrol_use() or enrol_close(). `settled` is called when
 * all processes have been looked at, each time that was begun. -errno and a sentence.
 */
int enrol_open(sd_event *event, struct maze *maze, struct log *log, const struct rules *rules,
	       void (*settled)(void *arg), void *arg, struct maze_error *error,
	       struct enrol **ret_enrol);
/* Other rules from now on, for every process there is; the old ones may be freed. */
int enrol_use(struct enrol *enrol, const struct rules *rules, struct maze_error *error);
/* Looks at one process again, or at that thread of it: somebody has ended a watch of his. */
void enrol_look(struct enrol *enrol, pid_t pid, pid_t tid);
/* assign_make_way(), by the rules in force. */
int enrol_make_way(struct enrol *enrol, pid_t pid, pid_t tid, struct maze_error *error);
void enrol_close(struct enrol *enrol);

#endif
