/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze run: a command under watch from before its first instruction.
 *
 * The child waits on a pipe until it is watched, and only then becomes the
 * command; if maze fails or dies before, the pipe closes and the child ends
 * without having run anything. maze stays in the command's process group, so
 * what the terminal sends reaches both; what is sent to maze alone is passed on. With
 * --stay, maze goes on until all that it watches has ended.
 */
#include "survivors.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
	const struct command *command;
	const struct options *options;
	struct session session;
	sigset_t old_mask;
	int signals; /* signalfd */
	int pidfd;   /* of the command; once it has ended, of a process that --stay waits for */
	pid_t child;
	int status;	/* the exit status of the command; -1 before it has ended */
	bool released;	/* a signal has ended the wait of --stay */
	int go[2];	/* a byte: you are watched, go on */
	int fail[2];	/* errno of a failed execvp(3); closed by a successful one */
	bool reaps;	/* orphans of the command come to us */
	int service_ms; /* after which the engine wants to be attended to again; -1: it does not */
};

/* Passed on when sent to maze alone. */
static const int passed_on[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM };
#define PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))
/* A process that is listed and cannot be opened is ending, or of another PID namespace. */
#define LIST_AGAIN_MS 100

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void become(struct run *run, char **argv)
{
	char byte;
	int err;

	close(run->go[1]);
	close(run->fail[0]);
	if (read(run->go[0], &byte, 1) != 1)
		_exit(EXIT_RUN_FAILED);
	session_restore_limits(&run->session);
	sigprocmask(SIG_SETMASK, &run->old_mask, NULL);
	execvp(argv[0], argv);
	err = errno;
	if (write(run->fail[1], &err, sizeof(err)) != sizeof(err))
		_exit(EXIT_RUN_FAILED);
	_exit(err == ENOENT ? EXIT_RUN_NOT_FOUND : EXIT_RUN_NOT_EXECUTABLE);
}

static int start(struct run *run, char **argv)
{
	sigset_t mask;
	size_t i;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	for (i = 0; i < PASSED_ON; i++)
		sigaddset(&mask, passed_on[i]);
	sigprocmask(SIG_BLOCK, &mask, &run->old_mask);
	run->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run->signals < 0 || pipe2(run->go, O_CLOEXEC) || pipe2(run->fail, O_CLOEXEC))
		goto out_complain;
	run->child = fork();
	if (run->child < 0)
		goto out_complain;
	if (!run->child)
		become(run, argv);
	/* Whoever reads our records may go; the watch must not end with that. */
	signal(SIGPIPE, SIG_IGN);
	close_fd(&run->go[0]);
	close_fd(&run->fail[1]);
	run->pidfd = (int)syscall(SYS_pidfd_open, run->child, 0);
	if (run->pidfd >= 0)
		return 0;
out_complain:
	complain(run->command, "cannot start a process: %s", strerror(errno));
	return -errno;
}

/* Watches the child, lets it go, and hears whether it became the command. */
static int let_go(struct run *run, const char *name)
{
	struct maze_error error = { "" };
	int err, why = 0;

	if (maze_service_fd(run->session.maze) >= 0)
		run->service_ms = maze_service(run->session.maze);
	err = maze_watch_pidfd(run->session.maze, run->pidfd, 0, &run->options->policy,
			       run->session.tag, &error);
	if (!err)
		run->reaps =
			maze_adopt(run->session.maze, &run->options->policy, run->session.tag) == 1;
	if (err) {
		complain(run->command, "%s", error.text);
		return EXIT_RUN_FAILED;
	}
	if (write(run->go[1], "", 1) != 1) {
		complain(run->command, "the child is gone: %s", strerror(errno));
		return EXIT_RUN_FAILED;
	}
	close_fd(&run->go[1]);
	if (read(run->fail[0], &why, sizeof(why)) != sizeof(why))
		return 0;
	if (why == ENOENT) {
		complain(run->command, "\"%s\" is not found; give a path, or a name in $PATH",
			 name);
		return EXIT_RUN_NOT_FOUND;
	}
	complain(run->command, "\"%s\" cannot be executed: %s", name, strerror(why));
	return EXIT_RUN_NOT_EXECUTABLE;
}

