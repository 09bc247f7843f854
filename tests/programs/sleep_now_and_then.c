/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Works --work-ms of CPU and sleeps --sleep-ms, for --rounds rounds; with --lock the
 * sleep is a wait for a lock.
 */
#include "program.h"

int main(int argc, char **argv)
{
	long work_ms = number_option(argc, argv, "--work-ms", 50);
	long sleep = number_option(argc, argv, "--sleep-ms", 1);
	long rounds = number_option(argc, argv, "--rounds", 20);
	bool lock = has_option(argc, argv, "--lock");

	begin(argc, argv);
	while (rounds-- > 0) {
		burn_ms(work_ms);
		sleep_somehow(sleep, lock ? wait_in_futex : sleep_ms);
	}
	return 0;
}
