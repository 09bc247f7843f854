/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares its own CPU clock with the limit each time SIGXCPU comes: --rounds
 * times a limit of --limit-ms. Ends with 1 if any was early, with 0 if none was.
 */
#include "program.h"

#include <signal.h>

static volatile sig_atomic_t caught;
static volatile long long caught_at;

static void on_soft(int signal)
{
	(void)signal;
	caught_at = own_cpu_ns();
	caught = 1;
}

int main(int argc, char **argv)
{
	long long limit_ns = number_option(argc, argv, "--limit-ms", 5) * 1000000LL;
	long long since, margin, least = limit_ns;
	long rounds = number_option(argc, argv, "--rounds", 50);
	int early = 0;

	begin(argc, argv);
	signal(SIGXCPU, on_soft);
	for (long i = 0; i < rounds; i++) {
		caught = 0;
		since = sleep_for_certain(1);
		while (!caught)
			;
		margin = caught_at - since - limit_ns;
		early += margin < 0;
		if (margin < least)
			least = margin;
	}
	printf("%ld rounds, %d early, least margin %lld ns\n", rounds, early, least);
	return early != 0;
}
