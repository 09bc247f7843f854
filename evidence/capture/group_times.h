/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the processes of a group and reads their CPU times. Two readings show which
 * threads use the most, and how much was used by threads and children that have ended in
 * between. Reads only files of /proc that take no lock of a memory map.
 */
#ifndef MAZE_EVIDENCE_GROUP_TIMES_H
#define MAZE_EVIDENCE_GROUP_TIMES_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../core/policy.h"
#include "../../core/record.h"

#define GROUP_CONSUMERS_MAX 3

struct group_subject {
	maze_u32 scope;	     /* enum maze_policy_scope; not MAZE_SCOPE_THREAD */
	pid_t pid;	     /* the process, or the root of the tree */
	maze_u64 verdict_ns; /* CLOCK_BOOTTIME; a process with this PID began before */
	pid_t reaper;	     /* gets the orphans of the tree as children; 0: unknown */
	maze_u64 cgroup_id;  /* the inode number of the control group */
	const char *cgroup;  /* its path; NULL: unknown */
};

struct group_process {
	pid_t pid, ppid;
	maze_u64 start_ticks; /* since boot */
	/* CPU time of its threads, and of its children that have ended and were waited for. */
	long long own_ns, children_ns;
	char comm[MAZE_COMM_LEN];
};

struct group_thread {
	pid_t pid, tid;
	maze_u64 runtime_ns;
};

struct group_times {
	maze_u64 boot_ns, mono_ns;	 /* when the reading began */
	struct group_process *processes; /* sorted by PID */
	struct group_thread *threads;	 /* sorted by PID and TID */
	size_t processes_count, threads_count;
	bool cut; /* there are more, or they were not read in time */
};

/*
 * Returns 0, also if there is no process left, or -ENOENT (no such control group), -ENOMEM
 * or another -errno. Takes at most about 300 ms.
 */
int group_times_read(const struct group_subject *subject, struct group_times *ret_times);
void group_times_done(struct group_times *times);

enum group_consumer_kind { GROUP_THREAD, GROUP_ENDED_THREADS, GROUP_ENDED_CHILDREN };

struct group_consumer {
	enum group_consumer_kind kind;
	pid_t pid, tid; /* tid 0: not a thread */
	maze_u64 start_ticks;
	maze_u64 cpu_ns;
	char comm[MAZE_COMM_LEN]; /* of the process */
};

/*
 * Finds what has used the most CPU time since `from`, and its sum for the group. If `from`
 * is empty, since the processes began. Changes `to`. Returns the number of consumers.
 */
size_t group_times_compare(const struct group_times *from, struct group_times *to,
			   struct group_consumer ret_consumers[GROUP_CONSUMERS_MAX],
			   maze_u64 *ret_cpu_ns);

#endif
