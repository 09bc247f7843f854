/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A look at the process of a verdict while it is there: what it runs, with which words,
 * where, its threads, its mappings. Held by a pidfd while it is looked at, and refused
 * where it began only after the verdict, so that it is no other's who got the number.
 * Each fact may be missing; a look never fails for one.
 */
#ifndef MAZE_EVIDENCE_LOOK_H
#define MAZE_EVIDENCE_LOOK_H

#include <stdbool.h>
#include <sys/types.h>

#include "../core/stack.h"
#include "maps.h"

/* What a person reads, the one that is mazed first; how many there are is known too. */
#define LOOK_THREADS_MAX 64
/* A command line can be megabytes. */
#define LOOK_WORDS_MAX 8192

struct look_thread {
	pid_t tid;
	char comm[64];
	char state; /* as in proc(5): 'R', 'S', … */
	maze_u64 cpu_ns;
};

struct look {
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
	struct look_thread *threads;
	size_t threads_count, threads_total;
	struct maps maps;
};

/*
 * -ESRCH: it is gone; -EACCES: not this user's to see; -ENOMEM. `verdict_ns` is when its
 * verdict was, CLOCK_BOOTTIME.
 */
int look_open(pid_t pid, pid_t tid, maze_u64 verdict_ns, struct look *ret_look);
/* Whether the process is still there. */
bool look_is_live(const struct look *look);
/* Lets go of what only a live process has use for; the facts stay. */
void look_release(struct look *look);
void look_done(struct look *look);

/* The path of a control group by its inode number; NULL: not known. free(3) it. */
char *look_cgroup_path(maze_u64 inode);

struct look_machine {
	char kernel[128];
	long cpus;
	double load[3];
	maze_u64 uptime_s;
};
void look_at_machine(struct look_machine *ret_machine);

#endif
