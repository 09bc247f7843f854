/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `maze watch --wait` prints records until the given processes or groups have ended or a
 * signal ends the waiting. The watches end with this process, so --wait also works with engines
 * that keep nothing in the kernel.
 */
#include "watch.h"
#include "groups.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FD_SIGNALS, FD_RECORDS, FD_SERVICE, FD_FIRST_PROCESS };

static int open_signals(void)
{
	sigset_t mask;

	block_end_signals(&mask);
	sigaddset(&mask, SIGQUIT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Watches the processes and adds their pidfds to `fds`. Returns the number of pidfds. */
static int watch_processes(struct session *session, const struct watch_targets *targets,
			   struct pollfd *fds)
{
	int i, watched = 0;

	for (i = 0; i < targets->count; i++) {
		fds[watched].fd = (int)syscall(SYS_pidfd_open, targets->pids[i], 0);
		fds[watched].events = POLLIN;
		if (watch_one(session->command, session->options, session->maze, targets, i,
			      session->tag) &&
		    fds[watched].fd >= 0)
			watched++;
		else if (fds[watched].fd >= 0)
			close(fds[watched].fd);
	}
	return watched;
}

static int watch_groups(struct session *session, const struct watch_targets *targets)
{
	int i, watched = 0;

	for (i = 0; i < targets->count; i++)
		watched += watch_one(session->command, session->options, session->maze, targets, i,
				     session->tag);
	return watched;
}

/* Removes the processes that have ended. Returns the number of the others. */
static int drop_ended(struct pollfd *processes, int count)
{
	int i, left = 0;

	for (i = 0; i < count; i++) {
		if (!processes[i].revents)
			processes[left++] = processes[i];
		else
			close(processes[i].fd);
	}
	return left;
}

/*
 * Returns the exit status. 0: all processes or groups have ended. 128+N: signal N ended
 * the waiting. The end of a group has a record, which wakes this process.
 */
static int wait_for_all(struct session *session, struct pollfd *fds, int count)
{
	bool groups = is_for_group(session->options);
	struct signalfd_siginfo info;
	int timeout = -1;

	while (count) {
		if (poll(fds, FD_FIRST_PROCESS + (groups ? 0 : (nfds_t)count), timeout) < 0 &&
		    errno != EINTR)
			return EXIT_MAZE_FAILED;
		timeout = maze_service(session->maze);
		session_print(session);
		if (read(fds[FD_SIGNALS].fd, &info, sizeof(info)) == sizeof(info))
			return 128 + (int)info.ssi_signo;
		count = groups ? (int)groups_of_session(session, NULL)
			       : drop_ended(fds + FD_FIRST_PROCESS, count);
	}
	session_print(session);
	return EXIT_MAZE_OK;
}

int watch_and_wait(const struct command *command, const struct options *options,
		   const struct watch_targets *targets)
{
	struct pollfd *fds = calloc(FD_FIRST_PROCESS + (size_t)targets->count, sizeof(*fds));
	int status = EXIT_MAZE_FAILED, watched;
	struct session session;

	if (!fds)
		return EXIT_MAZE_FAILED;
	if (session_open(&session, command, options))
		goto out_close;
	fds[FD_SIGNALS] = (struct pollfd){ .fd = open_signals(), .events = POLLIN };
	fds[FD_RECORDS] = (struct pollfd){ .fd = maze_reader_fd(session.reader), .events = POLLIN };
	fds[FD_SERVICE] = (struct pollfd){ .fd = maze_service_fd(session.maze), .events = POLLIN };
	session_name_process(&session);
	watched = is_for_group(options)
			  ? watch_groups(&session, targets)
			  : watch_processes(&session, targets, fds + FD_FIRST_PROCESS);
	status = wait_for_all(&session, fds, watched);
	if (!status && watched < targets->count)
		status = EXIT_MAZE_FAILED;
out_close:
	session_close(&session);
	free(fds);
	return status;
}
