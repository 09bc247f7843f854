/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declares the parts that watch groups in the poll engine. The caller of each function
 * holds the engine's lock.
 *
 * A group has members, which are entries of the engine's table of processes. While its
 * level is 0 and it uses little CPU time, each member has a CPU-time timer, and the group
 * costs nothing. Otherwise the worker samples it by wall time: rarely while it cannot
 * reach its next stage soon, at short intervals near it (group.c).
 */
#ifndef MAZE_POLL_GROUP_H
#define MAZE_POLL_GROUP_H

#include "../../core/budget.h"
#include "engine_poll.h"
#include "groups.h"

/* One process of a group. */
struct poll_member {
	struct poll_member *next;	     /* in the group */
	struct poll_member *next_of_process; /* the same process in another group */
	struct poll_group *group;
	struct poll_process *process;
	bool seen; /* found in the current list of a control group */
	/* Of a tree only: */
	maze_u64 cpu_ns;      /* its clock at the last sample */
	maze_u64 children_ns; /* the CPU time of the children that it has waited for, likewise */
	maze_u64 children_lag_ns; /* the most by which children_ns lags */
	maze_u64 parent_ns;	  /* children_ns of its parent, read before cpu_ns */
	/*
	 * CPU time of children that are gone, at their last samples, and children_ns when the
	 * first of them was last seen.
	 */
	maze_u64 dropped_ns, dropped_at_ns;
	pid_t ppid;
	bool has_children; /* it has or had children */
	bool ppid_is_old;  /* its parent has ended since ppid was read */
	bool is_orphan;	   /* its parent is not a member */
	bool is_gone;	   /* it had been reaped when it was read last */
};

/* A control group (group_cgroup.c). All -1 in other groups. */
struct poll_cgroup {
	int dir;
	int stat;    /* cpu.stat */
	int removal; /* inotify watches */
	int events;
};

struct poll_group {
	struct poll_group *next;
	maze_u64 id; /* no other group of this engine has or had it */
	struct maze_policy policy;
	struct maze_budget budget;
	maze_u64 tag;
	maze_u64 cgroup_id;
	/* In a tree, parents are before their children. */
	struct poll_member *members, **members_end;
	maze_u32 alive;	     /* members that have not ended */
	maze_u64 gone_ns;    /* of a tree: CPU time of members that no living member waited for */
	maze_u64 hidden_ns;  /* of a tree: CPU time that came too late to be counted */
	maze_u64 credit_ns;  /* of a tree: see group_clock.c */
	maze_u64 begin_ns;   /* CLOCK_MONOTONIC when the last sample began */
	maze_u64 left_ns;    /* how far the level is below the next stage; 0: none is left */
	maze_u64 usage_ns;   /* at the last check */
	maze_u64 checked_ns; /* CLOCK_MONOTONIC of the last check */
	maze_u64 check_at;   /* CLOCK_MONOTONIC of the next check; POLL_NEVER: timers */
	/*
	 * New members can be missed: a process can move into a control group without an
	 * event, and a process may lack a timer. Then the group is checked by wall time too.
	 */
	bool misses_members;
	bool timer_fired;
	struct poll_cgroup cgroup;
	pid_t pid; /* of the process that was named; 0: a control group */
	maze_u32 uid;
	char comm[MAZE_COMM_LEN];
	char name[MAZE_GROUP_NAME_LEN]; /* of a control group: its path, or its end after "..." */
};

maze_inline enum maze_policy_scope group_scope(const struct poll_group *group)
{
	return (enum maze_policy_scope)maze_policy_scope(group->policy.flags);
}

/* Whether children of its members become members. */
maze_inline bool group_gets_members(const struct poll_group *group)
{
	return group_scope(group) != MAZE_SCOPE_PROCESS;
}

/* ---- group.c: samples, verdicts and checks ---------------------------------------- */

/* Samples the group, executes the verdicts, and plans the next check. */
void poll_group_check(struct engine *engine, struct poll_group *group);
/* Returns the process that was named; NULL: a control group, or it is no longer a member. */
struct poll_process *poll_group_named(const struct engine *engine, const struct poll_group *group);
/* Writes a record of the group. The facts are its event, limit, signal and so on. */
void poll_group_record(struct engine *engine, const struct poll_group *group,
		       const struct maze_record *facts);

/* ---- group_members.c: which process is in which group ------------------------------ */

struct poll_group *poll_group_find(const struct engine *engine, maze_u64 id);
struct poll_member *poll_member_find(const struct poll_group *group,
				     const struct poll_process *process);
/* Adds the process, unless it is a member or maze itself. -ENOMEM */
int poll_group_join(struct engine *engine, struct poll_group *group, struct poll_process *process,
		    pid_t ppid);
/* Finds or opens the process with this PID, and adds it. -ESRCH: it has ended. */
int poll_group_join_pid(struct engine *engine, struct poll_group *group, pid_t pid, pid_t ppid);
/* Plans a check of the group soon. */
void poll_group_expect(const struct engine *engine, struct poll_group *group);
/* Removes a member, and drops its process if nothing else is watched in it. */
void poll_group_leave(struct engine *engine, struct poll_member *member);
/* Adds all descendants of the members of a tree. */
void poll_tree_descend(struct engine *engine, struct poll_group *group);
/* Frees a group that is not, or no longer, in the engine's list. */
void poll_group_free(struct engine *engine, struct poll_group *group);
/* Removes the group without a record. */
void poll_group_drop(struct engine *engine, struct poll_group *group);
/* Writes the last record of the group and frees it. */
void poll_group_end(struct engine *engine, struct poll_group *group, enum maze_event event);

/* ---- group_clock.c: the CPU time that a group has used ----------------------------- */

/* Samples the clock of the group. -ESRCH: the process or control group is gone. */
int poll_group_sample(struct engine *engine, struct poll_group *group,
		      struct maze_budget_sample *ret_sample);
/* Returns the number of CPUs that are online, at most a second old. */
maze_u64 poll_cpus(struct engine *engine);
/* Prepares the exact clock of ended children, if this user and kernel can have it. */
void poll_tree_open_clock(struct engine *engine);
/* Reads the clock of a process; false: it has been reaped. */
bool poll_process_clock(const struct poll_process *process, maze_u64 *ret_ns);
/* Reads the clocks of a member for the last time, if it is still a zombie. */
void poll_member_ended(struct engine *engine, struct poll_member *member);

/* ---- group_cgroup.c: control groups ------------------------------------------------- */

/* Opens the files of the group. `dir` is duplicated. */
int poll_cgroup_open(struct engine *engine, struct poll_group *group, int dir,
		     struct maze_error *error);
void poll_cgroup_close(struct engine *engine, struct poll_group *group);
/* Makes its processes the members, and removes others if all could be read. */
void poll_cgroup_read_members(struct engine *engine, struct poll_group *group);
/* Whether PID 1 or maze itself is in it, or that cannot be known. */
bool poll_cgroup_is_protected(const struct poll_group *group);
/* Returns the CPU time in ns, or -errno. */
long long poll_cgroup_usage(const struct poll_group *group);
/* Sends SIGKILL to all processes in it. Returns 0 or -errno. */
int poll_cgroup_kill(const struct poll_group *group);

#endif
