/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A subject: the facts about one thread of a process that rules can match. `known` has
 * those that have been read; the others are undefined.
 *
 * All facts are read through one /proc directory that is opened once and checked by a
 * pidfd before and after, so they all belong to the same process even if its PID is
 * reused.
 */
#ifndef MAZE_DAEMON_SUBJECT_H
#define MAZE_DAEMON_SUBJECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../lib/maze.h"

/* Names have up to 15 bytes, those of kernel workers up to 63. */
#define SUBJECT_COMM_SIZE 64
/*
 * exe: PATH_MAX. The command line is cut there: it can be megabytes, and every glob has to
 * scan it.
 */
#define SUBJECT_TEXT_SIZE 4097

/* Facts in order of cost. Each is one file of /proc. */
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
	char comm[SUBJECT_COMM_SIZE];	     /* of the process: its main thread's */
	char thread_comm[SUBJECT_COMM_SIZE]; /* of this thread */
	char parent_comm[SUBJECT_COMM_SIZE]; /* "": no visible parent */
	char exe[SUBJECT_TEXT_SIZE];	     /* "": a kernel thread, or it is exiting */
	char cmdline[SUBJECT_TEXT_SIZE];     /* arguments joined by blanks */
	char cgroup[SUBJECT_TEXT_SIZE];	     /* of version 2, begins with '/'; "": none */
};

struct subject;

/* Where the facts are read from. */
struct subject_source {
	int pidfd;
	int proc_fd; /* the directory /proc/PID */
	int task_fd; /* the directory /proc/PID/task/TID */
	/* Reads the command line (cmdline.h); NULL: cmdline_read(), which blocks. */
	int (*get_cmdline)(void *arg, const struct subject_source *source, struct subject *subject);
	void *get_cmdline_arg;
};

/*
 * Opens process `pid`, or its thread `tid` if that is neither 0 nor pid; only the IDs are
 * known then. -ESRCH: it has ended, even if it is not yet reaped; -EINVAL: pid is a TID.
 * Close with subject_close().
 */
int subject_open(pid_t pid, pid_t tid, struct subject_source *ret_source,
		 struct subject *ret_subject, struct maze_error *error);
void subject_close(struct subject_source *source);

/*
 * Reads the `facts` that are not known yet. -ESRCH: the process has ended; -EACCES: no
 * permission; -ETIMEDOUT: reading its memory timed out; -EINPROGRESS: the source's
 * get_cmdline has sent a request. On failure the known facts stay the same.
 */
int subject_read(const struct subject_source *source, unsigned int facts, struct subject *subject,
		 struct maze_error *error);

#endif
