/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A look at the process of a verdict while it is there: what it runs, with which words,
 * where, its threads, its mappings. Held by a pidfd while it is looked at, and refused
 * where it began only after the verdict, so that it is no other's who got the number.
 * Each fact may be missing; a look never fails for one.
 */
#ifndef MAZE_EVIDENCE_PROCESS_INFO_H
#define MAZE_EVIDENCE_PROCESS_INFO_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../core/stack.h"
#include "maps.h"

/* What a person reads, the one that is mazed first; how many there are is known too. */
#define PROCESS_INFO_THREADS_MAX 64
/* A command line can be megabytes. */
#define PROCESS_INFO_WORDS_MAX 8192

struct process_info_thread {
	pid_t tid;
	char comm[64];
	char state; /* as in proc(5): 'R', 'S', … */
	maze_u64 cpu_ns;
};

struct process_info {
	int proc_fd;	   /* its directory in /proc, of no use once it is gone; -1 */
	maze_u64 start_ns; /* CLOCK_BOOTTIME, to a clock tick; 0: not known */
	pid_t ppid;
	unsigned int uid;
	pid_t inner_pid; /* its number in its own pid namespace */
	char comm[64];
	char *exe;   /* NULL: not known */
	char *words; /* as /proc/PID/cmdline; NULL: not known */
	size_t words_size;
	bool words_cut;
	char *cgroup;	 /* path in version 2; NULL: not known */
	long open_files; /* -1: not known */
	struct process_info_thread *threads;
	size_t threads_count, threads_total;
	struct maps maps;
};

/*
 * -ESRCH: it is gone; -EACCES: not this user's to see; -ENOMEM. `verdict_ns` is when its
 * verdict was, CLOCK_BOOTTIME.
 */
int process_info_open(pid_t pid, pid_t tid, maze_u64 verdict_ns, struct process_info *ret_live);
/* Whether the process is still there. */
bool process_info_is_live(const struct process_info *live);
/* Lets go of what only a live process has use for; the facts stay. */
void process_info_release(struct process_info *live);
void process_info_done(struct process_info *live);

/* The path of a control group by its inode number; NULL: not known. free(3) it. */
char *process_info_cgroup_path(maze_u64 inode);

struct machine_info {
	char kernel[128];
	long cpus;
	double load[3];
	maze_u64 uptime_s;
};
void machine_info_read(struct machine_info *ret_machine);

#endif
