/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This file reads the facts of subject.h from /proc. Two properties of the kernel make
 * this safe even if a PID is reused. An open /proc directory never changes to another
 * process, and reads in it fail with ESRCH after its process is gone. If a process is
 * alive after its /proc directory was opened by PID, the directory belongs to that
 * process.
 */
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../../base/proc_files.h"
#include "cmdline.h"
#include "../../base/pidfd.h"

/* The parent is read again if it has changed meanwhile, but at most this many times. */
#define PARENT_TRIES 8

static int fail_read(const struct subject *subject, int err, const char *what,
		     struct maze_error *error)
{
	if (err == -EACCES || err == -EPERM)
		return maze_fail(error, -EACCES,
				 "no permission to read %s of process %d; root may read it", what,
				 subject->pid);
	if (err == -ESRCH || err == -ENOENT)
		return maze_fail(error, -ESRCH, "process %d, or its thread %d, has ended",
				 subject->pid, subject->tid);
	if (err == -ETIMEDOUT)
		return maze_fail(error, err,
				 "cannot read %s of process %d: reading its memory timed out", what,
				 subject->pid);
	return maze_fail(error, err, "cannot read %s of process %d: %s", what, subject->pid,
			 strerror(-err));
}

/* ---- reading one fact -------------------------------------------------------------- */

static int read_comm(int directory_fd, const char *name, char *comm)
{
	char text[SUBJECT_COMM_SIZE + 1] = "";
	ssize_t length = read_file_at(directory_fd, name, text, sizeof(text));

	if (length < 0)
		return (int)length;
	/* The kernel appends one newline. Other newlines belong to the name. */
	if (length && text[length - 1] == '\n')
		text[length - 1] = '\0';
	text[SUBJECT_COMM_SIZE - 1] = '\0';
	memcpy(comm, text, SUBJECT_COMM_SIZE);
	return 0;
}

static int read_ids(const struct subject_source *source, struct subject *subject)
{
	struct thread_status status;
	int err = proc_thread_status(source->proc_fd, subject->tid, &status);

	if (err)
		return err;
	subject->ppid = status.ppid;
	subject->uid = status.uid;
	subject->gid = status.gid;
	return 0;
}

/*
 * The parent's PID may be reused during the read. But a process never returns to an
 * earlier parent. So if PPid is the same before and after the read, the PID was the
 * parent's.
 */
static int read_parent(const struct subject_source *source, struct subject *subject)
{
	char name[64];
	pid_t ppid;
	int err, tries;

	for (tries = 0; tries < PARENT_TRIES; tries++) {
		err = read_ids(source, subject);
		if (err)
			return err;
		ppid = subject->ppid;
		subject->parent_comm[0] = '\0';
		/* PPid is 0 if the parent is outside of this PID namespace. */
		if (!ppid)
			return 0;
		snprintf(name, sizeof(name), "/proc/%d/comm", ppid);
		/* A parent that is invisible (hidepid) counts as no parent. */
		if (read_comm(AT_FDCWD, name, subject->parent_comm))
			subject->parent_comm[0] = '\0';
		err = read_ids(source, subject);
		if (err)
			return err;
		if (subject->ppid == ppid)
			return 0;
	}
	return -EAGAIN;
}

static int read_exe(const struct subject_source *source, struct subject *subject)
{
	ssize_t length = readlinkat(source->task_fd, "exe", subject->exe, sizeof(subject->exe) - 1);

	/* A kernel thread has no program. subject_read() detects an ended process. */
	if (length < 0 && errno == ENOENT)
		length = 0;
	if (length < 0)
		return -errno;
	subject->exe[length] = '\0';
	/* A process keeps its rule after an upgrade of its package. */
	proc_strip_deleted(subject->exe);
	return 0;
}

static int read_cmdline(const struct subject_source *source, struct subject *subject)
{
	/* get_cmdline() uses subject->uid, so read the IDs first. */
	int err = read_ids(source, subject);

	if (err)
		return err;
	if (source->get_cmdline)
		return source->get_cmdline(source->get_cmdline_arg, source, subject);
	return cmdline_read(source, subject);
}

static int read_cgroup(const struct subject_source *source, struct subject *subject)
{
	char text[PROC_CGROUP_SIZE] = "";
	int err = proc_cgroup(source->task_fd, text);

	/* A kernel without cgroups does not have the file. */
	if (err && err != -ENOENT)
		return err;
	snprintf(subject->cgroup, sizeof(subject->cgroup), "%.*s", (int)sizeof(subject->cgroup) - 1,
		 text);
	proc_strip_deleted(subject->cgroup);
	return 0;
}

