/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Works --work-ms of CPU and sleeps --sleep-ms, for --rounds rounds; with --lock the
 * sleep is a wait for a lock, and with --catch it handles SIGXCPU. --after FIFO: it begins
 * when a program opens the FIFO for writing.
 */
#include "program.h"

#include <signal.h>

static void on_soft(int signal)
{
	(void)signal;
	account_caught(own_cpu_ns());
}

int main(int argc, char **argv)
{
	long work_ms = number_option(argc, argv, "--work-ms", 50);
	long sleep = number_option(argc, argv, "--sleep-ms", 1);
	long rounds = number_option(argc, argv, "--rounds", 20);
	bool lock = has_option(argc, argv, "--lock");
	const char *after = text_option(argc, argv, "--after");

	begin(argc, argv);
	if (after && open(after, O_RDONLY | O_CLOEXEC) < 0) {
		perror(after);
		return 1;
	}
	if (has_option(argc, argv, "--catch"))
		signal(SIGXCPU, on_soft);
	while (rounds-- > 0) {
		burn_ms(work_ms);
		sleep_somehow(sleep, lock ? wait_in_futex : sleep_ms);
	}
	return 0;
}
