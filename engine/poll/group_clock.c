/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the CPU time that a group has used.
 *
 * The time of a tree is that of its members, of the children that they have waited for,
 * and of members for which none in the tree waited. CPU time moves from a child to its
 * parent when the parent waits for it. So parents are read before their children, and in
 * each member the children that it waited for before its own clock. Then time that moves
 * meanwhile can be missed once, but is never counted twice.
 *
 * The clock of a process is exact but for threads that run now: their time is as of the
 * last tick or switch. The time of children that were waited for is exact in the kernel,
 * and a BPF program reads it. A user who may not load one has it from /proc, in clock
 * ticks. Both make a reading too low, and the sample says by how much at most (struct
 * maze_budget_sample).
 */
#include "group.h"

#include <errno.h>
#include <unistd.h>

#include "../../base/pidfd.h"
#include "../bpf/children_time.h"

#define ANY_NUMBER (~0ULL)
/* A tree whose members are reaped all the time is read so often at most. */
#define READ_AGAIN_MAX 8
/* Then its sum can lack this: more than the short-lived members of one reading have used. */
#define MOVED_LAG_NS MAZE_NSEC_PER_SEC

void poll_tree_open_clock(struct engine *engine)
{
	if (!engine->has_tried_children_time && bpf_children_open(&engine->children_time))
		engine->children_time = NULL;
	engine->has_tried_children_time = true;
}

/* Replaces the time of ended children in clock ticks by that in ns, if it can be read. */
static void refine_children(struct engine *engine, const struct poll_process *process,
			    maze_u64 *children_ns, maze_u64 *ret_lag_ns)
{
	maze_u64 exact_ns;

	/* USER_HZ: user time and system time are rounded down to it separately. */
	*ret_lag_ns = 2 * proc_ticks_to_ns(1);
	if (!engine->children_time ||
	    bpf_children_read(engine->children_time, process->pid, &exact_ns))
		return;
	/* The PID of a process that was not reaped has not been reused. */
	if (pidfd_is_reaped(process->pidfd))
		return;
	*children_ns = exact_ns;
	*ret_lag_ns = 0;
}

/* How far the clock of a running thread can lag. */
static maze_u64 tick_ns(void)
{
	struct timespec tick;

	/* The resolution of the coarse clock is a tick of the scheduler. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick))
		return 10 * MAZE_NSEC_PER_MSEC;
	return (maze_u64)tick.tv_nsec;
}

maze_u64 poll_cpus(struct engine *engine)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC_COARSE);

	/* sysconf(3) reads a file, and CPUs come online rarely. */
	if (!engine->cpus || now - engine->cpus_read_ns > MAZE_NSEC_PER_SEC) {
		engine->cpus = (maze_u64)sysconf(_SC_NPROCESSORS_ONLN);
		engine->cpus_read_ns = now;
	}
	return engine->cpus;
}

static maze_u64 lag_of_threads(struct engine *engine, maze_u64 threads)
{
	maze_u64 cpus = poll_cpus(engine);

	return tick_ns() * (threads < cpus ? threads : cpus);
}

bool poll_process_clock(const struct poll_process *process, maze_u64 *ret_ns)
{
	struct timespec time;

	if (clock_gettime(process->clock, &time))
		return false;
	/* The PID of a process that was not reaped has not been reused. */
	if (pidfd_is_reaped(process->pidfd))
		return false;
	*ret_ns = (maze_u64)time.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)time.tv_nsec;
	return true;
}

/* Whether a member is the process that waits for the member, if both are in the tree. */
static struct poll_member *parent_of(struct engine *engine, const struct poll_member *member)
{
	struct poll_process *process = engine->chains[(unsigned int)member->ppid % POLL_CHAINS];
	struct poll_member *parent = NULL;

	for (; process && !parent; process = process->next)
		if (process->pid == member->ppid)
			parent = poll_member_find(member->group, process);
	return parent;
}

/*
 * Counts the last reading of children that are gone, if their parent has not waited for
 * them, because it ignores SIGCHLD.
 */
