/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts, ends and lists watches of groups for lib/.
 */
#include "group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/cgroup.h"
#include "../../base/pidfd.h"

/* Finds the group of this process or control group. */
static struct poll_group *find(const struct engine *engine, enum maze_policy_scope scope, int fd)
{
	struct poll_group *group = engine->groups;
	maze_u64 id = 0;
	pid_t pid = 0;

	if (scope == MAZE_SCOPE_CGROUP)
		id = cgroup_id(fd);
	else
		pid = pidfd_pid(fd);
	if (!id && !pid)
		return NULL;
	while (group &&
	       (group_scope(group) != scope || group->pid != pid || group->cgroup_id != id))
		group = group->next;
	/* The root of a tree can have ended, and its PID belong to another process. */
	if (group && pid && !poll_member_find(group, poll_find(engine, pid)))
		return NULL;
	return group;
}

static int open_process(struct engine *engine, struct poll_group *group, int pidfd,
			struct maze_error *error)
{
	struct poll_process *process;
	struct thread_status status;
	int err;

	group->pid = pidfd_pid(pidfd);
	if (group->pid == getpid())
		return maze_fail(error, -EPERM, "it is maze itself, which is never watched");
	err = group->pid ? poll_group_join_pid(engine, group, group->pid, 0) : -ESRCH;
	process = group->members ? group->members->process : NULL;
	/* The PID is that of the pidfd as long as that process was not reaped. */
	if (!err && (!process || pidfd_has_ended(pidfd)))
		err = -ESRCH;
	if (!err && proc_is_kernel_thread(process->dir, process->pid))
		return maze_fail(error, -EPERM,
				 "it is a kernel thread, which takes no signals and is never "
				 "watched");
	if (!err)
		err = proc_thread_status(process->dir, process->pid, &status);
	if (err == -EAGAIN)
		return maze_fail(error, err,
				 "too many timers; raise the limit on pending signals "
				 "(ulimit -i)");
	if (err)
		return maze_fail(error, err, "%s", err == -ESRCH ? "it has ended" : strerror(-err));
	group->uid = status.uid;
	group->members->ppid = status.ppid;
	proc_thread_comm(process->dir, process->pid, group->comm);
	return 0;
}

/* Opens the group and finds its members. */
static int open_group(struct engine *engine, struct poll_group *group, int fd,
		      struct maze_error *error)
{
	int err;

	if (group_scope(group) == MAZE_SCOPE_CGROUP) {
		err = poll_cgroup_open(engine, group, fd, error);
		if (!err)
			poll_cgroup_read_members(engine, group);
		return err;
	}
	err = open_process(engine, group, fd, error);
	if (!err && group_scope(group) == MAZE_SCOPE_TREE) {
		poll_tree_open_clock(engine);
		poll_tree_descend(engine, group);
	}
	return err;
}

static int add(struct engine *engine, int fd, const struct maze_policy *policy,
	       const struct engine_claim *claim, struct maze_error *error)
{
	struct poll_group *group = calloc(1, sizeof(*group));
	struct maze_record facts = { .event = MAZE_EVENT_WATCH };
	int err;

	if (!group)
		return maze_fail(error, -ENOMEM, "out of memory");
	group->policy = *policy;
	group->tag = claim->tag;
	group->id = ++engine->group_ids;
	group->members_end = &group->members;
	group->cgroup = (struct poll_cgroup){ -1, -1, -1, -1 };
	/* mazed claims a control group again when a process moves into it. */
	group->misses_members = group_scope(group) == MAZE_SCOPE_CGROUP && !claim->mask;
	if (group_gets_members(group)) {
		err = poll_child_tracker_start(engine);
		if (err) {
			free(group);
			return maze_fail(error, err, "cannot follow forks: %s", strerror(-err));
		}
	}
	err = open_group(engine, group, fd, error);
	if (err) {
		poll_group_free(engine, group);
		return err;
	}
	group->next = engine->groups;
	engine->groups = group;
	engine->open_groups += group_gets_members(group);
	poll_group_record(engine, group, &facts);
	poll_group_check(engine, group);
	return 0;
}

