/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers of the benchmarks; see bench.h.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

maze_u64 bench_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

static cpu_set_t allowed_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		bench_die("cannot read the CPU affinity");
	return set;
}

int bench_cpu(void)
{
	cpu_set_t set = allowed_cpus();
	int cpu = CPU_SETSIZE - 1;

	while (cpu > 0 && !CPU_ISSET(cpu, &set))
		cpu--;
	return cpu;
}

int bench_cpus(void)
{
	cpu_set_t set = allowed_cpus();

	return CPU_COUNT(&set);
}

void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("cannot pin to a CPU");
}

void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

void bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

pid_t bench_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		bench_die("fork");
	if (pid)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	return 0;
}

pid_t bench_spawn_quietly(char *const argv[])
{
	pid_t pid = bench_fork();
	int null;

	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execvp(argv[0], argv);
	_exit(127);
}

struct bench_times bench_wait(pid_t pid, maze_u64 start, const char *name)
{
	struct bench_times times;
	struct rusage usage;
	int status;

	if (wait4(pid, &status, 0, &usage) != pid)
		bench_die("cannot wait for the command");
	times.wall = (double)(bench_now(CLOCK_MONOTONIC) - start) / 1e9;
	times.cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	if (status)
		bench_fail("%s ended with status %d", name, status);
	return times;
}

void bench_reap(const pid_t *pids, int n)
{
	int i;

	for (i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
}

void bench_wait_until_blocked(pid_t pid)
{
	char path[64], state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	do {
		usleep(1000);
		file = fopen(path, "re");
		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			bench_die(path);
		fclose(file);
	} while (state != 'S');
}

maze_u64 bench_runtime_of(pid_t pid)
{
	unsigned long long runtime = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &runtime) != 1)
		runtime = 0;
	fclose(file);
	return runtime;
}

struct maze *bench_open(const char *engine)
{
	struct maze_error error = { "" };
	struct maze *maze;

	if (maze_open(engine, MAZE_PRIVATE, &maze, &error))
		bench_fail("%s", error.text);
	return maze;
}

struct maze_policy bench_far_policy(void)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = 3600 * MAZE_NSEC_PER_SEC;
	policy.hard_ns = 2 * policy.soft_ns;
	policy.flags |= MAZE_POLICY_SHADOW;
	return policy;
}

void bench_watch(struct maze *maze, pid_t pid)
{
	struct maze_policy policy = bench_far_policy();
	struct maze_error error = { "" };

	if (maze_watch(maze, pid, 0, &policy, 0, &error))
		bench_fail("%s", error.text);
}
