/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What does a system call cost with the engine attached and nothing near its
 * limit? A getppid loop without and with, in pairs, the order alternating.
 *
 * usage: syscall_cost [PAIRS]   prints the median of each and of their ratios
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS 2000000

static double loop_ns(void)
{
	maze_u64 start = bench_now(CLOCK_THREAD_CPUTIME_ID);
	int i;

	for (i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return (double)(bench_now(CLOCK_THREAD_CPUTIME_ID) - start) / CALLS;
}

/* The loop in a child that is watched itself: with a limit far away. */
static double attached_ns(void)
{
	struct maze *maze = bench_open("bpf");
	double result;
	int fds[2], go[2];
	char byte;
	pid_t pid;

	if (pipe(fds) || pipe(go))
		bench_die("pipe");
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid) {
		bench_pin(0);
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		loop_ns();
		result = loop_ns();
		_exit(write(fds[1], &result, sizeof(result)) != sizeof(result));
	}
	bench_watch(maze, pid);
	if (write(go[1], "", 1) != 1 || read(fds[0], &result, sizeof(result)) != sizeof(result))
		bench_die("the child did not report");
	close(fds[0]);
	close(fds[1]);
	close(go[0]);
	close(go[1]);
	maze_close(maze);
	return result;
}

static double detached_ns(void)
{
	bench_pin(0);
	loop_ns();
	return loop_ns();
}

int main(int argc, char **argv)
{
	int pairs = argc > 1 ? atoi(argv[1]) : 5, i;
	double *without, *with, *ratio;

	if (pairs < 1)
		return 2;
	without = calloc((size_t)pairs, sizeof(*without));
	with = calloc((size_t)pairs, sizeof(*with));
	ratio = calloc((size_t)pairs, sizeof(*ratio));
	if (!without || !with || !ratio)
		return 1;
	for (i = 0; i < pairs; i++) {
		if (i % 2)
			with[i] = attached_ns();
		without[i] = detached_ns();
		if (i % 2 == 0)
			with[i] = attached_ns();
		ratio[i] = with[i] / without[i];
	}
	printf("getppid: without %.1f ns, watched %.1f ns, ratio %.3f (medians of %d pairs)\n",
	       bench_quantile(without, (size_t)pairs, 0.5),
	       bench_quantile(with, (size_t)pairs, 0.5), bench_quantile(ratio, (size_t)pairs, 0.5),
	       pairs);
	return 0;
}
