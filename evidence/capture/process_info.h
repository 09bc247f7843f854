/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads facts about the live process of a runaway thread from /proc: program, command
 * line, cgroup, threads, mappings. Each fact may be missing. A process that started after
 * the verdict is refused, because it reuses the PID.
 */
#ifndef MAZE_EVIDENCE_PROCESS_INFO_H
#define MAZE_EVIDENCE_PROCESS_INFO_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../core/stack.h"
#include "maps.h"

/* The maximum of threads. Others are only counted. The first is the runaway thread. */
#define PROCESS_INFO_THREADS_MAX 64
/* The maximum of bytes that are read of a command line, which can have megabytes. */
#define PROCESS_INFO_WORDS_MAX 8192

struct process_info_thread {
	pid_t tid;
	char comm[64];
	char state; /* as in proc(5): 'R', 'S', … */
	maze_u64 cpu_ns;
};

struct process_info {
	int proc_fd;	   /* open /proc/PID; -1: released */
	maze_u64 start_ns; /* CLOCK_BOOTTIME, rounded down to a clock tick; 0: unknown */
	pid_t ppid;
	unsigned int uid;
	pid_t inner_pid; /* the PID in the innermost PID namespace of the process */
	char comm[64];
	char *exe;   /* NULL: unknown */
	char *words; /* in the format of /proc/PID/cmdline; NULL: unknown */
	size_t words_size;
	bool words_cut;
	char *cgroup;	 /* cgroup v2 path; NULL: unknown */
	long open_files; /* -1: unknown */
	struct process_info_thread *threads;
	size_t threads_count, threads_total;
	struct maps maps;
};

/*
 * `verdict_ns` is the CLOCK_BOOTTIME of the verdict. Returns -ESRCH if the process has
 * ended, -EACCES if this user may not read it, or -ENOMEM.
 */
int process_info_open(pid_t pid, pid_t tid, maze_u64 verdict_ns, struct process_info *ret_live);
/* Returns the number of a thread in the innermost PID namespace, or -ESRCH. */
pid_t process_info_inner_tid(const struct process_info *live, pid_t tid);
bool process_info_is_live(const struct process_info *live);
/* Closes /proc/PID and keeps the facts. */
void process_info_release(struct process_info *live);
void process_info_done(struct process_info *live);

#endif
