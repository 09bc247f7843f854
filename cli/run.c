/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `run` starts a command that is watched before its first instruction.
 *
 * The child process waits on a pipe until the engine watches the child, and then executes
 * the command. If maze fails before that, the pipe closes, and the child exits without
 * executing the command. maze stays in the command's process group, so the signals of the
 * terminal reach both processes. maze forwards signals that only maze got. With --stay,
 * or with scope tree, maze runs until all watched processes have ended.
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
	int pidfd;   /* of the command; later, of a process that maze waits for */
	pid_t child;
	int status;	   /* exit status of the command; -1: the command runs */
	bool stays;	   /* until all watched processes have ended */
	bool reported;	   /* the processes that it waits for */
	maze_u64 ended_ns; /* CLOCK_MONOTONIC when the command ended */
	bool stopped;	   /* a signal has ended the waiting */
	int watched[2];	   /* a byte in this pipe lets the child execute the command */
	int fail[2];	   /* gets errno if execvp(3) fails; success closes it */
	bool reaps;	   /* this process reaps the command's orphans */
	int service_ms;	   /* time until the first maze_service(); -1: not needed */
};

/* maze forwards these signals if they were sent only to maze. */
static const int forwarded[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM };
#define FORWARDED (sizeof(forwarded) / sizeof(forwarded[0]))
/*
 * If maze can open none of the listed processes, it lists them again after this time.
 * Such processes are exiting, or are in another PID namespace.
 */
#define LIST_AGAIN_MS 100

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void exec_when_watched(struct run *run, char **argv)
{
	char byte;
	int err;

	close(run->watched[1]);
	close(run->fail[0]);
	if (read(run->watched[0], &byte, 1) != 1)
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
	for (i = 0; i < FORWARDED; i++)
		sigaddset(&mask, forwarded[i]);
	sigprocmask(SIG_BLOCK, &mask, &run->old_mask);
	run->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run->signals < 0 || pipe2(run->watched, O_CLOEXEC) || pipe2(run->fail, O_CLOEXEC))
		goto out_error;
	run->child = fork();
	if (run->child < 0)
		goto out_error;
	if (!run->child)
		exec_when_watched(run, argv);
	/* Ignore SIGPIPE, so that maze continues if the reader of the records exits. */
	signal(SIGPIPE, SIG_IGN);
	close_fd(&run->watched[0]);
	close_fd(&run->fail[1]);
	run->pidfd = (int)syscall(SYS_pidfd_open, run->child, 0);
	if (run->pidfd >= 0)
		return 0;
out_error:
	print_error(run->command, "cannot start a process: %s", strerror(errno));
	return -errno;
}

/* Watches the child and lets it execute the command. Returns 0 or an exit status. */
static int watch_and_exec(struct run *run, const char *name)
{
	struct maze_error error = { "" };
	int err, why = 0;

	if (maze_service_fd(run->session.maze) >= 0)
		run->service_ms = maze_service(run->session.maze);
	err = maze_watch_pidfd(run->session.maze, run->pidfd, 0, &run->options->policy,
			       run->session.tag, &error);
	if (!err && maze_policy_scope(run->options->policy.flags) != MAZE_SCOPE_PROCESS)
		run->reaps =
			maze_adopt(run->session.maze, &run->options->policy, run->session.tag) == 1;
	if (err) {
		print_error(run->command, "%s", error.text);
		return EXIT_RUN_FAILED;
	}
	if (write(run->watched[1], "", 1) != 1) {
		print_error(run->command, "the child process has exited: %s", strerror(errno));
		return EXIT_RUN_FAILED;
	}
	close_fd(&run->watched[1]);
	session_name_process(&run->session);
	if (read(run->fail[0], &why, sizeof(why)) != sizeof(why))
		return 0;
	if (why == ENOENT) {
		print_error(run->command,
			    "command \"%s\" not found; give a path, or a name in $PATH", name);
		return EXIT_RUN_NOT_FOUND;
	}
	print_error(run->command, "cannot execute \"%s\": %s", name, strerror(why));
	return EXIT_RUN_NOT_EXECUTABLE;
}

