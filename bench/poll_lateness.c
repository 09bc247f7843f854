/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lateness and CPU use of the poll engine with one to ten spinners. Unlike in
 * lateness.c, an episode begins with a sleep of a few ms at a moment unknown to the
 * engine, and ends with the signal, after which the spinner sleeps again. The spinner
 * reads its CPU clock before the sleep and in the handler; the difference minus the limit
 * is the lateness. The engine's CPU time is that of this process, which only waits.
 *
 * usage: poll_lateness EPISODES SECONDS  JSON, see figure.h: at least so many episodes a
 *                                        row, and so many seconds
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"

#define SPINNERS_MAX 10
#define SLEEPERS 200
/* The shortest sleep; the longest is four times that. */
#define SLEEP_MIN_US 3000
/* Uncounted episodes of each spinner, in which the engine finds its pace. */
#define WARM_UP 1
/* Nothing in this benchmark takes that long. */
#define ROW_SECONDS_MAX 300

struct crowd {
	struct maze *maze;
	pid_t pids[SLEEPERS];
	int pids_n;
	int report; /* the end of a pipe that all spinners write to */
};

static volatile sig_atomic_t signalled;
static volatile maze_u64 signalled_ns;

static void on_signal(int signal)
{
	(void)signal;
	signalled_ns = bench_now(CLOCK_THREAD_CPUTIME_ID);
	signalled = 1;
}

/* Runs episodes; each reports the CPU time since its sleep. */
static void spin(int go, int report)
{
	maze_u64 from_ns, used_ns;
	char byte;

	signal(SIGXCPU, on_signal);
	alarm(ROW_SECONDS_MAX);
	srand48(getpid());
	if (read(go, &byte, 1) != 1)
		_exit(1);
	for (;;) {
		signalled = 0;
		from_ns = bench_now(CLOCK_THREAD_CPUTIME_ID);
		usleep((useconds_t)(SLEEP_MIN_US * (1 + 3 * drand48())));
		while (!signalled)
			;
		used_ns = signalled_ns - from_ns;
		if (write(report, &used_ns, sizeof(used_ns)) != sizeof(used_ns))
			_exit(1);
	}
}

static void rest(int go)
{
	char byte;

	while (read(go, &byte, 1) > 0)
		;
	_exit(0);
}

static void gather(struct crowd *crowd, int spinners, int sleepers, maze_u64 limit_ns)
{
	struct maze_policy policy;
	int go[2], report[2], i;

	maze_policy_default(&policy);
	policy.soft_ns = limit_ns;
	policy.soft_signal = SIGXCPU;
	policy.hard_ns = 0;
	memset(crowd, 0, sizeof(*crowd));
	crowd->maze = bench_open("poll");
	if (pipe(go) || pipe(report))
		bench_die("pipe");
	for (i = 0; i < spinners + sleepers; i++) {
		crowd->pids[i] = bench_fork();
		if (!crowd->pids[i]) {
			close(go[1]);
			if (i < spinners)
				spin(go[0], report[1]);
			rest(go[0]);
		}
		crowd->pids_n++;
		bench_wait_until_blocked(crowd->pids[i]);
		if (maze_watch(crowd->maze, crowd->pids[i], 0, &policy, 1, NULL))
			bench_fail("cannot watch a child");
	}
	close(go[0]);
	close(report[1]);
	crowd->report = report[0];
	for (i = 0; i < spinners; i++)
		if (write(go[1], "", 1) != 1)
			bench_die("the spinners have ended");
	/* Sleepers stay blocked in their read: the pipe stays open until they are killed. */
	(void)!fcntl(go[1], F_SETFD, FD_CLOEXEC);
}

static void disperse(struct crowd *crowd)
{
	bench_reap(crowd->pids, crowd->pids_n);
	close(crowd->report);
	maze_close(crowd->maze);
}

struct account {
	maze_u64 cpu_ns, wall_ns;
};

static struct account account_now(void)
{
	return (struct account){ bench_now(CLOCK_PROCESS_CPUTIME_ID), bench_now(CLOCK_MONOTONIC) };
}

static double percent_since(const struct account *before)
{
	struct account now = account_now();

	return (double)(now.cpu_ns - before->cpu_ns) / (double)(now.wall_ns - before->wall_ns) *
	       100;
}

/* The worst of all rows of 100 ms, and of all rows. */
struct worst {
	double p50_ms, max_ms;
	int early;
};

