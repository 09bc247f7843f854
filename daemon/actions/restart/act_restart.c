/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The action `restart` restarts the unit or the container of the runaway thread. The
 * thread must still exist: if it has ended, the unit may have been restarted since.
 */
#include "../action.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../base/error.h"
#include "../freezing.h"
#include "restart_target.h"
#include "restarts.h"

static bool wanted(const struct stage_actions *stage)
{
	return stage->restart != RESTART_NO;
}

/* For a record of a control group: fails unless the group still exists. */
static int check_group(const struct actions *actions, const struct act_on *on,
		       struct maze_error *error)
{
	int dir = cgroup_open(&actions->cgroups, on->cgroup);
	bool same = dir >= 0 && cgroup_id(dir) == on->record->cgroup_id;

	if (dir >= 0)
		close(dir);
	return same ? 0 : maze_fail(error, -ENOENT, "the cgroup no longer exists");
}

/* The caller frees *ret_cgroup. */
static int find_cgroup(const struct actions *actions, const struct act_on *on,
		       const struct target_thread *target, char **ret_cgroup,
		       struct maze_error *error)
{
	char *cgroup = NULL;
	int err;

	if (target) {
		err = thread_cgroup(target->pid, target->tid, &cgroup, error);
		if (!err && !target_thread_exists(target))
			err = maze_fail(error, -ESRCH, "the thread has ended");
	} else if (!on->cgroup) {
		err = maze_fail(error, -ENOENT, "the path of the cgroup is unknown");
	} else {
		err = check_group(actions, on, error);
		cgroup = strdup(on->cgroup);
		if (!err && !cgroup)
			err = maze_fail(error, -ENOMEM, "out of memory");
	}
	if (err)
		free(cgroup);
	else
		*ret_cgroup = cgroup;
	return err;
}

static void perform(struct actions *actions, const struct act_on *on,
		    const struct target_thread *target, struct action_result *ret_result)
{
	struct maze_error *text = &ret_result->text;
	struct restart_target restart;
	char *cgroup;

	if (find_cgroup(actions, on, target, &cgroup, text))
		return;
	/* What must not be frozen with mazed or init in it must not be restarted either. */
	if (!restart_target_find(cgroup, on->no_restart, &restart, text) &&
	    !freezing_is_allowed(restart.cgroup, text))
		restarts_begin(actions->restarts, on, &restart, on->stage->restart == RESTART_NOW,
			       ret_result);
	free(cgroup);
}

const struct action action_restart = {
	.name = "restart",
	.wanted = wanted,
	.perform = perform,
};