/* After the command has ended, these signals end the waiting. */
static bool ends_wait(const struct signalfd_siginfo *info)
{
	return info->ssi_signo == SIGTERM || info->ssi_signo == SIGHUP ||
	       info->ssi_signo == SIGINT || info->ssi_signo == SIGQUIT;
}

static void forward_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (run->status >= 0) {
			run->stopped |= ends_wait(&info);
			continue;
		}
		/* The terminal has already sent the signal to the whole process group. */
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

/* True if it is time to report the processes that maze waits for. */
static bool must_report(const struct run *run)
{
	/* When the command has just ended, it and others that end with it are still members. */
	return !run->reported &&
	       (!is_for_group(run->options) ||
		now_ns(CLOCK_MONOTONIC) - run->ended_ns >= LIST_AGAIN_MS * MAZE_NSEC_PER_MSEC);
}

/* Called after the end of the command. True if maze waits for another process. */
static bool must_stay(struct run *run, bool just_ended)
{
	if (just_ended)
		run->ended_ns = now_ns(CLOCK_MONOTONIC);
	if (!run->stays || run->stopped || !survivors_remain(&run->session, &run->pidfd))
		return false;
	if (must_report(run)) {
		survivors_report(&run->session, SURVIVORS_AWAITED);
		run->reported = true;
	}
	return true;
}

/* Reports the processes that still run, because their watches may end now. */
static void leave_survivors(struct run *run)
{
	bool pinned = run->session.pinned && !is_for_group(run->options);

	if (!survivors_report(&run->session, pinned ? SURVIVORS_WATCHED : SURVIVORS_UNWATCHED) ||
	    !pinned)
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
		forward_signals(run);
		ended = run->status >= 0;
		reap(run);
		session_print(&run->session);
		if (run->status >= 0 && !must_stay(run, !ended))
			break;
		fds[1].fd = run->pidfd;
		if (run->pidfd < 0 && !(run->reported && is_for_group(run->options)))
			timeout = sooner(timeout, LIST_AGAIN_MS);
		timeout = sooner(timeout, session_incidents_work(run->session.incidents));
	}
	/* The processes that maze waited for may have ended after the last print. */
	session_print(&run->session);
	leave_survivors(run);
	return run->status;
}

static void close_run(struct run *run)
{
	session_close(&run->session);
	close_fd(&run->signals);
	close_fd(&run->pidfd);
	close_fd(&run->watched[0]);
	close_fd(&run->watched[1]);
	close_fd(&run->fail[0]);
	close_fd(&run->fail[1]);
}

int cmd_run(const struct command *command, struct options *options, int argc, char **argv)
{
	maze_u32 scope = maze_policy_scope(options->policy.flags);
	struct run run = { .command = command,
			   .options = options,
			   .stays = options->stay || scope == MAZE_SCOPE_TREE,
			   .service_ms = -1,
			   .signals = -1,
			   .pidfd = -1,
			   .status = -1,
			   .watched = { -1, -1 },
			   .fail = { -1, -1 } };
	int status = EXIT_RUN_FAILED;

	if (!argc)
		return usage_error(command, "no command given: give one after --");
	if (scope == MAZE_SCOPE_CGROUP)
		return usage_error(command,
				   "--scope cgroup is for maze watch, because COMMAND gets no "
				   "control group of its own; --scope tree has all that it "
				   "starts");
	if (session_open(&run.session, command, options) || start(&run, argv))
		goto out_done;
	status = watch_and_exec(&run, argv[0]);
	if (status) {
		close_fd(&run.watched[1]); /* makes a waiting child exit */
		waitpid(run.child, NULL, 0);
		goto out_done;
	}
	status = follow_command(&run);
out_done:
	close_run(&run);
	return status;
}
