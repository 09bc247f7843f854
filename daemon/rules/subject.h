/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A subject is one thread of a process, with the facts about it that rules can match.
 * `known` has the facts that have been read. The other facts are undefined.
 *
 * All facts are read through one /proc directory, which is opened once. A pidfd shows
 * after the opening and after each read that the process of the directory is alive. So
 * all facts belong to the same process even if its PID is reused.
 */
#ifndef MAZE_DAEMON_SUBJECT_H
#define MAZE_DAEMON_SUBJECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../base/cgroup.h"
#include "../../lib/maze.h"

/* Names of threads have up to 15 bytes, those of kernel workers up to 63. */
#define SUBJECT_COMM_SIZE 64
/*
 * The size is enough for an `exe` of PATH_MAX. A longer command line is cut, because it
 * can have megabytes and every glob has to scan it.
 */
#define SUBJECT_TEXT_SIZE 4097

/* The facts, from the cheapest to the most expensive, with the members they fill. */
#define FACT_COMM (1U << 0)    /* comm */
#define FACT_THREAD (1U << 1)  /* thread_comm */
#define FACT_IDS (1U << 2)     /* uid, gid, ppid */
#define FACT_CGROUP (1U << 3)  /* cgroup */
#define FACT_EXE (1U << 4)     /* exe */
#define FACT_CMDLINE (1U << 5) /* cmdline */
#define FACT_PARENT (1U << 6)  /* parent_comm; FACT_IDS is read too */
#define FACT_QUOTA (1U << 7)   /* cpu_quota; FACT_CGROUP is read too */
#define FACT_ALL (FACT_QUOTA * 2 - 1)

struct subject {
	unsigned int known; /* FACT_* */
	unsigned int late;  /* FACT_* whose read failed with -ETIMEDOUT */
	pid_t pid;
	pid_t tid;
	bool is_main; /* always known: tid == pid */
	uid_t uid;    /* the real UID, as in records */
	gid_t gid;    /* the real GID */
	pid_t ppid;
	char comm[SUBJECT_COMM_SIZE];	     /* the name of the main thread */
	char thread_comm[SUBJECT_COMM_SIZE]; /* the name of this thread */
	char parent_comm[SUBJECT_COMM_SIZE]; /* "": no visible parent */
	char exe[SUBJECT_TEXT_SIZE];	     /* "": a kernel thread or an exiting process */
	char cmdline[SUBJECT_TEXT_SIZE];     /* arguments joined by blanks */
	char cgroup[SUBJECT_TEXT_SIZE];	     /* the path of cgroup v2, from '/'; "": none */
	bool cpu_quota;			     /* cpu.max limits this cgroup, or one above it */
};

struct subject;

/* The open process from which the facts are read. */
struct subject_source {
	int pidfd;
	int proc_fd; /* the directory /proc/PID */
	int task_fd; /* the directory /proc/PID/task/TID */
	/*
	 * Reads the command line without blocking. If this is NULL, cmdline_read()
	 * (cmdline.h) reads the command line and blocks.
	 */
	int (*get_cmdline)(void *arg, const struct subject_source *source, struct subject *subject);
	void *get_cmdline_arg;
	const struct cgroup_fs *cgroups; /* NULL: a read that needs it opens it */
};

/*
 * Opens process `pid`, or its thread `tid` if `tid` is neither 0 nor `pid`. Sets pid, tid
 * and is_main, but reads no fact. Returns -ESRCH if the process has ended, even if it is
 * not yet reaped, and -EINVAL if `pid` is the TID of another thread. The caller closes
 * the source with subject_close().
 */
int subject_open(pid_t pid, pid_t tid, struct subject_source *ret_source,
		 struct subject *ret_subject, struct maze_error *error);
void subject_close(struct subject_source *source);

/*
 * Reads those of `facts` that are not known yet. Returns -ESRCH if the process has ended,
 * -EACCES without permission, -ETIMEDOUT if reading the command line timed out, or
 * -EINPROGRESS if get_cmdline() has only sent a request. On failure `known` does not
 * change.
 */
int subject_read(const struct subject_source *source, unsigned int facts, struct subject *subject,
		 struct maze_error *error);

#endif
