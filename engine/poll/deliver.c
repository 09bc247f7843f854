/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends a signal to one thread or to its process, never to a task that has reused the ID.
 *
 * From Linux 6.9 on, a pidfd can refer to a thread. On older kernels, tgkill(2) sends the
 * signal by PID and TID. The PID is not reused while the process of its pidfd exists, so
 * the pidfd is tested before and after tgkill(2). For SIGKILL, and for a process with one
 * thread, the pidfd of the process suffices.
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

/* Returns -EINVAL if this kernel has no pidfds of threads. */
static int send_by_thread_pidfd(const struct poll_process *process, pid_t tid, int signal)
{
	int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD), err;
	struct thread_status status;

	if (fd < 0)
		return -errno;
	/*
	 * If the process still has a thread with this TID, the fd refers to that thread.
	 */
	err = proc_thread_status(process->dir, tid, &status);
	if (!err)
		err = send_by_pidfd(fd, signal);
	close(fd);
	return err;
}

static int send_by_tgkill(const struct poll_process *process, pid_t tid, int signal)
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

	/* /proc/PID/task has 2 links, and 1 more for each thread. */
	if (signal == SIGKILL || thread->policy.flags & MAZE_POLICY_TO_PROCESS ||
	    proc_thread_links(process->dir) == 3)
		return send_by_pidfd(process->pidfd, signal);
	err = send_by_thread_pidfd(process, thread->tid, signal);
	if (err != -EINVAL)
		return err;
	return send_by_tgkill(process, thread->tid, signal);
}