/* Once the command has ended, there is only the wait for what it has left to end. */
static bool ends_wait(const struct signalfd_siginfo *info)
{
	return info->ssi_signo == SIGTERM || info->ssi_signo == SIGHUP ||
	       info->ssi_signo == SIGINT || info->ssi_signo == SIGQUIT;
}

static void pass_signals_on(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (run->status >= 0) {
			run->released |= ends_wait(&info);
			continue;
		}
		/* From the terminal: the command, in the same group, has got it too. */
		if (info.ssi_code == SI_KERNEL)
			continue;
		syscall(SYS_pidfd_send_signal, run->pidfd, (int)info.ssi_signo, NULL, 0);
	}
}

static void reap(struct run *run)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(run->reaps ? -1 : run->child, &status, WNOHANG)) > 0)
		if (pid == run->child)
			run->status =
				WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The command has ended: whether there is something left to stay for. */
static bool stays(struct run *run, bool just_ended)
{
	if (!run->options->stay || run->released || !survivors_remain(&run->session, &run->pidfd))
		return false;
	if (just_ended)
		survivors_report(&run->session, SURVIVORS_HELD);
	return true;
}

/* What still runs is named: nobody is let go in silence. */
static void leave(struct run *run)
{
	bool pinned = run->session.pinned;

	if (!survivors_report(&run->session, pinned ? SURVIVORS_LEFT : SURVIVORS_FREED) || !pinned)
		return;
	run->session.leaves_watches = true;
	start_service(run->session.maze);
}

static int follow_command(struct run *run)
{
	int timeout = run->service_ms;
	bool ended;
	struct pollfd fds[] = {
		{ .fd = run->signals, .events = POLLIN },
		{ .fd = run->pidfd, .events = POLLIN },
		{ .fd = maze_reader_fd(run->session.reader), .events = POLLIN },
		{ .fd = maze_service_fd(run->session.maze), .events = POLLIN },
		{ .fd = session_incidents_fd(run->session.incidents), .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), timeout) < 0 && errno != EINTR)
			return EXIT_RUN_FAILED;
		timeout = maze_service(run->session.maze);
		pass_signals_on(run);
		ended = run->status >= 0;
		reap(run);
		session_print(&run->session);
		if (run->status >= 0 && !stays(run, !ended))
			break;
		fds[1].fd = run->pidfd;
		if (run->pidfd < 0)
			timeout = sooner(timeout, LIST_AGAIN_MS);
		timeout = sooner(timeout, session_incidents_work(run->session.incidents));
	}
	leave(run);
	return run->status;
}

static void done(struct run *run)
{
	session_close(&run->session);
	close_fd(&run->signals);
	close_fd(&run->pidfd);
	close_fd(&run->go[0]);
	close_fd(&run->go[1]);
	close_fd(&run->fail[0]);
	close_fd(&run->fail[1]);
}

int cmd_run(const struct command *command, struct options *options, int argc, char **argv)
{
	struct run run = { .command = command,
			   .options = options,
			   .service_ms = -1,
			   .signals = -1,
			   .pidfd = -1,
			   .status = -1,
			   .go = { -1, -1 },
			   .fail = { -1, -1 } };
	int status = EXIT_RUN_FAILED;

	if (!argc)
		return complain_usage(command, "say which command to run, after --");
	if (session_open(&run.session, command, options) || start(&run, argv))
		goto out_done;
	status = let_go(&run, argv[0]);
	if (status) {
		close_fd(&run.go[1]); /* a child that still waits ends now */
		waitpid(run.child, NULL, 0);
		goto out_done;
	}
	status = follow_command(&run);
out_done:
	done(&run);
	return status;
}
