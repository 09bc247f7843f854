/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * If a task runs when its watch begins, its account begins only at the next context
 * switch of its CPU. A task that spins alone on its CPU may delay that switch for long.
 * So a child process moves itself to each such CPU in turn, which forces a switch.
 *
 * Best effort: if the child is not allowed to run on a CPU, the account begins at the next
 * switch there. Then a verdict can be late, but never early. The child has a time limit,
 * because a real-time task of higher priority can occupy the CPU.
 */
#include "engine_bpf.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A forced switch takes tens of microseconds. `maze watch` waits at most this long. */
#define FORCE_TIMEOUT_MS 250

static void force_switch(size_t cpu)
{
	size_t size = CPU_ALLOC_SIZE(MAZE_CPUS_MAX);
	cpu_set_t *set = CPU_ALLOC(MAZE_CPUS_MAX);

	if (!set)
		return;
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	/* Returns when this process runs there, so the task before is switched out. */
	sched_setaffinity(0, size, set);
	CPU_FREE(set);
}

static void force_switches(const maze_u64 *cpu_set, size_t words)
{
	struct sched_param top = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
	size_t word, bit;

	/* If permitted, this process also displaces real-time tasks that spin. */
	sched_setscheduler(0, SCHED_FIFO, &top);
	for (word = 0; word < words; word++)
		for (bit = 0; bit < 64; bit++)
			if (cpu_set[word] & (1ULL << bit))
				force_switch(word * 64 + bit);
}

void bpf_force_switch(const maze_u64 *cpu_set, size_t words)
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
		force_switches(cpu_set, words);
		_exit(0);
	}
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	poll_pidfd.fd = pidfd;
	/* The child is not reaped yet, so its PID cannot have been reused. */
	if (pidfd < 0 || poll(&poll_pidfd, 1, FORCE_TIMEOUT_MS) != 1)
		kill(child, SIGKILL);
	if (pidfd >= 0)
		close(pidfd);
	waitpid(child, NULL, 0);
}
