/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mazed creates the child with clone(2), because posix_spawn(3) returns no pidfd.
 * clone3(2) could create the child in the command's cgroup. But systemd's
 * RestrictNamespaces= blocks clone3(2), because a seccomp filter cannot read the flags of
 * clone3(2). So the child enters the cgroup itself before it executes the program. All
 * processes of the command are thus in the cgroup.
 *
 * mazed may have several threads. So between clone(2) and execve(2), the child calls only
 * functions that signal-safety(7) allows. It allocates no memory and takes no locks.
 */
#include "command_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/*
 * A signal that is ignored stays ignored after execve(2), so this function sets all
 * signals to SIG_DFL. mazed may have inherited signals 32 and 33 as ignored, but glibc
 * does not let a program change them. So this function uses the system call. Its struct
 * begins with the handler, and 0 is SIG_DFL.
 */
static void reset_signals(void)
{
	static const unsigned long defaults[8];
	int signal;

	for (signal = 1; signal < NSIG; signal++)
		syscall(SYS_rt_sigaction, signal, defaults, NULL, NSIG / 8);
}

/* Gives up mazed's priority and OOM protection. The child still runs if this fails. */
static void reset_privileges(void)
{
	struct sched_param none = { 0 };
	int fd;

	sched_setscheduler(0, SCHED_OTHER, &none);
	setpriority(PRIO_PROCESS, 0, 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "0", 1) < 0)
			errno = 0;
		close(fd);
	}
}

static int enter_group(int cgroup_fd)
{
	int fd, err = 0;

	if (cgroup_fd < 0)
		return 0;
	fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int set_descriptors(const struct command_spawn *spawn)
{
	unsigned int kept = COMMAND_PIDFD;

	if (dup2(spawn->input_fd, STDIN_FILENO) < 0 || dup2(spawn->output_fd, STDOUT_FILENO) < 0 ||
	    dup2(spawn->output_fd, STDERR_FILENO) < 0)
		return -errno;
	if (spawn->pidfd >= 0 && dup2(spawn->pidfd, (int)kept++) < 0)
		return -errno;
	/* mazed's descriptors are O_CLOEXEC, but those of a library may not be. */
	if (syscall(SYS_close_range, kept, ~0U, CLOSE_RANGE_CLOEXEC))
		return errno == ENOSYS ? 0 : -errno;
	return 0;
}

static void __attribute__((noreturn)) run_program(const struct command_spawn *spawn)
{
	sigset_t none;
	int failure;

	reset_signals();
	reset_privileges();
	setsid();
	failure = -enter_group(spawn->cgroup_fd);
	if (!failure)
		failure = -set_descriptors(spawn);
	if (!failure && chdir("/"))
		failure = errno;
	if (!failure) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execve(spawn->argv[0], spawn->argv, spawn->env);
		failure = errno;
	}
	if (write(spawn->failure_fd, &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(127);
}

int command_spawn(const struct command_spawn *spawn, pid_t *ret_pid, int *ret_pidfd)
{
	sigset_t all, before;
	int pidfd = -1, err;
	long pid;

	/* Block all signals, so that no signal handler of mazed runs in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, 0);
	if (!pid)
		run_program(spawn);
	err = pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return err;
	*ret_pid = (pid_t)pid;
	*ret_pidfd = pidfd;
	return 0;
}
