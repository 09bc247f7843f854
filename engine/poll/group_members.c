/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps the members of groups. A process can be a member of several groups, and is
 * watched for its threads too, or not. Children of members of a tree or a control group
 * become members by the child tracker.
 */
#include "group.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct poll_group *poll_group_find(const struct engine *engine, maze_u64 id)
{
	struct poll_group *group = engine->groups;

	while (group && group->id != id)
		group = group->next;
	return group;
}

struct poll_member *poll_member_find(const struct poll_group *group,
				     const struct poll_process *process)
{
	struct poll_member *member = process ? process->memberships : NULL;

	while (member && member->group != group)
		member = member->next_of_process;
	return member;
}

int poll_group_join(struct engine *engine, struct poll_group *group, struct poll_process *process,
		    pid_t ppid)
{
	struct poll_member *member, *parent;

	if (process->pid == getpid() || poll_member_find(group, process))
		return 0;
	member = calloc(1, sizeof(*member));
	if (!member)
		return -ENOMEM;
	*member = (struct poll_member){ .group = group,
					.process = process,
					.ppid = ppid,
					.ppid_is_old = true,
					.next_of_process = process->memberships };
	process->memberships = member;
	*group->members_end = member;
	group->members_end = &member->next;
	group->alive++;
	parent = poll_member_find(group, poll_find(engine, ppid));
	if (parent)
		parent->has_children = true;
	/* A new member may use CPU time at once, so it needs a timer or a check soon. */
	poll_group_expect(engine, group);
	return 0;
}

int poll_group_join_pid(struct engine *engine, struct poll_group *group, pid_t pid, pid_t ppid)
{
	struct poll_process *process = poll_find(engine, pid);
	int pidfd, err = 0;

	if (pid == getpid())
		return 0;
	if (process && !process->ended && poll_process_has_ended(process)) {
		poll_process_ended(engine, process);
		process = NULL;
	}
	if (!process || process->ended) {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (pidfd < 0)
			return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
		process = poll_process_new(engine, pidfd, pid, true, &err);
		close(pidfd);
		if (!process)
			return err;
	}
	err = poll_group_join(engine, group, process, ppid);
	if (poll_process_is_unused(process))
		poll_process_drop(engine, process);
	return err;
}

static void unlink_member(struct poll_member *member)
{
	struct poll_member **at = &member->process->memberships;
	struct poll_group *group = member->group;

	while (*at != member)
		at = &(*at)->next_of_process;
	*at = member->next_of_process;
	for (at = &group->members; *at != member; at = &(*at)->next)
		;
	*at = member->next;
	if (group->members_end == &member->next)
		group->members_end = at;
	group->alive -= !member->process->ended;
	free(member);
}

void poll_group_leave(struct engine *engine, struct poll_member *member)
{
	struct poll_process *process = member->process;

	unlink_member(member);
	if (poll_process_is_unused(process))
		poll_process_drop(engine, process);
}

void poll_groups_forget(struct poll_process *process)
{
	while (process->memberships)
		unlink_member(process->memberships);
}

void poll_group_expect(const struct engine *engine, struct poll_group *group)
{
	maze_u64 soon = now_ns(CLOCK_MONOTONIC) + pace_step_ns(maze_first_limit(&group->policy),
							       PACE_CLOCK_PERCENT, engine->stretch);

	if (group->check_at > soon)
		group->check_at = soon;
}

void poll_groups_expect(struct engine *engine, const struct inherited_groups *groups)
{
	struct poll_group *group;
	const maze_u64 *id;

	for (id = groups->ids; *id; id++) {
		group = poll_group_find(engine, *id);
		if (group)
			poll_group_expect(engine, group);
	}
}

bool poll_groups_need_forks(const struct engine *engine)
{
	const struct poll_group *group = engine->groups;

	while (group && (!group_gets_members(group) || group->check_at != POLL_NEVER))
		group = group->next;
	return group;
}

