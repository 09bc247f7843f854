/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes random lines to /proc/maze/entries: valid, nearly valid, and noise, about
 * processes that come and go. --seconds: how long; --seed repeats a run. Ends with 1 if
 * the file accepts an invalid line.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/wait.h>

#define PEOPLE 8
#define PATH "/proc/maze/entries"

static unsigned int seed;
static pid_t people[PEOPLE];

static unsigned int any(unsigned int below)
{
	return (unsigned int)rand_r(&seed) % below;
}

/* A process that spins, sleeps or forks for a moment. */
static void live(void)
{
	unsigned int what = any(4);

	bound_life();
	if (what == 0)
		burn_ms((long)any(300));
	else if (what == 1)
		sleep_ms((long)any(300));
	else if (what == 2 && !fork())
		burn_ms((long)any(50));
	_exit(0);
}

static void replace_somebody(void)
{
	unsigned int i = any(PEOPLE);

	if (people[i] > 0) {
		kill(people[i], SIGKILL);
		waitpid(people[i], NULL, 0);
	}
	people[i] = fork();
	if (!people[i]) {
		seed ^= (unsigned int)getpid();
		live();
	}
}

static long long odd_number(void)
{
	static const long long odd[] = { 0,	      1,	   -1,	       64,
					 65,	      999999999,   4194304,    4194305,
					 2147483647,  2147483648,  4294967295, 4294967296,
					 31622400000, 31622400001, -2147483648 };

	return any(3) ? (long long)any(500) : odd[any(sizeof(odd) / sizeof(odd[0]))];
}

static bool is_one_of_ours(long long pid)
{
	int i;

	for (i = 0; i < PEOPLE; i++) {
		if (people[i] == pid)
			return true;
	}
	return false;
}

/*
 * A random number, or one of ours with a byte changed, may be that of the shell that runs
 * this program. The shell and all its children would be watched from then on, and
 * signalled. Kernel threads and PID 1 are refused, which is part of the test.
 */
static bool names_a_stranger(const char *text, size_t size)
{
	long long pid;
	size_t i;

	for (i = 0; i < size; i++) {
		if ((!i || text[i - 1] == '\n') && sscanf(text + i, "%lld", &pid) == 1 && pid > 2 &&
		    pid <= INT_MAX && !is_one_of_ours(pid) && !kill((pid_t)pid, 0))
			return true;
	}
	return false;
}

static int append_line(char *text, size_t size)
{
	static const char *const words[] = { "shadow",
					     "no-inherit",
					     "yield-counts",
					     "thread",
					     "recovery=1",
					     "recovery=65536",
					     "tag=7",
					     "tag=",
					     "start=1",
					     "recovery=0",
					     "nonsense",
					     "# a comment",
					     "observe",
					     "tag=99999999999999999999",
					     "-1" };
	int pid = (int)people[any(PEOPLE)], n;

	switch (any(8)) {
	case 0:
		return snprintf(text, size, "-%d\n", pid);
	case 1:
		return snprintf(text, size, "-tag=7\n");
	case 2:
		return snprintf(text, size, "%lld %lld %lld %lld %lld\n", odd_number(),
				odd_number(), odd_number(), odd_number(), odd_number());
	case 3:
		return snprintf(text, size, "%s %d\n", words[any(15)], pid);
	default:
		n = snprintf(text, size, "%d %u %u %u %u", pid, any(3) * 50, any(3) * 100, any(3),
			     any(5) ? 0 : 9);
		while (any(3))
			n += snprintf(text + n, size - (size_t)n, " %s", words[any(15)]);
		return n + snprintf(text + n, size - (size_t)n, "\n");
	}
}

static int write_something(int fd)
{
	char text[4096];
	size_t n = 0, i;
	unsigned int lines = 1 + any(5);

	while (lines--)
		n += (size_t)append_line(text + n, 512);
	for (i = any(8); i == 0 && n; i = any(2))
		text[any((unsigned int)n)] = (char)any(256);
	if (any(16) == 0)
		n = any((unsigned int)n + 1);
	text[n] = '\0';
	if (names_a_stranger(text, n))
		return 0;
	if (write(fd, text, n) < 0 && errno != EINVAL && errno != ESRCH && errno != ENOENT &&
	    errno != EPERM && errno != ENOSPC) {
		perror(PATH);
		return 1;
	}
	return 0;
}

/* Lines that must always be refused. */
static int check_refusals(int fd)
{
	static const struct {
		const char *line;
		int error;
	} wrong[] = {
		{ "1 100 200 24 9\n", EPERM },
		{ "2 100 200 24 9\n", EPERM },
		{ "4194305 100 200 24 9\n", EINVAL },
		{ "-1x\n", EINVAL },
		{ "3 18446744073709551616 0 0 0\n", EINVAL },
		{ "3 200 100 24 9\n", EINVAL },
		{ "3 100 200 24 65\n", EINVAL },
		{ "3 -100 200 24 9\n", EINVAL },
		{ "3 100 200 24\n", EINVAL },
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (write(fd, wrong[i].line, strlen(wrong[i].line)) >= 0 ||
		    errno != wrong[i].error) {
			printf("taken, or another error than right: %s", wrong[i].line);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	long seconds = number_option(argc, argv, "--seconds", 10);
	long long until;
	int fd, failed = 0, i;

	begin(argc, argv);
	seed = (unsigned int)number_option(argc, argv, "--seed", getpid());
	printf("seed %u\n", seed);
	fd = open(PATH, O_WRONLY);
	if (fd < 0) {
		perror(PATH);
		return 1;
	}
	failed = check_refusals(fd);
	until = clock_ns(CLOCK_MONOTONIC) + seconds * 1000000000LL;
	while (!failed && clock_ns(CLOCK_MONOTONIC) < until) {
		if (any(4) == 0)
			replace_somebody();
		failed = write_something(fd);
	}
	for (i = 0; i < PEOPLE; i++) {
		if (people[i] <= 0)
			continue;
		kill(people[i], SIGKILL);
		waitpid(people[i], NULL, 0);
	}
	return failed;
}