int poll_group_watch(struct engine *engine, int fd, const struct maze_policy *policy,
		     const struct engine_claim *claim, struct maze_error *error)
{
	enum maze_policy_scope scope = (enum maze_policy_scope)maze_policy_scope(policy->flags);
	struct poll_group *group;
	int err = 0;

	pthread_mutex_lock(&engine->lock);
	group = find(engine, scope, fd);
	if (group && claim->mask && !poll_claim_reaches(claim, group->tag)) {
		err = maze_fail(error, -EEXIST, "it is already watched by another user or rule");
	} else if (group && claim->mask && group->tag == claim->tag &&
		   !memcmp(&group->policy, policy, sizeof(*policy))) {
		if (scope == MAZE_SCOPE_CGROUP)
			poll_cgroup_read_members(engine, group);
	} else {
		err = add(engine, fd, policy, claim, error);
		if (!err && group)
			poll_group_end(engine, group, MAZE_EVENT_UNWATCH);
	}
	poll_worker_wake(engine);
	pthread_mutex_unlock(&engine->lock);
	return err;
}

int poll_group_unwatch(struct engine *engine, enum maze_policy_scope scope, int fd,
		       const struct engine_claim *claim, struct maze_error *error)
{
	struct poll_group *group;
	bool found;

	pthread_mutex_lock(&engine->lock);
	group = find(engine, scope, fd);
	found = group && poll_claim_reaches(claim, group->tag);
	if (found)
		poll_group_end(engine, group, MAZE_EVENT_UNWATCH);
	pthread_mutex_unlock(&engine->lock);
	return found ? 0 : maze_fail(error, -ENOENT, "it is not watched");
}

void poll_groups_unwatch_all(struct engine *engine, const struct engine_claim *claim)
{
	struct poll_group *group, *next;

	for (group = engine->groups; group; group = next) {
		next = group->next;
		if (poll_claim_reaches(claim, group->tag))
			poll_group_end(engine, group, MAZE_EVENT_UNWATCH);
	}
}

static void fill(const struct engine *engine, const struct poll_group *group,
		 struct maze_group *ret_group)
{
	const struct maze_account *account = &group->budget.account;
	const struct poll_process *process = poll_group_named(engine, group);

	*ret_group = (struct maze_group){
		.entry = {
			.count_ns = account->count_ns,
			.soft_ns = group->policy.soft_ns,
			.hard_ns = group->policy.hard_ns,
			.tag = group->tag,
			.pid = (maze_u32)group->pid,
			.tid = (maze_u32)group->pid,
			.uid = group->uid,
			.share = group->policy.share,
			.flags = group->policy.flags,
			.soft_signal = group->policy.soft_signal,
			.hard_signal = group->policy.hard_signal,
			.fired = account->fired,
			.episode = account->episode,
		},
		.used_ns = account->runtime_ns - account->from_ns,
		.elapsed_ns = group->budget.time_ns - group->budget.from_time_ns,
		.cgroup_id = group->cgroup_id,
		.members = group->alive,
	};
	memcpy(ret_group->entry.comm, group->comm, sizeof(group->comm));
	if (process)
		proc_thread_comm(process->dir, process->pid, ret_group->entry.comm);
	if (group_scope(group) == MAZE_SCOPE_CGROUP)
		memcpy(ret_group->name, group->name, sizeof(group->name));
	else
		memcpy(ret_group->name, ret_group->entry.comm, MAZE_COMM_LEN);
}

int poll_group_list(struct engine *engine, int (*each)(const struct maze_group *group, void *arg),
		    void *arg)
{
	struct poll_group *group;
	struct maze_group entry;
	int err = 0;

	pthread_mutex_lock(&engine->lock);
	poll_processes_notice_ends(engine);
	/* Show the levels as of now. */
	for (group = engine->groups; group; group = group->next)
		group->check_at = 0;
	poll_groups_check_when_due(engine, now_ns(CLOCK_MONOTONIC));
	for (group = engine->groups; group && !err; group = group->next) {
		fill(engine, group, &entry);
		err = each(&entry, arg);
	}
	poll_worker_wake(engine);
	pthread_mutex_unlock(&engine->lock);
	return err;
}

void poll_group_adopt(struct engine *engine, maze_u64 tag)
{
	struct poll_group *group;

	pthread_mutex_lock(&engine->lock);
	for (group = engine->groups; group; group = group->next)
		if (group->tag == tag && group_scope(group) == MAZE_SCOPE_TREE)
			engine->adopt_into_id = group->id;
	pthread_mutex_unlock(&engine->lock);
}
