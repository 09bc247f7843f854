/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A task that is running when its watch begins is not accounted for until its
 * CPU goes through a switch, and a spinner alone on its CPU may not do that for
 * long. So a child of ours visits each such CPU for an instant.
 *
 * Best effort: where the visit is not allowed or not possible, the watch begins
 * with the next switch that comes by itself: later, never earlier. The child has
 * a time limit, because a CPU may be held by a real-time task above us.
 */
#include "engine_bpf.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Long beside a visit (tens of us), short beside a person's patience. */
#define KICK_TIMEOUT_MS 250

static void visit(size_t cpu)
{
	size_t size = CPU_ALLOC_SIZE(MAZE_CPUS_MAX);
	cpu_set_t *set = CPU_ALLOC(MAZE_CPUS_MAX);

	if (!set)
		return;
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	/* Returns once we run there, so the task we displaced has been switched out. */
	sched_setaffinity(0, size, set);
	CPU_FREE(set);
}

static void visit_all(const maze_u64 *cpu_set, size_t words)
{
	struct sched_param top = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
	size_t word, bit;

	/* To displace a real-time spinner too; without the right, only ordinary ones. */
	sched_setscheduler(0, SCHED_FIFO, &top);
	for (word = 0; word < words; word++)
		for (bit = 0; bit < 64; bit++)
			if (cpu_set[word] & (1ULL << bit))
				visit(word * 64 + bit);
}

void bpf_kick(const maze_u64 *cpu_set, size_t words)
{
	struct pollfd poll_pidfd = { .events = POLLIN };
	size_t word, any = 0;
	pid_t child;
	int pidfd;

	for (word = 0; word < words; word++)
		any |= cpu_set[word] != 0;
	if (!any)
		return;
	child = fork();
	if (child < 0)
		return;
	if (!child) {
		visit_all(cpu_set, words);
		_exit(0);
	}
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	poll_pidfd.fd = pidfd;
	/* An unreaped child of ours: its number cannot have been reused. */
	if (pidfd < 0 || poll(&poll_pidfd, 1, KICK_TIMEOUT_MS) != 1)
		kill(child, SIGKILL);
	if (pidfd >= 0)
		close(pidfd);
	waitpid(child, NULL, 0);
}