static void measure(struct figure *figure, int spinners, maze_u64 limit_ns, int episodes,
		    int seconds, struct worst *worst)
{
	double *late_ms = bench_values((size_t)episodes * 100);
	int n = 0, skipped = 0, row_early = 0;
	struct account before;
	struct crowd crowd;
	maze_u64 used_ns;
	double percent, p50_ms, max_ms;
	char name[64];

	gather(&crowd, spinners, 0, limit_ns);
	before = account_now();
	while (n < episodes ||
	       (n < episodes * 100 &&
		account_now().wall_ns - before.wall_ns < (maze_u64)seconds * MAZE_NSEC_PER_SEC)) {
		if (read(crowd.report, &used_ns, sizeof(used_ns)) != sizeof(used_ns))
			bench_fail("a spinner was not found in %d s", ROW_SECONDS_MAX);
		if (skipped++ < WARM_UP * spinners)
			continue;
		row_early += used_ns < limit_ns;
		late_ms[n++] = ((double)used_ns - (double)limit_ns) / 1e6;
	}
	percent = percent_since(&before);
	disperse(&crowd);
	p50_ms = bench_quantile(late_ms, (size_t)n, 0.5);
	max_ms = bench_quantile(late_ms, (size_t)n, 1);
	snprintf(name, sizeof(name), "%d spinner%s", spinners, spinners > 1 ? "s" : "");
	figure_row(figure, name,
		   (double[]){ (double)limit_ns / 1e6, p50_ms,
			       bench_quantile(late_ms, (size_t)n, 0.99), max_ms, row_early, n,
			       percent },
		   NULL);
	free(late_ms);
	worst->early += row_early;
	if (limit_ns > 100 * MAZE_NSEC_PER_MSEC)
		return;
	worst->p50_ms = fmax(worst->p50_ms, p50_ms);
	worst->max_ms = fmax(worst->max_ms, max_ms);
}

/* Nothing is due any more, so all CPU time is overhead. */
static double measure_sleepers(struct figure *figure, int seconds)
{
	struct account before;
	struct crowd crowd;
	double percent;
	char name[64];

	gather(&crowd, 0, SLEEPERS, 100 * MAZE_NSEC_PER_MSEC);
	sleep(1);
	before = account_now();
	sleep((unsigned int)seconds);
	percent = percent_since(&before);
	disperse(&crowd);
	snprintf(name, sizeof(name), "%d sleepers", SLEEPERS);
	figure_row(figure, name, (double[]){ 100, NAN, NAN, NAN, 0, 0, percent }, NULL);
	return percent;
}

int main(int argc, char **argv)
{
	static const int spinners[] = { 1, 2, 5, SPINNERS_MAX };
	static const maze_u64 limits_ms[] = { 100, 1000 };
	int episodes = argc > 1 ? atoi(argv[1]) : 200, seconds = argc > 2 ? atoi(argv[2]) : 8;
	struct figure *figure = figure_new("poll_lateness", "The poll engine: lateness in ms");
	struct rlimit files = { 4096, 4096 };
	struct worst worst = { 0 };
	size_t i, j;

	if (episodes < 1 || seconds < 1)
		bench_fail("usage: poll_lateness EPISODES SECONDS");
	setrlimit(RLIMIT_NOFILE, &files);
	figure_column(figure, "limit", 0);
	figure_column(figure, "p50", 3);
	figure_column(figure, "p99", 3);
	figure_column(figure, "max", 3);
	figure_column(figure, "early", 0);
	figure_column(figure, "episodes", 0);
	figure_column(figure, "% of a CPU", 2);
	for (i = 0; i < sizeof(limits_ms) / sizeof(limits_ms[0]); i++)
		for (j = 0; j < sizeof(spinners) / sizeof(spinners[0]); j++)
			measure(figure, spinners[j], limits_ms[i] * MAZE_NSEC_PER_MSEC,
				i ? (episodes + 9) / 10 : episodes, seconds, &worst);
	figure_target(figure, "% of a CPU for 200 watched sleepers",
		      measure_sleepers(figure, seconds), NAN, NAN, 1);
	figure_target(figure, "p50 in ms at 100 ms, one to ten spinners", worst.p50_ms, NAN, NAN,
		      5);
	figure_target(figure, "max in ms at 100 ms, one to ten spinners", worst.max_ms, NAN, NAN,
		      15);
	figure_target(figure, "early verdicts of the poll engine", worst.early, NAN, NAN, 0);
	figure_note(figure, "episodes begin with a sleep at a moment unknown to the engine; by the "
			    "spinner's own CPU clock");
	figure_print(figure);
	return worst.early != 0;
}
