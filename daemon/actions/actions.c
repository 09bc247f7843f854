/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of the actions, and the steps that all actions share (actions.h). */
#include "action.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <syslog.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../rules/rule_settings.h"
#include "restart/restarts.h"

/*
 * mazed performs the actions in this order. The actions that relieve the machine come
 * first. `exec` is last, so that its command starts after the other actions have changed
 * the thread.
 */
static const struct action *const table[] = {
	&action_renice, &action_idle, &action_freeze, &action_restart, &action_exec,
};

static void report(const struct actions *actions, const struct act_on *on, const char *name,
		   const struct action_result *result)
{
	struct log_action action = {
		.entry = act_entry(on),
		.action = name,
		.tried = result->tried,
		.applied = result->applied,
		.quiet = on->quiet,
		.text = result->text.text,
	};

	if (!result->logged)
		log_act(actions->log, &action);
}

void actions_perform(struct actions *actions, const struct act_on *on)
{
	struct target_thread target;
	struct maze_error why = { "" };
	int err = target_thread_open(on->record, on->pidfd, &target, &why);
	struct action_result result;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!table[i]->wanted(on->stage))
			continue;
		result = (struct action_result){ .tried = false };
		if (err && !table[i]->needs_no_target && !act_is_on_cgroup(on))
			maze_fail(&result.text, err, "nothing done: %.400s", why.text);
		else
			table[i]->perform(actions, on, err ? NULL : &target, &result);
		report(actions, on, table[i]->name, &result);
	}
	if (!err)
		target_thread_close(&target);
}

void actions_on_record(void *arg, struct mazed_record *record)
{
	const struct maze_record *verdict = record->entry.record;
	enum stage stage = verdict->event == MAZE_EVENT_HARD ? STAGE_HARD : STAGE_SOFT;
	const struct rule *rule = record->rule;
	struct act_on on;

	if (!rule || (verdict->event != MAZE_EVENT_SOFT && verdict->event != MAZE_EVENT_HARD) ||
	    !stage_acts(&rule->settings.stages[stage]))
		return;
	on = (struct act_on){
		.record = verdict,
		.engine = record->entry.engine,
		.rule = rule->name,
		.cgroup = record->entry.cgroup,
		.unit = record->entry.unit,
		.stage = &rule->settings.stages[stage],
		.no_restart = &rule->settings.no_restart,
		.exec_timeout_ns = rule->settings.exec_timeout_ns,
		.pidfd = pidfd_open((pid_t)verdict->pid, 0),
		.quiet = !record->logged,
	};
	actions_perform(arg, &on);
	if (on.pidfd >= 0)
		close(on.pidfd);
}

const char *actions_name(size_t index)
{
	_Static_assert(sizeof(table) / sizeof(table[0]) <= ACTIONS_MAX, "room in the counters");
	return index < sizeof(table) / sizeof(table[0]) ? table[index]->name : NULL;
}

bool actions_wanted(size_t index, const struct stage_actions *stage)
{
	return table[index]->wanted(stage);
}

size_t actions_frozen(const struct actions *actions)
{
	return actions->frozen->count;
}

/* ---- open and closed --------------------------------------------------------------- */

static int open_frozen(struct actions *actions, const char *runtime_dir, struct maze_error *error)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/frozen", runtime_dir) >= sizeof(path))
		return maze_fail(error, -ENAMETOOLONG, "the path %.64s... is too long",
				 runtime_dir);
	return frozen_open(path, &actions->frozen, error);
}

static int open_commands(struct actions *actions, const struct actions_settings *settings,
			 struct maze_error *error)
{
	struct commands_settings commands = {
		.event = settings->event,
		.log = settings->log,
		.cgroups = &actions->cgroups,
		.cgroup = settings->exec_cgroup,
		.grace_ns = settings->exec_grace_ns,
	};

	return commands_open(&commands, &actions->commands, error);
}

static int open_restarts(struct actions *actions, const struct actions_settings *settings,
			 struct maze_error *error)
{
	const struct restarts_settings restarts = {
		.event = settings->event,
		.log = settings->log,
		.bus = settings->bus,
		.cgroups = &actions->cgroups,
		.runtime_dir = settings->runtime_dir,
		.timeout_ns = settings->restart_timeout_ns,
		.grace_ns = settings->restart_grace_ns,
	};

	return restarts_open(&restarts, &actions->restarts)
		       ? maze_fail(error, -ENOMEM, "out of memory")
		       : 0;
}

int actions_open(const struct actions_settings *settings, struct actions **ret_actions,
		 struct maze_error *error)
{
	struct actions *actions = calloc(1, sizeof(*actions));
	int err;

	if (!actions)
		return maze_fail(error, -ENOMEM, "out of memory");
	actions->log = settings->log;
	/* mazed starts even without cgroups. Each freeze then fails with a message. */
	if (cgroup_fs_open(&actions->cgroups, NULL))
		actions->cgroups.fd = -1;
	err = open_frozen(actions, settings->runtime_dir, error);
	if (!err)
		err = open_commands(actions, settings, error);
	if (!err)
		err = open_restarts(actions, settings, error);
	if (err) {
		actions_close(actions);
		return err;
	}
	*ret_actions = actions;
	return 0;
}

void actions_close(struct actions *actions)
{
	if (!actions)
		return;
	restarts_close(actions->restarts);
	commands_close(actions->commands);
	frozen_close(actions->frozen);
	cgroup_fs_close(&actions->cgroups);
	free(actions);
}

void actions_commands(const struct actions *actions, unsigned int *ret_running,
		      unsigned int *ret_waiting)
{
	commands_count(actions->commands, ret_running, ret_waiting);
}

unsigned int actions_restarts(const struct actions *actions)
{
	return restarts_count(actions->restarts);
}