bool poll_groups_inherited(struct poll_process *parent, struct inherited_groups *ret_groups)
{
	struct poll_member *member;
	unsigned int count = 0;

	for (member = parent->memberships; member && count < INHERITED_GROUPS_MAX;
	     member = member->next_of_process)
		if (group_gets_members(member->group))
			ret_groups->ids[count++] = member->group->id;
	ret_groups->ids[count] = 0;
	for (; member; member = member->next_of_process)
		member->group->misses_members = true;
	for (member = parent->memberships; member; member = member->next_of_process)
		member->has_children = true;
	return count != 0;
}

void poll_groups_join(struct engine *engine, const struct inherited_groups *groups,
		      struct poll_process *child, pid_t ppid)
{
	struct poll_group *group;
	const maze_u64 *id;

	for (id = groups->ids; *id; id++) {
		group = poll_group_find(engine, *id);
		if (group && poll_group_join(engine, group, child, ppid))
			group->misses_members = true;
	}
}

void poll_groups_miss(struct engine *engine, const struct inherited_groups *groups)
{
	struct poll_group *group;
	const maze_u64 *id;

	for (id = groups->ids; *id; id++) {
		group = poll_group_find(engine, *id);
		if (group)
			group->misses_members = true;
	}
}

static void add_if_child(struct engine *engine, struct poll_group *group, pid_t pid, bool *found)
{
	struct thread_status status;
	struct poll_member *parent;

	if (proc_status_by_number(pid, &status) || status.tgid != pid)
		return;
	parent = poll_member_find(group, poll_find(engine, status.ppid));
	if (!parent || poll_member_find(group, poll_find(engine, pid)) || pid == getpid())
		return;
	if (!poll_group_join_pid(engine, group, pid, status.ppid))
		*found = true;
}

void poll_tree_descend(struct engine *engine, struct poll_group *group)
{
	struct dirent *entry;
	bool found = true;
	DIR *proc;

	/* A child can be before its parent in /proc, after PIDs have wrapped around. */
	while (found) {
		found = false;
		proc = opendir("/proc");
		while (proc && (entry = readdir(proc)))
			if (isdigit((unsigned char)entry->d_name[0]))
				add_if_child(engine, group, atoi(entry->d_name), &found);
		if (proc)
			closedir(proc);
	}
}

void poll_group_free(struct engine *engine, struct poll_group *group)
{
	while (group->members)
		poll_group_leave(engine, group->members);
	poll_cgroup_close(engine, group);
	free(group);
}

void poll_group_drop(struct engine *engine, struct poll_group *group)
{
	struct poll_group **at = &engine->groups;

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	engine->group_drops++;
	engine->open_groups -= group_gets_members(group);
	poll_group_free(engine, group);
}

void poll_group_end(struct engine *engine, struct poll_group *group, enum maze_event event)
{
	struct maze_record facts = { .event = (maze_u16)event };

	poll_group_record(engine, group, &facts);
	poll_group_drop(engine, group);
}

void poll_groups_done(struct engine *engine)
{
	while (engine->groups)
		poll_group_drop(engine, engine->groups);
}

/*
 * Ends no group here, because a caller may iterate over processes or groups. A zombie of a
 * tree is kept, because its CPU time then moves to its parent.
 */
void poll_groups_process_ended(struct engine *engine, struct poll_process *process)
{
	struct poll_member *member, *next;

	for (member = process->memberships; member; member = member->next_of_process)
		member->group->alive--;
	for (member = process->memberships; member; member = next) {
		next = member->next_of_process;
		if (group_scope(member->group) == MAZE_SCOPE_CGROUP) {
			unlink_member(member);
			continue;
		}
		poll_member_ended(engine, member);
		if (process->pid == member->group->pid)
			proc_thread_comm(process->dir, process->pid, member->group->comm);
		if (member->group->alive)
			poll_group_expect(engine, member->group);
		else
			member->group->check_at = 0;
	}
}
