/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Burns --first-ms, marks its account, executes itself again, and spins until it is
 * killed. The mark comes before the execve because the verdict may come before main()
 * runs again. An execve may sleep (for a lock, for its file), which is a correct reset;
 * then the program starts over.
 */
#include "program.h"

/* A machine on which every execve sleeps cannot run this test. */
#define TRIES 50
#define NOT_POSSIBLE 77

int main(int argc, char **argv)
{
	long first_ms = number_option(argc, argv, "--first-ms", 60);
	long tries = number_option(argc, argv, "--try", 0);
	long slept = number_option(argc, argv, "--slept", -1);
	char first[32], try[32], switches[32], cpu[32];
	char *again[] = { argv[0],   "--first-ms", first,   "--try", try,
			  "--slept", switches,	   "--cpu", cpu,     NULL };

	begin(argc, argv);
	/* execve does not change the number of voluntary switches. */
	while (tries && slept == voluntary_switches())
		spin_on();
	if (tries == TRIES)
		return NOT_POSSIBLE;
	burn_ms(first_ms);
	snprintf(first, sizeof(first), "%ld", first_ms);
	snprintf(try, sizeof(try), "%ld", tries + 1);
	snprintf(cpu, sizeof(cpu), "%ld", number_option(argc, argv, "--cpu", -1));
	snprintf(switches, sizeof(switches), "%ld", voluntary_switches());
	account_mark();
	execv("/proc/self/exe", again);
	return 1;
}