static void settle_dropped(struct poll_group *group, struct poll_member *member,
			   maze_u64 children_ns)
{
	maze_u64 grown_ns = children_ns - member->dropped_at_ns + member->children_lag_ns;

	if (children_ns >= member->dropped_at_ns && member->dropped_ns > grown_ns)
		group->gone_ns += member->dropped_ns - grown_ns;
	member->dropped_ns = 0;
}

static int read_children(struct engine *engine, struct poll_member *member)
{
	maze_u64 children_ns;
	int err = proc_ended_children(member->process->dir, &member->ppid, &children_ns);

	if (err)
		return err;
	member->ppid_is_old = false;
	member->is_orphan = !parent_of(engine, member);
	refine_children(engine, member->process, &children_ns, &member->children_lag_ns);
	settle_dropped(member->group, member, children_ns);
	member->children_ns = children_ns;
	return 0;
}

/* Reads the member after its parent. -ESRCH: it has been reaped. */
static int read_member(struct engine *engine, struct poll_member *member, bool with_children)
{
	const struct poll_member *parent;
	maze_u64 cpu_ns;

	if (with_children && read_children(engine, member) == -ESRCH)
		return -ESRCH;
	parent = parent_of(engine, member);
	if (!poll_process_clock(member->process, &cpu_ns))
		return -ESRCH;
	member->parent_ns = parent ? parent->children_ns : 0;
	if (cpu_ns > member->cpu_ns)
		member->cpu_ns = cpu_ns;
	return 0;
}

void poll_member_ended(struct engine *engine, struct poll_member *member)
{
	read_member(engine, member, group_scope(member->group) == MAZE_SCOPE_TREE);
}

static bool needs_children(const struct engine *engine, const struct poll_member *member)
{
	return member->has_children || member->children_ns || member->ppid_is_old ||
	       member->dropped_ns || !poll_child_tracker_has_events(engine);
}

/*
 * The member has been reaped. If its parent waited for it, its time is now that of the
 * parent. If its parent has ended too, it is unknown which process did, so the time is not
 * counted.
 */
static void take_gone(struct engine *engine, struct poll_group *group, struct poll_member *member)
{
	maze_u64 last_ns = member->cpu_ns + member->children_ns;
	struct poll_member *parent = parent_of(engine, member), *other;

	if (parent && !poll_process_has_ended(parent->process)) {
		if (!parent->dropped_ns || member->parent_ns < parent->dropped_at_ns)
			parent->dropped_at_ns = member->parent_ns;
		parent->dropped_ns += last_ns;
	} else if (!parent && member->is_orphan && !group->misses_members) {
		group->gone_ns += last_ns;
	}
	for (other = group->members; other; other = other->next)
		if (other->ppid == member->process->pid)
			other->ppid_is_old = true;
	poll_group_leave(engine, member);
}

/*
 * `only_sleeps`: the only member that has not ended sleeps, so its clock is exact.
 * *ret_moved: a member was reaped after its parent had been read, so its time is missing.
 */
static maze_u64 tree_usage(struct engine *engine, struct poll_group *group, bool only_sleeps,
			   maze_u64 *ret_lag_ns, bool *ret_moved)
{
	maze_u64 sum_ns = group->gone_ns, lag_ns = 0;
	struct poll_member *member, *next;

	*ret_moved = false;
	for (member = group->members; member; member = next) {
		next = member->next;
		if (read_member(engine, member, needs_children(engine, member)) == -ESRCH) {
			*ret_moved |= !member->is_gone;
			member->is_gone = true;
			/* Otherwise its end is about to be noticed. */
			if (member->process->ended)
				take_gone(engine, group, member);
			continue;
		}
		if (member->has_children || member->children_ns)
			lag_ns += member->children_lag_ns;
		sum_ns += member->cpu_ns + member->children_ns;
	}
	*ret_lag_ns = lag_ns + lag_of_threads(engine, only_sleeps ? 0 : ANY_NUMBER);
	return sum_ns;
}

