/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks groups: samples their clocks, steps their budgets, executes the verdicts and
 * plans the next check.
 *
 * A sample at any time gives a level that is not too high, so the plan only decides how
 * late a verdict can be:
 * - While the level is 0 and the group uses little CPU time, each member has a timer on
 *   its own CPU clock, and the group is not checked.
 * - While the level is 0 and the group is busy, the check interval is a fraction of the
 *   limit. The level can be too low by the CPU time of one interval.
 * - Otherwise the next check comes before the level can reach the next stage, with all
 *   CPUs busy, or before an episode with a verdict can end.
 * No interval is below the step of pace.h, which keeps the cost of the worker below 1 %,
 * but the last one before an expected verdict, which is not below the shortest step.
 */
#include "group.h"
#include "../../core/delivery.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* At level 0, a group is checked when it has used 1/REST_FRACTION of its limit. */
#define REST_FRACTION 256
/* A CPU-time timer fires at a tick, so a shorter one is not exact. */
#define REST_MIN_NS (4 * MAZE_NSEC_PER_MSEC)
/* A group that uses less than 1/BUSY_FRACTION of a CPU has timers, not checks. */
#define BUSY_FRACTION 16
/* A check interval where new members can be missed, as a fraction of the limit. */
#define MISSED_FRACTION 4
#define MISSED_MAX_NS MAZE_NSEC_PER_SEC
/* A check interval at most. Also bounds what a multiplication can overflow. */
#define WAIT_MAX_NS (3600 * MAZE_NSEC_PER_SEC)
/* A process that gets SIGKILL starts no other, so few rounds find all members. */
#define KILL_ROUNDS 100

/* ---- records ----------------------------------------------------------------------- */

struct poll_process *poll_group_named(const struct engine *engine, const struct poll_group *group)
{
	struct poll_process *process = group->pid ? poll_find(engine, group->pid) : NULL;

	return process && poll_member_find(group, process) ? process : NULL;
}

void poll_group_record(struct engine *engine, const struct poll_group *group,
		       const struct maze_record *facts)
{
	const struct poll_process *process = poll_group_named(engine, group);
	struct maze_record record = *facts;
	bool is_verdict = record.event == MAZE_EVENT_SOFT || record.event == MAZE_EVENT_HARD;

	/* A quiet watch still logs the exit that follows a verdict. */
	if (!is_verdict && group->policy.flags & MAZE_POLICY_QUIET &&
	    !(record.event == MAZE_EVENT_EXIT && group->budget.account.fired))
		return;
	if (!is_verdict)
		record.count_ns = group->budget.account.count_ns;
	record.flags |= (maze_u32)group_scope(group) << MAZE_RECORD_SCOPE_SHIFT;
	record.share = group->policy.share;
	record.tag = group->tag;
	record.cgroup_id = group->cgroup_id;
	record.pid = record.tid = (maze_u32)group->pid;
	record.uid = group->uid;
	record.episode = group->budget.account.episode;
	memcpy(record.comm, group->comm, sizeof(record.comm));
	if (process)
		proc_thread_comm(process->dir, process->pid, record.comm);
	poll_record(engine, NULL, NULL, &record);
}

/* ---- verdicts ---------------------------------------------------------------------- */

/* Returns 0 if at least one process got the signal. */
static int kill_tree(struct engine *engine, struct poll_group *group)
{
	struct poll_member *member, **end;
	int err = -ESRCH, round = 0;

	do {
		end = group->members_end;
		for (member = group->members; member; member = member->next)
			if (!poll_owner_differs(member->process, member->process->pid,
						&group->policy) &&
			    !syscall(SYS_pidfd_send_signal, member->process->pidfd, SIGKILL, NULL,
				     0))
				err = 0;
		poll_child_tracker_catch_up(engine);
	} while (group->members_end != end && ++round < KILL_ROUNDS);
	return err;
}

static int deliver(struct engine *engine, struct poll_group *group,
		   const struct poll_process *process, int signal)
{
	switch (group_scope(group)) {
	case MAZE_SCOPE_TREE:
		return kill_tree(engine, group);
	case MAZE_SCOPE_CGROUP:
		return poll_cgroup_kill(group);
	default:
		return syscall(SYS_pidfd_send_signal, process->pidfd, signal, NULL, 0) ? -errno : 0;
	}
}

static void act(struct engine *engine, struct poll_group *group, const struct maze_verdict *verdict,
		bool hard)
{
	const struct maze_policy *policy = &group->policy;
	const struct poll_process *process = poll_group_named(engine, group);
	struct maze_record facts = poll_verdict_facts(policy, verdict, hard);
	maze_u32 disposition = 0;
	struct maze_delivery delivery;
	int err;

	if (process && group_scope(group) == MAZE_SCOPE_PROCESS)
		disposition = proc_thread_disposition(process->dir, process->pid, facts.signal);
	delivery = maze_delivery(policy, hard, disposition,
				 poll_permits(engine, group->tag, policy, hard,
					      group->pid ? (maze_u64)group->pid : group->cgroup_id,
					      process ? process->dir : -1));
	err = delivery.withheld ? 0 : deliver(engine, group, process, facts.signal);
	poll_verdict_delivered(engine, &facts, &delivery, err);
	poll_group_record(engine, group, &facts);
}

