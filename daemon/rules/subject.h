/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A subject: one thread of one process, as far as rules can ask about it. `known`
 * says which of the facts have been read; the others hold nothing.
 *
 * Everything is read through one directory of /proc that is opened once and held
 * against a pidfd, before and after: what is in a subject was true of that very
 * process, and never of another that got its number.
 */
#ifndef MAZE_DAEMON_SUBJECT_H
#define MAZE_DAEMON_SUBJECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../lib/maze.h"

/* The kernel's names are up to 15 bytes; those of kernel workers show as up to 63. */
#define SUBJECT_COMM_SIZE 64
/*
 * The file name: PATH_MAX. The command line: cut there, because a process may give
 * itself megabytes of it and every glob has to look at all of them.
 */
#define SUBJECT_TEXT_SIZE 4097

/* Facts, by what it costs to read them: each is one file of /proc. */
#define FACT_COMM (1U << 0)    /* comm */
#define FACT_THREAD (1U << 1)  /* thread_comm */
#define FACT_IDS (1U << 2)     /* uid, gid, ppid */
#define FACT_CGROUP (1U << 3)  /* cgroup */
#define FACT_EXE (1U << 4)     /* exe */
#define FACT_CMDLINE (1U << 5) /* cmdline */
#define FACT_PARENT (1U << 6)  /* parent_comm; brings FACT_IDS with it */
#define FACT_ALL (FACT_PARENT * 2 - 1)

struct subject {
	unsigned int known; /* FACT_* */
	unsigned int late;  /* FACT_* of which subject_read() has said -ETIMEDOUT */
	pid_t pid;
	pid_t tid;
	bool is_main; /* always known: tid == pid */
	uid_t uid;    /* real, as in records */
	gid_t gid;    /* real */
	pid_t ppid;
	char comm[SUBJECT_COMM_SIZE];	     /* of the process: its main thread's */
	char thread_comm[SUBJECT_COMM_SIZE]; /* of this thread */
	char parent_comm[SUBJECT_COMM_SIZE]; /* "": no parent that we can see */
	char exe[SUBJECT_TEXT_SIZE];	     /* "": a kernel thread, or one about to end */
	char cmdline[SUBJECT_TEXT_SIZE];     /* arguments joined by blanks */
	char cgroup[SUBJECT_TEXT_SIZE];	     /* of version 2, from '/'; "": there is none */
};

struct subject;

/* Where a subject's facts are read from. */
struct subject_source {
	int pidfd;
	int proc_fd; /* the directory /proc/PID */
	int task_fd; /* the directory /proc/PID/task/TID */
	/* How the command line is had (cmdline.h); NULL: cmdline_read(), which waits. */
	int (*get_cmdline)(void *arg, const struct subject_source *source, struct subject *subject);
	void *get_cmdline_arg;
};

/*
 * Opens process `pid`, or its thread `tid` when that is neither 0 nor pid, and
 * starts a subject of which only the numbers are known. -ESRCH: it is gone, or has
 * ended and waits for its parent; -EINVAL: no process, but a thread of one. Close
 * with subject_close().
 */
int subject_open(pid_t pid, pid_t tid, struct subject_source *ret_source,
		 struct subject *ret_subject, struct maze_error *error);
void subject_close(struct subject_source *source);

/*
 * Reads those of the facts that are not known yet. -ESRCH: it has ended meanwhile;
 * -EACCES: not ours to look at; -ETIMEDOUT: its memory does not answer; -EINPROGRESS: the
 * source's get_cmdline has asked for it. Then none of them has become known.
 */
int subject_read(const struct subject_source *source, unsigned int facts, struct subject *subject,
		 struct maze_error *error);

#endif
