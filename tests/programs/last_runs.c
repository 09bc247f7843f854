/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sleeps, burns --burn-ms of CPU time, waits five times as for a lock, and then spins until
 * a SIGUSR1. Prints its voluntary and its involuntary switches before the waits, and in the
 * handler of the signal.
 */
#include "program.h"

#include <signal.h>

#define WAITS 5

static volatile sig_atomic_t over;
static struct rusage at_signal;

static void on_signal(int number)
{
	(void)number;
	getrusage(RUSAGE_THREAD, &at_signal);
	over = 1;
}

int main(int argc, char **argv)
{
	struct rusage before;

	begin(argc, argv);
	signal(SIGUSR1, on_signal);
	sleep_for_certain(1);
	burn_ms(number_option(argc, argv, "--burn-ms", 225));
	getrusage(RUSAGE_THREAD, &before);
	/* A wait whose time passes before it begins is none. */
	while (voluntary_switches() < before.ru_nvcsw + WAITS)
		wait_in_futex(1);
	while (!over)
		spin_on();
	printf("%ld %ld %ld %ld\n", before.ru_nvcsw, before.ru_nivcsw, at_signal.ru_nvcsw,
	       at_signal.ru_nivcsw);
	return 0;
}
