/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze run: a command under watch from before its first instruction.
 *
 * The child waits on a pipe until it is watched, and only then becomes the
 * command; if maze fails or dies before, the pipe closes and the child ends
 * without having run anything. maze stays in the command's process group, so
 * what the terminal sends reaches both; what is sent to maze alone is passed on.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
	const struct command *command;
	const struct options *options;
	struct maze *maze;
	struct maze_reader *reader;
	FILE *events; /* NULL: none */
	maze_u64 tag;
	bool pinned;
	sigset_t old_mask;
	int signals; /* signalfd */
	int pidfd;
	pid_t child;
	int go[2];   /* a byte: you are watched, go on */
	int fail[2]; /* errno of a failed execvp(3); closed by a successful one */
};

/* Passed on when sent to maze alone. */
static const int passed_on[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM };
#define PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A pinned engine if there is one, so that its watches are all in one list. */
static int open_engine(struct run *run)
{
	struct maze_error error = { "" };
	int err;

	err = maze_open(run->options->engine, MAZE_EXISTING, &run->maze, &error);
	run->pinned = !err;
	/* Who may load an engine need not be allowed to see root's. */
	if (err == -ENOENT || err == -EACCES)
		err = maze_open(run->options->engine, MAZE_PRIVATE, &run->maze, &error);
	if (!err)
		err = maze_reader_open(run->maze, false, &run->reader, &error);
	if (!err && getrandom(&run->tag, sizeof(run->tag), 0) != sizeof(run->tag))
		err = -errno;
	if (err)
		complain(run->command, "%s", error.text[0] ? error.text : strerror(-err));
	return err;
}

static int open_events(struct run *run)
{
	if (!run->options->events)
		return 0;
	run->events = fopen(run->options->events, "ae");
	if (run->events)
		return 0;
	complain(run->command, "cannot append to %s: %s", run->options->events, strerror(errno));
	return -errno;
}

/*
 * SIGXCPU kills by default, and then no hard stage would ever come. So where one
 * is to come, the command starts with it ignored, as nohup(1) does with SIGHUP:
 * a warning for whoever installs a handler, nothing for the rest.
 */
static void soften_soft_signal(const struct maze_policy *policy)
{
	if (policy->soft_ns && policy->hard_ns && policy->soft_signal == SIGXCPU)
		signal(SIGXCPU, SIG_IGN);
}

static void become(struct run *run, char **argv)
{
	char byte;
	int err;

	close(run->go[1]);
	close(run->fail[0]);
	if (read(run->go[0], &byte, 1) != 1)
		_exit(EXIT_RUN_FAILED);
	soften_soft_signal(&run->options->policy);
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

	err = maze_watch_pidfd(run->maze, run->pidfd, 0, &run->options->policy, run->tag, &error);
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

static bool is_wanted(const struct run *run, const struct maze_record *record)
{
	if (record->event == MAZE_EVENT_LOST)
		return !record->tag || record->tag == run->tag;
	if (record->tag != run->tag)
		return false;
	return run->options->all || record->event == MAZE_EVENT_SOFT ||
	       record->event == MAZE_EVENT_HARD;
}

static void print_records(struct run *run)
{
	const char *engine = maze_engine_name(run->maze);
	struct maze_record record;

	while (maze_reader_next(run->reader, &record) == 1) {
		if (!is_wanted(run, &record))
			continue;
		print_record(stderr, &record, engine, run->options->json);
		if (run->events && !print_record(run->events, &record, engine, true)) {
			complain(run->command, "cannot write to %s: %s; going on without it",
				 run->options->events, strerror(errno));
			fclose(run->events);
			run->events = NULL;
		}
	}
}

static void pass_signals_on(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* From the terminal: the command, in the same group, has got it too. */
		if (info.ssi_code == SI_KERNEL)
			continue;
		syscall(SYS_pidfd_send_signal, run->pidfd, (int)info.ssi_signo, NULL, 0);
	}
}

/* The exit status once the command has ended; -1 before. */
static int reap(struct run *run)
{
	int status;

	if (waitpid(run->child, &status, WNOHANG) != run->child)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int attend(struct run *run)
{
	int status, timeout = -1;
	struct pollfd fds[] = {
		{ .fd = run->signals, .events = POLLIN },
		{ .fd = run->pidfd, .events = POLLIN },
		{ .fd = maze_reader_fd(run->reader), .events = POLLIN },
		{ .fd = maze_attend_fd(run->maze), .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), timeout) < 0 && errno != EINTR)
			return EXIT_RUN_FAILED;
		timeout = fds[3].fd >= 0 ? maze_attend(run->maze) : -1;
		pass_signals_on(run);
		status = reap(run);
		print_records(run);
		if (status >= 0)
			return status;
	}
}

static void done(struct run *run)
{
	/* In a pinned engine, what the command left running is not ours to keep watched. */
	if (run->maze && run->pinned)
		maze_unwatch_tag(run->maze, run->tag, NULL);
	maze_reader_close(run->reader);
	maze_close(run->maze);
	if (run->events)
		fclose(run->events);
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
			   .signals = -1,
			   .pidfd = -1,
			   .go = { -1, -1 },
			   .fail = { -1, -1 } };
	int status = EXIT_RUN_FAILED;

	if (!argc)
		return complain_usage(command, "say which command to run, after --");
	if (open_events(&run) || open_engine(&run) || start(&run, argv))
		goto out_done;
	status = let_go(&run, argv[0]);
	if (status) {
		close_fd(&run.go[1]); /* a child that still waits ends now */
		waitpid(run.child, NULL, 0);
		goto out_done;
	}
	status = attend(&run);
out_done:
	done(&run);
	return status;
}
