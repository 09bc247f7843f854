/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handles SIGXCPU --times times: sleeps, because its first episode may have had its
 * verdict before there was a handler, spins until SIGXCPU comes, prints the thread of the handler
 * and its CPU clock, then sleeps briefly, which ends the episode, and spins again. Ends
 * with 0 after the last one. With --spin-on it does not sleep but spins on until it has
 * used --for-ms in total.
 */
#include "program.h"

#include <signal.h>
#include <sys/syscall.h>

static volatile sig_atomic_t caught;
static volatile long long caught_at;
static volatile long caught_in;

static void on_soft(int signal)
{
	(void)signal;
	caught_at = own_cpu_ns();
	account_caught(caught_at);
	caught_in = syscall(SYS_gettid);
	caught++;
}

int main(int argc, char **argv)
{
	long times = number_option(argc, argv, "--times", 1);
	bool spins_on = has_option(argc, argv, "--spin-on");

	begin(argc, argv);
	signal(SIGXCPU, on_soft);
	sleep_for_certain(1);
	for (long i = 1; i <= times; i++) {
		while (caught < i)
			account_look();
		printf("caught tid %ld cpu_ns %lld\n", caught_in, caught_at);
		fflush(stdout);
		if (spins_on)
			burn_ms(number_option(argc, argv, "--for-ms", 3000));
		else
			sleep_for_certain(1);
	}
	return 0;
}
