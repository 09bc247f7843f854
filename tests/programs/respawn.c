/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A supervisor that starts its child again each time that it ends. The child uses
 * --child-us of CPU time. --for-ms: how long the supervisor goes on.
 */
#include "group.h"

int main(int argc, char **argv)
{
	long long child_ns = number_option(argc, argv, "--child-us", 1500) * 1000LL, until_ns;
	pid_t pid;

	begin(argc, argv);
	group_begin();
	until_ns =
		clock_ns(CLOCK_MONOTONIC) + number_option(argc, argv, "--for-ms", 1000) * 1000000LL;
	while (clock_ns(CLOCK_MONOTONIC) < until_ns) {
		pid = group_fork();
		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (!pid) {
			burn_ns(child_ns);
			_exit(0);
		}
		group_wait(pid);
		account_look();
	}
	return 0;
}
