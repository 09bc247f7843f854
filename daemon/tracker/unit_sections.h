/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the sections [X-Maze] of units, and makes rules of them (rules/unit_rules.h). The
 * files of a unit are requested of systemd when a process of the unit is first tracked, and
 * again after systemd has read its units again. No function waits for systemd.
 */
#ifndef MAZE_DAEMON_UNIT_SECTIONS_H
#define MAZE_DAEMON_UNIT_SECTIONS_H

#include "../bus/bus.h"
#include "../log/log.h"
#include "../rules/rules.h"
#include "group_tracker.h"

struct unit_sections;

struct unit_sections_host {
	sd_event *event;
	struct log *log;
	struct bus *bus;
	struct unit_rules *units;
	struct group_tracker *groups;
	/*
	 * For this time at most, the first answer about a unit holds up the watch of its
	 * processes. Without the wait, a process whose limits are those of its unit would
	 * get those of maze.conf first, and lose its count with each start of mazed.
	 */
	uint64_t wait_usec;
	/* Applies the rules to the process, or to all processes. */
	void (*track)(void *arg, pid_t pid);
	void (*track_all)(void *arg);
	/* A rule has begun, changed or ended, and with it rules_scopes(). */
	void (*changed)(void *arg);
	/* unit_sections_wait() has become false. */
	void (*settled)(void *arg);
	void *arg;
};

/* Copies *host. Returns 0 or -errno. */
int unit_sections_open(const struct unit_sections_host *host, struct unit_sections **ret_sections);
/*
 * Subscribes to the signals of systemd, or ends that if `rules` read no section: without
 * systemd, tries to connect would wake mazed. Call it before unit_sections_use(). 0 or -errno.
 */
int unit_sections_subscribe(struct unit_sections *sections, const struct rules *rules);
/*
 * Uses new rules. Their [defaults] apply to the sections. rules->units is host->units, or
 * NULL, and then no section is read. Then the caller applies the rules to all processes.
 */
void unit_sections_use(struct unit_sections *sections, const struct rules *rules);
/*
 * Call this before the rules are applied to a process of the control group. Requests the
 * files of its unit if necessary. -EINPROGRESS: host.track() is called when they are read.
 */
int unit_sections_want(struct unit_sections *sections, const char *cgroup);
/* Whether processes wait for the first answer about their unit. */
bool unit_sections_wait(const struct unit_sections *sections);
void unit_sections_close(struct unit_sections *sections);

#endif
