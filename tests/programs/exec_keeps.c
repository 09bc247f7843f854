/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Burns --first-ms, then becomes itself again by execve and burns --then-ms:
 * together more than the limit, each alone less.
 */
#include "program.h"

int main(int argc, char **argv)
{
	char *again[] = { argv[0], "--second", "--then-ms", NULL, NULL };
	char then_ms[32];

	begin(argc, argv);
	if (has_option(argc, argv, "--second")) {
		burn_ms(number_option(argc, argv, "--then-ms", 100));
		return 0;
	}
	burn_ms(number_option(argc, argv, "--first-ms", 100));
	snprintf(then_ms, sizeof(then_ms), "%ld", number_option(argc, argv, "--then-ms", 100));
	again[3] = then_ms;
	execv("/proc/self/exe", again);
	return 1;
}
