/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls sched_yield for --for-ms of its own CPU time, with --work-us of other work
 * between the calls. Beside spinners each yield costs a wait for the CPU, so one that has
 * had less than a twentieth of a CPU in a second works 1 ms between the calls, and it ends
 * after --wall-ms too. The account is complete at any end.
 *
 * --fifo: as a real-time task, beside a child that yields all the time on the same CPU.
 * Before every second piece of work it sleeps, and when it wakes, it preempts the child,
 * often in the middle of a yield.
 */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Yields between two looks at the account; a look costs more than a yield. */
#define YIELDS 50

static pid_t start_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	bound_life();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	account_begin();
	while (getppid() == parent)
		yield(YIELDS);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sched_param low = { .sched_priority = 1 };
	pid_t child = 0;
	long pieces = 0;
	long long work_ns = number_option(argc, argv, "--work-us", 0) * 1000LL;
	long long wall_ns = number_option(argc, argv, "--wall-ms", 1000000) * 1000000LL;
	long long until, spent_ns, began = clock_ns(CLOCK_MONOTONIC);

	begin(argc, argv);
	if (has_option(argc, argv, "--fifo")) {
		child = start_child();
		if (child < 0 || sched_setscheduler(0, SCHED_FIFO, &low)) {
			perror("no real-time task");
			return errno == EPERM ? EXIT_SKIP : 1;
		}
	}
	until = own_cpu_ns() + number_option(argc, argv, "--for-ms", 1000) * 1000000LL;
	do {
		if (child && pieces++ % 2 == 0)
			sleep_for_certain(1 + pieces % 3);
		if (work_ns)
			burn_ns(work_ns);
		yield(work_ns ? 1 : YIELDS);
		spent_ns = clock_ns(CLOCK_MONOTONIC) - began;
		if (!work_ns && spent_ns > 1000000000LL && own_cpu_ns() < spent_ns / 20)
			work_ns = 1000000;
	} while (own_cpu_ns() < until && spent_ns < wall_ns);
	if (child > 0 && !kill(child, SIGKILL))
		waitpid(child, NULL, 0);
	return 0;
}
