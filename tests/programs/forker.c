/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent sleeps. --child-ms: one child burns that much CPU and ends; the parent ends
 * with the child's status. --storm N: N children in all, a few at a time, each of which
 * lives for a random moment; the parent waits for all. --orphan-ms: a grandchild, whose
 * parent ends at once, burns that much CPU; the first process waits for its end.
 */
#include "program.h"

#include <sys/wait.h>

static int one_child(long ms)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return 1;
	if (!pid) {
		bound_life();
		account_begin();
		burn_ms(ms);
		account_end();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void short_life(unsigned int seed)
{
	/* Without an account, for which this is far too short. */
	bound_life();
	burn_ns(rand_r(&seed) % 200000);
	if (rand_r(&seed) % 2)
		sleep_ms(rand_r(&seed) % 3);
	_exit(0);
}

static int storm(long children)
{
	unsigned int seed = (unsigned int)getpid();
	long running = 0;
	pid_t pid;

	while (children > 0 || running > 0) {
		if (children > 0 && running < 10) {
			pid = fork();
			if (pid < 0)
				return 1;
			if (!pid)
				short_life(seed ^ (unsigned int)getpid());
			children--;
			running++;
		} else if (wait(NULL) > 0) {
			running--;
		}
	}
	return 0;
}

/* wait(2) does not work for a grandchild; but its end closes the pipe. */
static int orphan(long ms)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends))
		return 1;
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid) {
		if (fork())
			_exit(0);
		bound_life();
		account_begin();
		setsid();
		burn_ms(ms);
		account_end();
		_exit(0);
	}
	close(ends[1]);
	waitpid(pid, NULL, 0);
	return read(ends[0], &byte, 1) != 0;
}

int main(int argc, char **argv)
{
	long children = number_option(argc, argv, "--storm", 0);

	begin(argc, argv);
	if (children)
		return storm(children);
	if (has_option(argc, argv, "--orphan-ms"))
		return orphan(number_option(argc, argv, "--orphan-ms", 0));
	return one_child(number_option(argc, argv, "--child-ms", 1000));
}
