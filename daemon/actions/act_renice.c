/* SPDX-License-Identifier: GPL-2.0-only */
/* The action `renice` sets the nice value of the runaway thread, not of its process. */
#include "action.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "../../base/error.h"

static bool wanted(const struct stage_actions *stage)
{
	return stage->renices;
}

static void perform(struct actions *actions, const struct act_on *on,
		    const struct target_thread *target, struct action_result *ret_result)
{
	int before, nice = on->stage->renice;

	(void)actions;
	errno = 0;
	before = getpriority(PRIO_PROCESS, (id_t)target->tid);
	if (errno) {
		maze_fail(&ret_result->text, -errno, "cannot read its nice value: %s",
			  strerror(errno));
		return;
	}
	if (act_is_shadow(on)) {
		maze_fail(&ret_result->text, 0,
			  "shadow: would have set the nice value %d, it is %d", nice, before);
		return;
	}
	ret_result->tried = true;
	if (setpriority(PRIO_PROCESS, (id_t)target->tid, nice)) {
		maze_fail(&ret_result->text, -errno,
			  "could not set the nice value %d: %s; it requires CAP_SYS_NICE", nice,
			  strerror(errno));
		return;
	}
	ret_result->applied = target_thread_exists(target);
	if (ret_result->applied)
		maze_fail(&ret_result->text, 0, "has the nice value %d, had %d", nice, before);
	else
		maze_fail(&ret_result->text, 0, "ended while its nice value was set");
}

const struct action action_renice = {
	.name = "renice",
	.wanted = wanted,
	.perform = perform,
};
