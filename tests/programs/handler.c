/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handles SIGXCPU --times times: spins until it comes, then sleeps a little, which
 * ends the episode, and spins again. Ends with 0 after the last.
 */
#include "program.h"

#include <signal.h>

static volatile sig_atomic_t caught;

static void on_soft(int signal)
{
	(void)signal;
	caught++;
}

int main(int argc, char **argv)
{
	long times = number_option(argc, argv, "--times", 1);

	begin(argc, argv);
	signal(SIGXCPU, on_soft);
	for (long i = 1; i <= times; i++) {
		while (caught < i)
			;
		sleep_ms(5);
	}
	return 0;
}
