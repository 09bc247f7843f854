/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Burns --first-ms, then becomes itself again by execve and burns --then-ms:
 * together more than the limit, each alone less. An execve may sleep (for a lock, for
 * its file); that is a reset by right, so then it all begins again.
 */
#include <sys/resource.h>

#include "program.h"

/* A machine on which every execve sleeps is not one to test this on. */
#define TRIES 50

/* How often it has left the CPU of its own accord; execve does not change that. */
static long sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

int main(int argc, char **argv)
{
	long first_ms = number_option(argc, argv, "--first-ms", 100);
	long then_ms = number_option(argc, argv, "--then-ms", 100);
	long tries = number_option(argc, argv, "--try", 0);
	char first[32], then[32], try[32], slept[32];
	char *again[] = { argv[0], "--first-ms", first,	    "--then-ms", then,
			  "--try", try,		 "--slept", slept,	 NULL };

	begin(argc, argv);
	if (tries && number_option(argc, argv, "--slept", -1) == sleeps()) {
		burn_ms(then_ms);
		return 0;
	}
	if (tries == TRIES)
		return 3;
	burn_ms(first_ms);
	snprintf(first, sizeof(first), "%ld", first_ms);
	snprintf(then, sizeof(then), "%ld", then_ms);
	snprintf(try, sizeof(try), "%ld", tries + 1);
	snprintf(slept, sizeof(slept), "%ld", sleeps());
	execv("/proc/self/exe", again);
	return 1;
}