/* An ordinary user watches a process that has changed its user IDs since. */
static bool owner_differs(const struct engine *engine, const struct poll_group *group)
{
	const struct poll_process *process = poll_group_named(engine, group);

	return process && poll_owner_differs(process, process->pid, &group->policy);
}

/* Whether the process that was named is maze itself. */
static bool is_exempt(const struct engine *engine, const struct poll_group *group)
{
	const struct poll_process *process = poll_group_named(engine, group);

	if (!process || group_scope(group) != MAZE_SCOPE_PROCESS)
		return false;
	return engine->spares && proc_is_own_program(process->dir, "exe");
}

/* ---- plan --------------------------------------------------------------------------- */

void poll_timer_set(struct poll_process *process)
{
	maze_u64 until_ns = process->timer_ns < process->group_timer_ns ? process->timer_ns
									: process->group_timer_ns;
	struct itimerspec when = { 0 };

	if (until_ns != POLL_NEVER) {
		when.it_value.tv_sec = (time_t)(until_ns / MAZE_NSEC_PER_SEC);
		when.it_value.tv_nsec = (long)(until_ns % MAZE_NSEC_PER_SEC);
	}
	/* This fails if the process has ended, but then its pidfd reports the end. */
	timer_settime(process->timer, TIMER_ABSTIME, &when, NULL);
}

/* Sets a timer for each member that has none. */
static void rest(struct poll_group *group, maze_u64 step_ns)
{
	struct poll_member *member;
	maze_u64 cpu_ns;

	for (member = group->members; member; member = member->next) {
		struct poll_process *process = member->process;

		if (process->ended || !poll_process_clock(process, &cpu_ns))
			continue;
		if (process->group_timer_ns > cpu_ns && process->group_timer_ns <= cpu_ns + step_ns)
			continue;
		process->group_timer_ns = cpu_ns + step_ns;
		poll_timer_set(process);
	}
}

/* Returns the time until the level can reach the next stage, if all CPUs are busy. */
static maze_u64 time_to_stage(struct engine *engine, const struct poll_group *group)
{
	maze_u64 most = poll_cpus(engine) * MAZE_SHARE_ONE;

	if (most <= group->policy.share ||
	    group->left_ns / (most - group->policy.share) >= WAIT_MAX_NS / MAZE_SHARE_ONE)
		return WAIT_MAX_NS;
	return group->left_ns / (most - group->policy.share) * MAZE_SHARE_ONE +
	       group->left_ns % (most - group->policy.share) * MAZE_SHARE_ONE /
		       (most - group->policy.share);
}

/* Returns the time until the level can be 0, if the group uses no CPU time. */
static maze_u64 time_to_zero(const struct poll_group *group)
{
	maze_u64 level_ns = group->budget.account.count_ns, share = group->policy.share;

	return level_ns / share * MAZE_SHARE_ONE + level_ns % share * MAZE_SHARE_ONE / share;
}

/*
 * Returns the time until the level reaches the next stage, if it goes on to rise as it has
 * in this episode. The caller uses it only as the time of a check, so it may be wrong.
 */
static maze_u64 expected_time_to_stage(const struct poll_group *group)
{
	const struct maze_budget *budget = &group->budget;
	maze_u64 elapsed_ns = budget->time_ns - budget->from_time_ns;
	maze_u64 rise = budget->account.count_ns / (elapsed_ns / MAZE_SHARE_ONE + 1);

	if (!rise || group->left_ns >= WAIT_MAX_NS)
		return WAIT_MAX_NS;
	return group->left_ns * MAZE_SHARE_ONE / rise;
}

/*
 * Returns the interval of checks near the next stage: the usual step, or less if the stage
 * is expected before its end.
 */
static maze_u64 step_to_stage(const struct engine *engine, const struct poll_group *group,
			      maze_u64 step_ns)
{
	maze_u64 least_ns = PACE_STEP_MIN_NS * engine->stretch / PACE_STRETCH_ONE;
	maze_u64 expected_ns = expected_time_to_stage(group);

	if (expected_ns >= step_ns)
		return step_ns;
	return expected_ns > least_ns ? expected_ns : least_ns;
}

