/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls sched_yield for --for-ms of its own CPU time, with --work-us of other work
 * between the calls. Beside spinners each yield costs a wait for the CPU, so it ends after
 * --wall-ms too. The account is complete at any end.
 */
#include "program.h"

/* Yields between two looks at the account; a look costs more than a yield. */
#define YIELDS 50

int main(int argc, char **argv)
{
	long long work_ns = number_option(argc, argv, "--work-us", 0) * 1000LL;
	long long wall_ns = number_option(argc, argv, "--wall-ms", 1000000) * 1000000LL;
	long long until, began = clock_ns(CLOCK_MONOTONIC);

	begin(argc, argv);
	until = own_cpu_ns() + number_option(argc, argv, "--for-ms", 1000) * 1000000LL;
	do {
		if (work_ns)
			burn_ns(work_ns);
		yield(work_ns ? 1 : YIELDS);
	} while (own_cpu_ns() < until && clock_ns(CLOCK_MONOTONIC) - began < wall_ns);
	return 0;
}