/*
 * A group uses no more CPU time than all CPUs have. If its usage grows by more, the rest
 * is of earlier time, that of children that were not seen until their parent waited for
 * them. It would make the level too high, so it is not counted. A time in clock ticks
 * grows in steps, so a sample may use what earlier ones left, up to the lag.
 */
static maze_u64 without_hidden(struct engine *engine, struct poll_group *group, maze_u64 sum_ns,
			       maze_u64 lag_ns)
{
	maze_u64 passed_ns = now_ns(CLOCK_MONOTONIC) - group->begin_ns;
	maze_u64 most_ns = poll_cpus(engine) * passed_ns + group->credit_ns, grown_ns = 0;
	maze_u64 usage_ns = sum_ns > group->hidden_ns ? sum_ns - group->hidden_ns : 0;

	if (!group->budget.account.begun)
		return usage_ns;
	/* It is lower when a time in ns becomes one in clock ticks. */
	if (usage_ns > group->usage_ns)
		grown_ns = usage_ns - group->usage_ns;
	if (grown_ns > most_ns) {
		group->hidden_ns += grown_ns - most_ns;
		grown_ns = most_ns;
	}
	group->credit_ns = most_ns - grown_ns < lag_ns ? most_ns - grown_ns : lag_ns;
	return group->usage_ns + grown_ns;
}

/* The lag only matters while the level is 0 (core/budget.h). */
static bool needs_lag(const struct poll_group *group)
{
	return !group->budget.account.begun || !group->budget.account.count_ns;
}

/*
 * While the level is 0, a sum in which time is missing would make later levels too high. So
 * it is read again, and then the parent has that time. Otherwise the time comes with a later
 * sample, so the lag says that it is missing.
 */
static void sample_tree(struct engine *engine, struct poll_group *group, bool only_sleeps,
			struct maze_budget_sample *sample)
{
	bool moved;
	int again = READ_AGAIN_MAX;

	do
		sample->usage_ns = tree_usage(engine, group, only_sleeps, &sample->lag_ns, &moved);
	while (moved && needs_lag(group) && --again);
	if (moved)
		sample->lag_ns += MOVED_LAG_NS;
	sample->usage_ns = without_hidden(engine, group, sample->usage_ns, sample->lag_ns);
}

int poll_group_sample(struct engine *engine, struct poll_group *group,
		      struct maze_budget_sample *ret_sample)
{
	bool is_cgroup = group_scope(group) == MAZE_SCOPE_CGROUP;
	struct poll_member *only = group->alive == 1 && !is_cgroup ? group->members : NULL;
	struct maze_budget_sample sample = { .begin_ns = now_ns(CLOCK_MONOTONIC) };
	long long usage_ns = 0;
	unsigned long links;
	bool asleep;

	/* A process that sleeps before its clock is read has an exact clock. */
	asleep = only && needs_lag(group) && proc_is_asleep(only->process->dir);
	switch (group_scope(group)) {
	case MAZE_SCOPE_CGROUP:
		usage_ns = poll_cgroup_usage(group);
		if (usage_ns < 0)
			return -ESRCH;
		sample.usage_ns = (maze_u64)usage_ns;
		/* cpu.stat is in microseconds. */
		sample.lag_ns = lag_of_threads(engine, ANY_NUMBER) + MAZE_NSEC_PER_USEC;
		break;
	case MAZE_SCOPE_TREE:
		sample_tree(engine, group, asleep, &sample);
		break;
	default:
		if (!group->members)
			return -ESRCH;
		/* After its parent has waited for it, the reading at its end is the last one. */
		if (read_member(engine, group->members, false) && !group->members->process->ended)
			return -ESRCH;
		sample.usage_ns = group->members->cpu_ns;
		links = asleep || !needs_lag(group)
				? 2
				: proc_thread_links(group->members->process->dir);
		sample.lag_ns = lag_of_threads(engine, links > 2 ? links - 2 : 0);
	}
	sample.end_ns = now_ns(CLOCK_MONOTONIC);
	group->begin_ns = sample.begin_ns;
	*ret_sample = sample;
	return 0;
}
