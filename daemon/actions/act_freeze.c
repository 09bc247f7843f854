/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The action `freeze` freezes the cgroup of the runaway thread, with all processes in it
 * and in its descendants. For a record of a control group, it freezes that group. For one
 * of a process or tree, it freezes the cgroup only if nothing else is in it. This file also has the functions that thaw cgroups. Before a
 * freeze, mazed adds the cgroup to the list of frozen cgroups. If this mazed is killed,
 * the next mazed can thaw the cgroup.
 */
#include "action.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "../../base/error.h"
#include "freezing.h"

/* Limits the path of a cgroup in a message, because a message has at most 512 bytes. */
#define SHOWN "%.200s"

static bool wanted(const struct stage_actions *stage)
{
	return stage->freeze;
}

static bool is_frozen(int fd)
{
	char state[8];

	return !cgroup_read(fd, "cgroup.freeze", state, sizeof(state)) && !strcmp(state, "1");
}

/* Returns a descriptor of a listed cgroup, or -errno. -ENOENT: the cgroup is gone. */
static int open_frozen(const struct actions *actions, const struct frozen_group *group)
{
	int fd = cgroup_open(&actions->cgroups, group->cgroup);

	if (fd >= 0 && cgroup_id(fd) != group->id) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* Fails if the freeze would stop more than the record is about. */
static int check_contents(const struct maze_record *record, int fd, struct maze_error *error)
{
	switch (maze_record_scope(record)) {
	case MAZE_SCOPE_CGROUP:
		return cgroup_id(fd) == record->cgroup_id
			       ? 0
			       : maze_fail(error, -ENOENT, "the cgroup no longer exists");
	case MAZE_SCOPE_THREAD:
		return 0;
	default:
		return freezing_is_alone(fd, record, error);
	}
}

/*
 * Opens the cgroup. Fails if mazed must not freeze it for this record, or if it is already
 * frozen.
 */
static int open_group(struct actions *actions, const struct maze_record *record, const char *cgroup,
		      int *ret_fd, struct maze_error *error)
{
	int err = freezing_is_allowed(cgroup, error), fd;
	char state[8];

	if (err)
		return err;
	fd = cgroup_open(&actions->cgroups, cgroup);
	if (fd < 0)
		return maze_fail(error, fd, "cannot open its cgroup " SHOWN ": %s", cgroup,
				 strerror(-fd));
	err = cgroup_read(fd, "cgroup.freeze", state, sizeof(state));
	if (err)
		maze_fail(error, err, "this kernel cannot freeze its cgroup " SHOWN ": %s", cgroup,
			  strerror(-err));
	else if (is_frozen(fd))
		err = maze_fail(error, -EALREADY, "its cgroup " SHOWN " is already frozen", cgroup);
	else
		err = check_contents(record, fd, error);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/*
 * Fails if the thread has ended or has left the cgroup. The caller must then thaw the
 * cgroup.
 */
static int is_still_in(const struct target_thread *target, const char *cgroup,
		       struct maze_error *error)
{
	char *now = NULL;
	int err = thread_cgroup(target->pid, target->tid, &now, error);

	if (now && (strcmp(now, cgroup) != 0 || !target_thread_exists(target)))
		err = maze_fail(error, -ESRCH,
				"it ended or left its cgroup " SHOWN
				" during the freeze; mazed thawed the cgroup",
				cgroup);
	free(now);
	return err;
}

/* Removes from the list the groups that are gone or that another program has thawed. */
static void forget_stale(struct actions *actions)
{
	size_t index = actions->frozen->count;
	int fd;

	while (index-- > 0) {
		fd = open_frozen(actions, &actions->frozen->groups[index]);
		if (fd < 0 || !is_frozen(fd))
			frozen_remove(actions->frozen, index, NULL);
		if (fd >= 0)
			close(fd);
	}
}

static void freeze_group(struct actions *actions, const struct act_on *on,
			 const struct target_thread *target, const char *cgroup, int fd,
			 struct action_result *ret_result)
{
	struct frozen_group group = {
		.id = cgroup_id(fd),
		.boot_ns = on->record->boot_ns,
		.pid = on->record->pid,
		.rule = (char *)(on->rule ? on->rule : "-"),
		.cgroup = (char *)cgroup,
	};
	struct maze_error *text = &ret_result->text;
	int err;

	forget_stale(actions);
	if (frozen_add(actions->frozen, &group, text))
		return;
	ret_result->tried = true;
	err = cgroup_write(fd, "cgroup.freeze", "1");
	if (err)
		maze_fail(text, err, "could not freeze its cgroup " SHOWN ": %s", cgroup,
			  strerror(-err));
	else if (target)
		err = is_still_in(target, cgroup, text) ?: check_contents(on->record, fd, text);
	if (!err) {
		ret_result->applied = true;
		maze_fail(text, 0, "froze its cgroup " SHOWN, cgroup);
		return;
	}
	cgroup_write(fd, "cgroup.freeze", "0");
	frozen_remove(actions->frozen, frozen_find(actions->frozen, group.id), NULL);
}

static void perform(struct actions *actions, const struct act_on *on,
		    const struct target_thread *target, struct action_result *ret_result)
{
	struct maze_error *text = &ret_result->text;
	char *cgroup = NULL;
	int fd = -1;

	if (target)
		thread_cgroup(target->pid, target->tid, &cgroup, text);
	else if (on->cgroup)
		cgroup = strdup(on->cgroup);
	else
		maze_fail(text, -ENOENT, "the path of the cgroup is unknown");
	if (!cgroup)
		return;
	/*
	 * thread_cgroup() used the PID and the TID. If the target still exists, they were
	 * not reused, so `cgroup` is the target's.
	 */
	if (target && !target_thread_exists(target))
		maze_fail(text, -ESRCH, "the thread has ended");
	else if (open_group(actions, on->record, cgroup, &fd, text))
		fd = -1;
	else if (act_is_shadow(on))
		maze_fail(text, 0, "shadow: would have frozen its cgroup " SHOWN, cgroup);
	else
		freeze_group(actions, on, target, cgroup, fd, ret_result);
	if (fd >= 0)
		close(fd);
	free(cgroup);
}

const struct action action_freeze = {
	.name = "freeze",
	.wanted = wanted,
	.perform = perform,
};

/* ---- thaw -------------------------------------------------------------------------- */

/* Thaws a group and removes it from the list. -ENOENT: the group is gone. */
static int thaw(struct actions *actions, size_t index, struct maze_error *error)
{
	const struct frozen_group *group = &actions->frozen->groups[index];
	int fd = open_frozen(actions, group), err;

	if (fd >= 0) {
		err = cgroup_write(fd, "cgroup.freeze", "0");
		close(fd);
	} else {
		err = fd;
	}
	/* -ENODEV: the cgroup was removed after it was opened. */
	if (err == -ENOENT || err == -ENODEV) {
		maze_fail(error, -ENOENT, "the cgroup " SHOWN " no longer exists", group->cgroup);
		frozen_remove(actions->frozen, index, NULL);
		return -ENOENT;
	}
	if (err)
		return maze_fail(error, err, "could not thaw the cgroup " SHOWN ": %s",
				 group->cgroup, strerror(-err));
	return frozen_remove(actions->frozen, index, error);
}

/*
 * Returns the index of the frozen group with the path `cgroup`. With `or_above`, a frozen
 * ancestor of `cgroup` also matches. Returns the number of groups if no group matches.
 */
static size_t find_frozen(const struct actions *actions, const char *cgroup, bool or_above)
{
	const struct frozen_group *group;
	size_t i;

	for (i = 0; i < actions->frozen->count; i++) {
		group = &actions->frozen->groups[i];
		if (!strcmp(group->cgroup, cgroup) ||
		    (or_above && cgroup_contains(group->cgroup, cgroup)))
			break;
	}
	return i;
}

int actions_thaw(struct actions *actions, const char *cgroup, pid_t pid, struct maze_error *error)
{
	char *found = NULL;
	size_t index;
	int err;

	if (!cgroup) {
		err = thread_cgroup(pid, 0, &found, error);
		if (!found)
			return err;
		cgroup = found;
	}
	index = find_frozen(actions, cgroup, found != NULL);
	if (index == actions->frozen->count)
		err = maze_fail(error, -ENOENT, "the cgroup " SHOWN " was not frozen by mazed",
				cgroup);
	else
		err = thaw(actions, index, error);
	free(found);
	return err;
}

void actions_thaw_all(struct actions *actions)
{
	size_t index = actions->frozen->count;
	struct maze_error error;

	while (index-- > 0) {
		error.text[0] = '\0';
		if (thaw(actions, index, &error))
			log_printf(actions->log, LOG_WARNING, "%s", error.text);
	}
}
