/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls sched_yield for --for-ms of its own CPU time, with --work-us of other work
 * between the calls.
 */
#include "program.h"

/* Yields between two looks at the account; a look costs more than a yield. */
#define YIELDS 50

int main(int argc, char **argv)
{
	long long until, work_ns = number_option(argc, argv, "--work-us", 0) * 1000LL;

	begin(argc, argv);
	until = own_cpu_ns() + number_option(argc, argv, "--for-ms", 1000) * 1000000LL;
	do {
		if (work_ns)
			burn_ns(work_ns);
		yield(work_ns ? 1 : YIELDS);
	} while (own_cpu_ns() < until);
	return 0;
}
