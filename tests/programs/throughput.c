/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Works until SIGTERM, then prints how many pieces of work it did per second of wall
 * time: a measure of the CPU time that the other processes leave to it.
 */
#include "program.h"

#include <signal.h>

static volatile sig_atomic_t ends;

static void on_end(int signal)
{
	(void)signal;
	ends = 1;
}

int main(int argc, char **argv)
{
	long long began = clock_ns(CLOCK_MONOTONIC), pieces = 0;
	volatile unsigned int sink = 0;

	begin(argc, argv);
	signal(SIGTERM, on_end);
	for (; !ends; pieces++)
		for (int i = 0; i < 10000; i++)
			sink += (unsigned int)i;
	(void)sink;
	printf("%.1f\n", (double)pieces * 1e9 / (double)(clock_ns(CLOCK_MONOTONIC) - began));
	return 0;
}
