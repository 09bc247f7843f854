/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * copies N PROGRAM [ARG...]: runs N copies at once; ends with the highest status. It
 * sleeps before each fork, so that no limit for the copies is one for their number.
 */
#include "program.h"

#include <sys/wait.h>

int main(int argc, char **argv)
{
	int status, worst = 0;
	long n;

	if (argc < 3)
		return 2;
	bound_life();
	account_begin();
	for (n = strtol(argv[1], NULL, 10); n > 0; n--) {
		pid_t pid;

		sleep_for_certain(1);
		pid = fork();
		if (pid < 0)
			return 1;
		if (!pid) {
			execvp(argv[2], argv + 2);
			_exit(127);
		}
	}
	while (wait(&status) > 0) {
		status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		worst = status > worst ? status : worst;
	}
	return worst;
}
