/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares its CPU clock with the limit each time SIGURG comes: --rounds times a limit of
 * --limit-ms. Ends with 1 if any signal was early, otherwise with 0. It uses SIGURG
 * because that is ignored until the handler is installed.
 * --waker-us: beside a task that wakes that often and preempts it each time; with --cpu.
 *
 * A signal that comes after the episode of its verdict seems early. Once there is a
 * handler, none does: each episode lasts until its signal is here. But the execve and the
 * start of a program can use the whole limit on a slow machine. So where signals come
 * late, a child plays the rounds: its first episode begins with a handler.
 */
#include "program.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static volatile sig_atomic_t caught;
static volatile long long caught_at;

static void on_soft(int signal)
{
	(void)signal;
	caught_at = own_cpu_ns();
	account_caught(caught_at);
	caught = 1;
}

/* Returns the PID; the child ends with this process. */
static pid_t start_waker(long us)
{
	struct timespec time = { 0, us * 1000 };
	struct sched_param low = { .sched_priority = 1 };
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	bound_life();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1UL);
	sched_setscheduler(0, SCHED_FIFO, &low);
	while (getppid() == parent)
		nanosleep(&time, NULL);
	_exit(0);
}

/* Returns in a child that has handled the verdict of its first episode. */
static void go_on_in_child(void)
{
	sigset_t soft, before;
	int status;
	pid_t pid;

	/* A signal of the parent must not seem to be the child's. */
	sigemptyset(&soft);
	sigaddset(&soft, SIGURG);
	sigprocmask(SIG_BLOCK, &soft, &before);
	caught = 0;
	pid = fork();
	if (pid) {
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			exit(1);
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	bound_life();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	account_begin();
	sigprocmask(SIG_SETMASK, &before, NULL);
	while (!caught)
		account_look();
}

int main(int argc, char **argv)
{
	long long limit_ns = number_option(argc, argv, "--limit-ms", 5) * 1000000LL;
	long long since, margin, least = limit_ns;
	long rounds = number_option(argc, argv, "--rounds", 50);
	long waker_us = number_option(argc, argv, "--waker-us", 0);
	pid_t waker = 0;
	int early = 0;

	begin(argc, argv);
	signal(SIGURG, on_soft);
	if (getenv(ACCOUNT_LATE_SIGNALS))
		go_on_in_child();
	if (waker_us)
		waker = start_waker(waker_us);
	for (long i = 0; i < rounds; i++) {
		/*
		 * A signal that is here already belongs to the episode before, or to this
		 * one but came before the sleep was proven. This episode cannot decide
		 * either way.
		 */
		do {
			caught = 0;
			since = sleep_for_certain(1);
		} while (caught);
		while (!caught)
			account_look();
		margin = caught_at - since - limit_ns;
		early += margin < 0;
		if (margin < least)
			least = margin;
	}
	if (waker > 0) {
		kill(waker, SIGKILL);
		waitpid(waker, NULL, 0);
	}
	printf("%ld rounds, %d early, least margin %lld ns\n", rounds, early, least);
	return early != 0;
}