static void plan(struct engine *engine, struct poll_group *group, maze_u64 now, maze_u64 used_ns)
{
	maze_u64 limit_ns = maze_first_limit(&group->policy), rest_ns = limit_ns / REST_FRACTION,
		 zero_ns;
	maze_u64 passed_ns = now - group->checked_ns;
	maze_u64 wait_ns, step_ns = pace_step_ns(limit_ns, PACE_CLOCK_PERCENT, engine->stretch);

	if (rest_ns < REST_MIN_NS)
		rest_ns = REST_MIN_NS;
	group->checked_ns = now;
	if (group->budget.account.count_ns) {
		wait_ns = group->left_ns ? time_to_stage(engine, group) : POLL_NEVER;
		step_ns = group->left_ns ? step_to_stage(engine, group, step_ns) : step_ns;
		zero_ns = time_to_zero(group);
		if (group->budget.account.fired && zero_ns < wait_ns)
			wait_ns = zero_ns;
	} else if (used_ns <= passed_ns / BUSY_FRACTION) {
		rest(group, rest_ns);
		wait_ns = group->misses_members ? limit_ns / MISSED_FRACTION : POLL_NEVER;
		if (group->misses_members && wait_ns > MISSED_MAX_NS)
			wait_ns = MISSED_MAX_NS;
	} else {
		wait_ns = rest_ns;
	}
	group->check_at =
		wait_ns == POLL_NEVER ? POLL_NEVER : now + (wait_ns > step_ns ? wait_ns : step_ns);
}

/* ---- checks -------------------------------------------------------------------------- */

static bool has_ended(const struct poll_group *group)
{
	return group_scope(group) != MAZE_SCOPE_CGROUP && !group->alive;
}

void poll_group_check(struct engine *engine, struct poll_group *group)
{
	struct maze_budget_sample sample;
	struct maze_verdict verdict;
	maze_u64 before_ns = group->usage_ns, used_ns;
	bool is_first = !group->budget.account.begun;

	engine->has_checked = true;
	if (poll_group_sample(engine, group, &sample)) {
		poll_group_end(engine, group, MAZE_EVENT_EXIT);
		return;
	}
	verdict = maze_budget_step(&group->policy, &group->budget, &sample);
	group->left_ns = verdict.next_ns;
	group->usage_ns = sample.usage_ns;
	if (verdict.due && owner_differs(engine, group)) {
		poll_group_end(engine, group, MAZE_EVENT_UNWATCH);
		return;
	}
	if (verdict.due && is_exempt(engine, group)) {
		/* After an execve in this episode these stages are still due. */
		group->budget.account.fired &= ~verdict.due;
		group->left_ns = POLL_SPARED_NS;
	} else if (verdict.due) {
		if (verdict.due & MAZE_FIRED_SOFT)
			act(engine, group, &verdict, false);
		if (verdict.due & MAZE_FIRED_HARD)
			act(engine, group, &verdict, true);
	}
	if (has_ended(group)) {
		poll_group_end(engine, group, MAZE_EVENT_EXIT);
		return;
	}
	used_ns = sample.usage_ns > before_ns && !is_first ? sample.usage_ns - before_ns : 0;
	/* A process that has left a control group would wake the worker for nothing. */
	if (group->timer_fired && !used_ns && group_scope(group) == MAZE_SCOPE_CGROUP)
		poll_cgroup_read_members(engine, group);
	group->timer_fired = false;
	engine->busy_ns += used_ns;
	plan(engine, group, sample.end_ns, used_ns);
}

void poll_groups_timer(const struct poll_process *process)
{
	const struct poll_member *member;

	for (member = process->memberships; member; member = member->next_of_process) {
		member->group->check_at = 0;
		member->group->timer_fired = true;
	}
}

/* One wakeup serves several groups, as it does processes. */
static bool is_due(const struct poll_group *group, maze_u64 now)
{
	maze_u64 early_ns =
		group->check_at > group->checked_ns ? (group->check_at - group->checked_ns) / 4 : 0;

	return group->check_at != POLL_NEVER && now + early_ns >= group->check_at;
}

static struct poll_group *find_due(const struct engine *engine, maze_u64 now)
{
	struct poll_group *group = engine->groups;

	while (group && !is_due(group, now))
		group = group->next;
	return group;
}

static void catch_up(struct engine *engine)
{
	maze_u64 before_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);

	poll_child_tracker_catch_up(engine);
	/* A search for children costs more with more checks, a fork event does not. */
	if (poll_child_tracker_has_events(engine))
		engine->children_ns += now_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
}

maze_u64 poll_groups_check_when_due(struct engine *engine, maze_u64 now)
{
	struct poll_group *group, *next;
	maze_u64 soonest = POLL_NEVER, drops;

	/* A member that was not seen would be counted late. */
	if (find_due(engine, now))
		catch_up(engine);
	for (group = engine->groups; group; group = next) {
		next = group->next;
		drops = engine->group_drops;
		if (is_due(group, now))
			poll_group_check(engine, group);
		/* The next group can have ended. What was checked is not due again. */
		if (engine->group_drops != drops)
			next = engine->groups;
	}
	for (group = engine->groups; group; group = group->next)
		soonest = group->check_at < soonest ? group->check_at : soonest;
	return soonest;
}
