/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A signal to exactly one thread, or to its process, and never to another one that has its
 * number since.
 *
 * Linux 6.9 has pidfds of threads. Before, tgkill(2) takes two numbers: while the
 * process that the pidfd holds has not ended, its number is its own, so the pidfd
 * is asked right before and right after. Where the signal means the process anyway
 * (SIGKILL) or there is but one thread, the process's pidfd is all it takes.
 */
#include "engine_poll.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* include/uapi/linux/pidfd.h */
#endif

static int send_by_pidfd(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) ? -errno : 0;
}

/* -EINVAL: this kernel has no pidfds of threads. */
static int send_by_thread_pidfd(const struct poll_process *process, pid_t tid, int signal)
{
	int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD), err;
	struct thread_status status;

	if (fd < 0)
		return -errno;
	/* The process has such a thread still: so that is the one the pidfd holds. */
	err = proc_thread_status(process->dir, tid, &status);
	if (!err)
		err = send_by_pidfd(fd, signal);
	close(fd);
	return err;
}

static int send_by_numbers(const struct poll_process *process, pid_t tid, int signal)
{
	int err = send_by_pidfd(process->pidfd, 0);

	if (err)
		return err;
	return syscall(SYS_tgkill, process->pid, tid, signal) ? -errno
							      : send_by_pidfd(process->pidfd, 0);
}

int poll_deliver(const struct poll_process *process, const struct poll_thread *thread, int signal)
{
	int err;

	/* 2 links are those of any directory, the third is the only thread's. */
	if (signal == SIGKILL || thread->policy.flags & MAZE_POLICY_TO_PROCESS ||
	    proc_thread_links(process->dir) == 3)
		return send_by_pidfd(process->pidfd, signal);
	err = send_by_thread_pidfd(process, thread->tid, signal);
	if (err != -EINVAL)
		return err;
	return send_by_numbers(process, thread->tid, signal);
}
