/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cost for a working program. A command runs with maze off, off a second time,
 * attached, and with the command and its servers watched, in an order shuffled each
 * round; the slowdown is the median of the rounds' ratios. The second run with maze off
 * shows the noise of this machine.
 *
 * usage: work NAME TITLE ROUNDS AT_MOST [--server PID]... -- COMMAND...   JSON, see
 * figure.h
 * AT_MOST: the target for the slowdown with all watched, in per cent; 0: the noise.
 * The whole command is timed; an untimed run comes before.
 */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "bench.h"
#include "figure.h"

#define SERVERS_MAX 64
#define WARM_UPS 1

enum setting { OFF, OFF_AGAIN, ATTACHED, WATCHED, SETTINGS };

static const char *const names[SETTINGS] = { "maze off", "maze off, again (noise)", "maze attached",
					     "maze watching all of it" };

static struct {
	struct engine *engine;
	char **command;
	pid_t servers[SERVERS_MAX];
	int servers_n;
} bench;

/* Watches the server's processes too: PostgreSQL has several. */
static void add_server(pid_t pid)
{
	char path[64];
	FILE *file;
	int child;

	if (bench.servers_n == SERVERS_MAX)
		bench_fail("more than %d server processes", SERVERS_MAX);
	bench.servers[bench.servers_n++] = pid;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1)
		add_server(child);
	if (file)
		fclose(file);
}

static void watch_servers(bool on)
{
	int i;

	for (i = 0; i < bench.servers_n; i++) {
		if (on)
			attach_try_watch(bench.engine, bench.servers[i]);
		else
			attach_unwatch(bench.engine, bench.servers[i]);
	}
}

static pid_t start_command(int go)
{
	pid_t pid = bench_fork();
	int null;
	char byte;

	if (pid)
		return pid;
	if (read(go, &byte, 1) != 1)
		_exit(1);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	execvp(bench.command[0], bench.command);
	_exit(127);
}

static struct bench_times measure(enum setting setting)
{
	struct bench_times times;
	int go[2];
	maze_u64 start;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		bench_die("pipe");
	pid = start_command(go[0]);
	if (setting >= ATTACHED) {
		attach_lives(bench.engine, true);
		attach_switch(bench.engine, true);
	}
	if (setting == WATCHED) {
		attach_watch(bench.engine, pid);
		watch_servers(true);
	}
	start = bench_now(CLOCK_MONOTONIC);
	if (write(go[1], "", 1) != 1)
		bench_die("cannot start the command");
	times = bench_wait(pid, start, bench.command[0]);
	if (setting == WATCHED)
		watch_servers(false);
	if (setting >= ATTACHED) {
		attach_switch(bench.engine, false);
		attach_lives(bench.engine, false);
	}
	close(go[0]);
	close(go[1]);
	return times;
}

/* The slowdown of each round in per cent. */
static struct estimate slowdown(const double *values, const double *bases, size_t rounds)
{
	double *percents = bench_values(rounds);
	struct estimate estimate;
	size_t i;

	for (i = 0; i < rounds; i++)
		percents[i] = 100 * (values[i] / bases[i] - 1);
	estimate = bench_median(percents, rounds);
	free(percents);
	return estimate;
}

static void report(const char *name, const char *title, double at_most, double *values[SETTINGS],
		   double *cpu[SETTINGS], size_t rounds)
{
	struct figure *figure = figure_new(name, title);
	struct estimate slow, more, noise = { 0, 0, 0 };
	char what[160];
	int i;

	figure_column(figure, "s", 3);
	figure_column(figure, "slowdown %", 2);
	figure_column(figure, "from", 2);
	figure_column(figure, "to", 2);
	figure_column(figure, "CPU %", 2);
	figure_column(figure, "from", 2);
	figure_column(figure, "to", 2);
	for (i = 0; i < SETTINGS; i++) {
		slow = slowdown(values[i], values[OFF], rounds);
		more = slowdown(cpu[i], cpu[OFF], rounds);
		if (i == OFF_AGAIN)
			noise = slow;
		figure_row(figure, names[i],
			   (double[]){ bench_median(values[i], rounds).value, i ? slow.value : NAN,
				       i ? slow.low : NAN, i ? slow.high : NAN,
				       i ? more.value : NAN, i ? more.low : NAN,
				       i ? more.high : NAN },
			   NULL);
		figure_samples(figure, names[i], values[i], rounds);
	}
	snprintf(what, sizeof(what), "%s: slowdown in %%, all watched%s", title,
		 at_most > 0 ? "" : " (at most the noise)");
	if (at_most <= 0)
		at_most = fmax(fabs(noise.low), fabs(noise.high));
	figure_target(figure, what, slow.value, slow.low, slow.high, at_most);
	figure_note(figure,
		    "%zu rounds; from and to: the median of the rounds, with 95 %% "
		    "confidence",
		    rounds);
	figure_print(figure);
}

int main(int argc, char **argv)
{
	double *values[SETTINGS], *cpu[SETTINGS];
	int i, arg = 5, rounds, order[SETTINGS];
	struct bench_times times;

	if (argc < 7 || atoi(argv[3]) < 1)
		bench_fail("usage: work NAME TITLE ROUNDS AT_MOST [--server PID]... -- COMMAND...");
	rounds = atoi(argv[3]);
	for (; arg + 1 < argc && !strcmp(argv[arg], "--server"); arg += 2)
		add_server(atoi(argv[arg + 1]));
	if (strcmp(argv[arg], "--") || !argv[arg + 1])
		bench_fail("the command is missing; it comes after --");
	bench.command = argv + arg + 1;
	bench.engine = attach_open();
	attach_lives(bench.engine, false);
	for (i = 0; i < SETTINGS; i++) {
		values[i] = bench_values((size_t)rounds);
		cpu[i] = bench_values((size_t)rounds);
	}
	for (i = 0; i < WARM_UPS; i++)
		measure(OFF);
	for (int round = 0; round < rounds; round++) {
		bench_shuffle(order, SETTINGS, (unsigned int)round);
		for (i = 0; i < SETTINGS; i++) {
			times = measure((enum setting)order[i]);
			values[order[i]][round] = times.wall;
			cpu[order[i]][round] = times.cpu;
		}
	}
	report(argv[1], argv[2], atof(argv[4]), values, cpu, (size_t)rounds);
	attach_close(bench.engine);
	for (i = 0; i < SETTINGS; i++) {
		free(values[i]);
		free(cpu[i]);
	}
	return 0;
}
