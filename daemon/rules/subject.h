/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A subject is one thread of a process, with the facts about it that rules can match.
 * `known` has the facts that have been read. The others are undefined.
 *
 * All facts are read through one /proc directory. It is opened once, and a pidfd shows
 * before and after the read that its process is alive. So all facts belong to the same
 * process even if its PID is reused.
 */
#ifndef MAZE_DAEMON_SUBJECT_H
#define MAZE_DAEMON_SUBJECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../lib/maze.h"

/* Names of threads have up to 15 bytes, those of kernel workers up to 63. */
#define SUBJECT_COMM_SIZE 64
/*
 * Enough for an `exe` of PATH_MAX. The command line is cut at this size, because it can
 * be megabytes and every glob has to scan it.
 */
#define SUBJECT_TEXT_SIZE 4097

/* The facts, the cheapest first. Each is read from one file of /proc. */
#define FACT_COMM (1U << 0)    /* comm */
#define FACT_THREAD (1U << 1)  /* thread_comm */
#define FACT_IDS (1U << 2)     /* uid, gid, ppid */
#define FACT_CGROUP (1U << 3)  /* cgroup */
#define FACT_EXE (1U << 4)     /* exe */
#define FACT_CMDLINE (1U << 5) /* cmdline */
#define FACT_PARENT (1U << 6)  /* parent_comm; reads FACT_IDS too */
#define FACT_ALL (FACT_PARENT * 2 - 1)

struct subject {
	unsigned int known; /* FACT_* */
	unsigned int late;  /* FACT_* that failed with -ETIMEDOUT */
	pid_t pid;
	pid_t tid;
	bool is_main; /* always known: tid == pid */
	uid_t uid;    /* real, as in records */
	gid_t gid;    /* real */
	pid_t ppid;
	char comm[SUBJECT_COMM_SIZE];	     /* the name of the main thread */
	char thread_comm[SUBJECT_COMM_SIZE]; /* of this thread */
	char parent_comm[SUBJECT_COMM_SIZE]; /* "": no visible parent */
	char exe[SUBJECT_TEXT_SIZE];	     /* "": a kernel thread or an exiting process */
	char cmdline[SUBJECT_TEXT_SIZE];     /* arguments joined by blanks */
	char cgroup[SUBJECT_TEXT_SIZE];	     /* the path of cgroup v2, from '/'; "": none */
};

struct subject;

/* The open process from which the facts are read. */
struct subject_source {
	int pidfd;
	int proc_fd; /* the directory /proc/PID */
	int task_fd; /* the directory /proc/PID/task/TID */
	/*
	 * Reads the command line (cmdline.h). If NULL, cmdline_read() does, and blocks.
	 */
	int (*get_cmdline)(void *arg, const struct subject_source *source, struct subject *subject);
	void *get_cmdline_arg;
};

/*
 * Opens process `pid`, or its thread `tid` if that is neither 0 nor pid; only the IDs are
 * known then. Returns -ESRCH if the process has ended, even if it is not yet reaped, and
 * -EINVAL if pid is a TID. The caller closes the source with subject_close().
 */
int subject_open(pid_t pid, pid_t tid, struct subject_source *ret_source,
		 struct subject *ret_subject, struct maze_error *error);
void subject_close(struct subject_source *source);

/*
 * Reads those of `facts` that are not known yet. Returns -ESRCH if the process has ended,
 * -EACCES without permission, -ETIMEDOUT if the read of its memory timed out, or
 * -EINPROGRESS if get_cmdline has sent a request. On failure `known` does not change.
 */
int subject_read(const struct subject_source *source, unsigned int facts, struct subject *subject,
		 struct maze_error *error);

#endif
