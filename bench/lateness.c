/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How late is a verdict? A child spins under a 100 ms soft limit; in the handler
 * of the soft signal it reads its own CPU clock. Late by the record is count -
 * limit; late by the task's own clock is what the program itself could measure,
 * signal delivery included. Early, by either, must never be.
 *
 * usage: lateness [TRIALS] [SPINNERS [ENGINE]]   prints one line; exit 1 if any was early
 */
#include "bench.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_NS (100 * MAZE_NSEC_PER_MSEC)

static maze_u64 before_wait;
static int report_fd;

static void on_soft(int signal)
{
	maze_u64 used = bench_now(CLOCK_THREAD_CPUTIME_ID) - before_wait;

	(void)signal;
	if (write(report_fd, &used, sizeof(used)) != sizeof(used))
		_exit(1);
	_exit(0);
}

static void child(int go, int report)
{
	char byte;

	report_fd = report;
	signal(SIGXCPU, on_soft);
	alarm(60);
	before_wait = bench_now(CLOCK_THREAD_CPUTIME_ID);
	if (read(go, &byte, 1) != 1)
		_exit(1);
	for (;;)
		;
}

struct trial {
	double by_record_us, by_clock_us;
};

static int read_verdict(struct maze_reader *reader, struct trial *trial)
{
	struct maze_record record;
	int verdicts = 0;

	while (maze_reader_next(reader, &record) == 1) {
		if (record.event != MAZE_EVENT_SOFT)
			continue;
		trial->by_record_us = ((double)record.count_ns - (double)record.limit_ns) / 1e3;
		verdicts++;
	}
	return verdicts;
}

/* Blocked in read, so that what it has used until then is not on the count. */
static void wait_until_blocked(pid_t pid)
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

static void run_trial(struct maze *maze, struct maze_reader *reader, struct trial *trial)
{
	struct maze_policy policy;
	struct maze_error error = { "" };
	int go[2], report[2];
	maze_u64 used;
	pid_t pid;

	maze_policy_default(&policy);
	policy.soft_ns = LIMIT_NS;
	policy.hard_ns = 0;
	if (pipe(go) || pipe(report))
		bench_die("pipe");
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid)
		child(go[0], report[1]);
	wait_until_blocked(pid);
	if (maze_watch(maze, pid, 0, &policy, 1, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	if (write(go[1], "", 1) != 1 || read(report[0], &used, sizeof(used)) != sizeof(used))
		bench_die("the spinner did not report");
	trial->by_clock_us = ((double)used - (double)LIMIT_NS) / 1e3;
	waitpid(pid, NULL, 0);
	if (read_verdict(reader, trial) != 1) {
		fprintf(stderr, "a trial had not exactly one verdict\n");
		exit(1);
	}
	close(go[0]);
	close(go[1]);
	close(report[0]);
	close(report[1]);
}

static void spin_beside(int spinners, pid_t *pids)
{
	int i;

	for (i = 0; i < spinners; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			bench_die("fork");
		if (!pids[i]) {
			alarm(600);
			for (;;)
				;
		}
	}
}

int main(int argc, char **argv)
{
	int trials = argc > 1 ? atoi(argv[1]) : 200, spinners = argc > 2 ? atoi(argv[2]) : 0, i;
	double *by_record, *by_clock;
	struct maze_reader *reader;
	struct trial trial = { 0 };
	struct maze *maze;
	int early = 0;
	pid_t pids[64];

	if (trials < 1 || spinners < 0 || spinners > 64)
		return 2;
	by_record = calloc((size_t)trials, sizeof(*by_record));
	by_clock = calloc((size_t)trials, sizeof(*by_clock));
	maze = bench_open(argc > 3 ? argv[3] : "bpf");
	if (!by_record || !by_clock || maze_reader_open(maze, false, &reader, NULL))
		return 1;
	spin_beside(spinners, pids);
	for (i = 0; i < trials; i++) {
		run_trial(maze, reader, &trial);
		by_record[i] = trial.by_record_us;
		by_clock[i] = trial.by_clock_us;
		early += trial.by_record_us < 0 || trial.by_clock_us < 0;
	}
	for (i = 0; i < spinners; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	printf("%d trials, %d spinners beside: by record p50 %.1f p99 %.1f max %.1f us; by its own "
	       "clock p50 %.1f p99 %.1f max %.1f us; early %d\n",
	       trials, spinners, bench_quantile(by_record, (size_t)trials, 0.5),
	       bench_quantile(by_record, (size_t)trials, 0.99),
	       bench_quantile(by_record, (size_t)trials, 1),
	       bench_quantile(by_clock, (size_t)trials, 0.5),
	       bench_quantile(by_clock, (size_t)trials, 0.99),
	       bench_quantile(by_clock, (size_t)trials, 1), early);
	maze_reader_close(reader);
	maze_close(maze);
	return early != 0;
}
