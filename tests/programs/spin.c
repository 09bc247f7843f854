/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spins: for ever, or --for-ms of its own CPU time and then ends with 0.
 * --ignore: ignores SIGXCPU; --fifo: as a real-time task.
 */
#include "program.h"

#include <signal.h>

int main(int argc, char **argv)
{
	struct sched_param low = { .sched_priority = 1 };
	long for_ms = number_option(argc, argv, "--for-ms", 0);

	begin(argc, argv);
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
	for (;;)
		;
}
