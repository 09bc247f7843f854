/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spins forever, or for --for-ms of its own CPU time and then ends with 0; --until EVENT:
 * until the suite's file of records has one.
 * --sigwait: until another of its threads has taken the soft signal by sigwait(2).
 * --ignore: ignores SIGXCPU; --fifo: as a real-time task; --first: a child spins as the
 * first process of a PID namespace; with --default it keeps the default action of SIGIO.
 */
#include "program.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static bool is_recorded(const char *event)
{
	static char text[1 << 16];
	char wanted[64];
	const char *path = getenv(ACCOUNT_EVENTS);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	snprintf(wanted, sizeof(wanted), "\"event\":\"%s\"", event);
	return strstr(text, wanted) != NULL;
}

static void spin_as_first(bool by_default)
{
	/*
	 * The namespace's first process takes no default action, so bound_life() cannot
	 * end it.
	 */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	account_now[0] = NULL;
	if (by_default)
		signal(SIGIO, SIG_DFL);
	sleep_for_certain(1);
	puts("ready");
	fflush(stdout);
	for (;;)
		spin_on();
}

/* Ends with the status of its child. */
static int be_parent_of_first(bool by_default)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID)) {
		perror("no PID namespace here");
		return EXIT_SKIP;
	}
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid)
		spin_as_first(by_default);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The suite has CONFORMANCE_BLOCKED (SIGPWR) blocked. */
static void *take_signal(void *unused)
{
	sigset_t set;
	int signal;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGPWR);
	if (sigwait(&set, &signal))
		_exit(1);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sched_param low = { .sched_priority = 1 };
	long for_ms = number_option(argc, argv, "--for-ms", 0);
	const char *until = text_option(argc, argv, "--until");
	pthread_t taker;

	begin(argc, argv);
	if (has_option(argc, argv, "--first"))
		return be_parent_of_first(has_option(argc, argv, "--default"));
	if (has_option(argc, argv, "--sigwait") && pthread_create(&taker, NULL, take_signal, NULL))
		return 1;
	if (has_option(argc, argv, "--ignore"))
		signal(SIGXCPU, SIG_IGN);
	if (has_option(argc, argv, "--fifo") && sched_setscheduler(0, SCHED_FIFO, &low)) {
		perror("no real-time class here");
		return 77;
	}
	if (for_ms) {
		burn_ms(for_ms);
		return 0;
	}
	while (!until || !is_recorded(until))
		spin_on();
	return 0;
}