static int read_quota(const struct subject_source *source, struct subject *subject)
{
	struct cgroup_fs opened = { .fd = -1 };
	int err = read_cgroup(source, subject);

	if (err)
		return err;
	/* Without cgroups of version 2, there is no quota of version 2. */
	if (!source->cgroups)
		cgroup_fs_open(&opened, NULL);
	subject->cpu_quota = cgroup_has_cpu_quota(source->cgroups ?: &opened, subject->cgroup);
	cgroup_fs_close(&opened);
	return 0;
}

static int read_process_comm(const struct subject_source *source, struct subject *subject)
{
	return read_comm(source->proc_fd, "comm", subject->comm);
}

static int read_thread_comm(const struct subject_source *source, struct subject *subject)
{
	return read_comm(source->task_fd, "comm", subject->thread_comm);
}

static const struct {
	unsigned int facts;
	const char *what;
	int (*read)(const struct subject_source *source, struct subject *subject);
} readers[] = {
	{ FACT_COMM, "the name", read_process_comm },
	{ FACT_THREAD, "the thread's name", read_thread_comm },
	{ FACT_IDS, "the status", read_ids },
	{ FACT_CGROUP, "the cgroup", read_cgroup },
	{ FACT_EXE, "the program", read_exe },
	{ FACT_CMDLINE, "the command line", read_cmdline },
	{ FACT_PARENT | FACT_IDS, "the parent", read_parent },
	{ FACT_QUOTA | FACT_CGROUP, "the CPU quota", read_quota },
};

/* ---- reading several facts --------------------------------------------------------- */

int subject_read(const struct subject_source *source, unsigned int facts, struct subject *subject,
		 struct maze_error *error)
{
	unsigned int wanted = facts & ~subject->known, became_known = 0;
	size_t i;
	int err;

	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		/*
		 * A read of the parent also reads the IDs, and a read of the quota the
		 * cgroup. But if only these are wanted, an earlier row has read them, so
		 * the later row is skipped.
		 */
		if (!(wanted & readers[i].facts & ~became_known))
			continue;
		err = readers[i].read(source, subject);
		if (err == -ETIMEDOUT)
			subject->late |= readers[i].facts;
		if (err)
			return fail_read(subject, err, readers[i].what, error);
		became_known |= readers[i].facts;
	}
	/* If the process has ended meanwhile, the facts are not valid. */
	if (pidfd_has_ended(source->pidfd) || faccessat(source->task_fd, "comm", F_OK, 0))
		return fail_read(subject, -ESRCH, "anything", error);
	subject->known |= became_known;
	return 0;
}

static int open_directories(pid_t tid, struct subject_source *source, struct subject *subject,
			    struct maze_error *error)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d", subject->pid);
	source->proc_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source->proc_fd < 0)
		return fail_read(subject, -errno, "the /proc directory", error);
	snprintf(name, sizeof(name), "task/%d", tid);
	source->task_fd = openat(source->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source->task_fd < 0)
		return fail_read(subject, -errno, "the thread's /proc directory", error);
	if (pidfd_has_ended(source->pidfd))
		return fail_read(subject, -ESRCH, "anything", error);
	return 0;
}

int subject_open(pid_t pid, pid_t tid, struct subject_source *ret_source,
		 struct subject *ret_subject, struct maze_error *error)
{
	struct subject_source source = { .pidfd = -1, .proc_fd = -1, .task_fd = -1 };
	int err;

	if (!tid)
		tid = pid;
	/* Clear only `known` and `late`, because the texts have many kilobytes. */
	ret_subject->known = ret_subject->late = 0;
	ret_subject->pid = pid;
	ret_subject->tid = tid;
	ret_subject->is_main = tid == pid;
	source.pidfd = pidfd_open(pid, 0);
	/*
	 * If `pid` is the TID of another thread, the call fails with one of these errors.
	 */
	if (source.pidfd < 0 && (errno == EINVAL || errno == ENOENT))
		return maze_fail(error, -EINVAL,
				 "%d is not the PID of a process; it may be the TID of a thread",
				 pid);
	if (source.pidfd < 0)
		return fail_read(ret_subject, -errno, "a descriptor", error);
	err = open_directories(tid, &source, ret_subject, error);
	if (err) {
		subject_close(&source);
		return err;
	}
	*ret_source = source;
	return 0;
}

void subject_close(struct subject_source *source)
{
	int *fds[] = { &source->pidfd, &source->proc_fd, &source->task_fd };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
