/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The action `idle` sets SCHED_IDLE, the policy with the lowest weight, for the runaway
 * thread. It also does so for a thread with a real-time policy, because a runaway
 * real-time thread starves other threads most.
 */
#include "action.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "../../base/error.h"

static bool wanted(const struct stage_actions *stage)
{
	return stage->idle;
}

static const char *policy_name(int policy)
{
	static const struct {
		int policy;
		const char *name;
	} names[] = {
		{ SCHED_OTHER, "SCHED_OTHER" },
		{ SCHED_BATCH, "SCHED_BATCH" },
		{ SCHED_IDLE, "SCHED_IDLE" },
		{ SCHED_FIFO, "SCHED_FIFO" },
		{ SCHED_RR, "SCHED_RR" },
		{ 6 /* not in sched.h of glibc */, "SCHED_DEADLINE" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].policy == policy)
			return names[i].name;
	return "an unknown policy";
}

static void perform(struct actions *actions, const struct act_on *on,
		    const struct target_thread *target, struct action_result *ret_result)
{
	struct sched_param none = { 0 };
	int before = sched_getscheduler(target->tid), kept;

	(void)actions;
	if (before < 0) {
		maze_fail(&ret_result->text, -errno, "cannot read its scheduling policy: %s",
			  strerror(errno));
		return;
	}
	/* Keep SCHED_RESET_ON_FORK, which resets the policy of child threads. */
	kept = before & SCHED_RESET_ON_FORK;
	before &= ~SCHED_RESET_ON_FORK;
	if (act_is_shadow(on)) {
		maze_fail(&ret_result->text, 0, "shadow: would have set SCHED_IDLE, it has %s",
			  policy_name(before));
		return;
	}
	ret_result->tried = true;
	if (sched_setscheduler(target->tid, SCHED_IDLE | kept, &none)) {
		maze_fail(&ret_result->text, -errno,
			  "could not set SCHED_IDLE: %s; it requires CAP_SYS_NICE",
			  strerror(errno));
		return;
	}
	ret_result->applied = target_thread_exists(target);
	if (ret_result->applied)
		maze_fail(&ret_result->text, 0, "has SCHED_IDLE, had %s", policy_name(before));
	else
		maze_fail(&ret_result->text, 0, "ended while SCHED_IDLE was set");
}

const struct action action_idle = {
	.name = "idle",
	.wanted = wanted,
	.perform = perform,
};
