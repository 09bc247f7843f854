/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cost of a system call. A watched process calls getppid(2), and writes single bytes
 * to a pipe: without the engine, with it, while the calls of another process are counted,
 * and with the engine's probe of yields attached. The order is shuffled each round; ratios
 * are of values of the same round.
 *
 * usage: syscall_cost [ROUNDS]   JSON, see figure.h
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "bench.h"
#include "figure.h"
#include "lib/system_calls.h"

/*
 * About 20 ms of each, in slices of less than a ms. The fastest slice counts: the others
 * include time of a tick, other load or a hypervisor.
 */
#define SLICES 25
#define GETPPIDS 4000
/* Less than a pipe holds (65536 bytes), so the writer never waits. */
#define WRITES 2000

/* Longer than any round. */
#define COUNTED_NS (3600 * MAZE_NSEC_PER_SEC)

enum setting { WITHOUT, RESTING, COUNTED, ARMED, SETTINGS };

static const char *const names[SETTINGS] = { "without maze", "watched, probe resting",
					     "another's calls counted", "watched, probe armed" };

/* ns per call */
struct costs {
	double getppid, write;
};

static double time_getppids(void)
{
	double least = INFINITY;
	maze_u64 start;
	int slice, i;

	for (slice = 0; slice < SLICES; slice++) {
		start = bench_now(CLOCK_THREAD_CPUTIME_ID);
		for (i = 0; i < GETPPIDS; i++)
			syscall(SYS_getppid);
		least = fmin(least, (double)(bench_now(CLOCK_THREAD_CPUTIME_ID) - start));
	}
	return least / GETPPIDS;
}

static double time_writes(void)
{
	static char drain[WRITES];
	double least = INFINITY;
	int fds[2], slice, i;
	maze_u64 start;

	if (pipe(fds))
		_exit(1);
	for (slice = 0; slice < SLICES; slice++) {
		start = bench_now(CLOCK_THREAD_CPUTIME_ID);
		for (i = 0; i < WRITES; i++)
			if (write(fds[1], "", 1) != 1)
				_exit(1);
		least = fmin(least, (double)(bench_now(CLOCK_THREAD_CPUTIME_ID) - start));
		if (read(fds[0], drain, sizeof(drain)) != sizeof(drain))
			_exit(1);
	}
	close(fds[0]);
	close(fds[1]);
	return least / WRITES;
}

static void call(int cpu, int go, int report)
{
	struct costs costs;
	char byte;

	bench_pin(cpu);
	if (read(go, &byte, 1) != 1)
		_exit(1);
	costs.getppid = time_getppids();
	costs.write = time_writes();
	_exit(write(report, &costs, sizeof(costs)) != sizeof(costs));
}

/* Begins to count the calls of a process that makes none; the second call ends both. */
static void count_another(struct call_counter *counter)
{
	static int slot;
	static pid_t pid;
	struct maze_error error = { "" };
	struct call_slice slice;

	if (pid) {
		call_counter_take(counter, slot, pid, 0, true, &slice);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = 0;
		return;
	}
	pid = bench_fork();
	if (!pid) {
		for (;;)
			pause();
	}
	slot = call_counter_begin(counter, pid, bench_now(CLOCK_BOOTTIME), COUNTED_NS, &error);
	if (slot < 0)
		bench_fail("%s", error.text);
}

static struct costs measure(struct engine *engine, struct call_counter *counter,
			    enum setting setting, int cpu)
{
	bool is_watched = setting == RESTING || setting == ARMED;
	int go[2], report[2];
	struct costs costs;
	pid_t pid;

	if (pipe(go) || pipe(report))
		bench_die("pipe");
	pid = bench_fork();
	if (!pid)
		call(cpu, go[0], report[1]);
	if (is_watched) {
		attach_switch(engine, true);
		attach_watch(engine, pid);
	}
	if (setting == COUNTED)
		count_another(counter);
	if (setting == ARMED)
		attach_yield_probe(engine, true);
	if (write(go[1], "", 1) != 1 || read(report[0], &costs, sizeof(costs)) != sizeof(costs))
		bench_die("the caller did not report");
	if (setting == ARMED)
		attach_yield_probe(engine, false);
	if (setting == COUNTED)
		count_another(counter);
	if (is_watched)
		attach_switch(engine, false);
	waitpid(pid, NULL, 0);
	close(go[0]);
	close(go[1]);
	close(report[0]);
	close(report[1]);
	return costs;
}

static struct estimate add_rows(struct figure *figure, const char *what, double *values[SETTINGS],
				int settings, size_t rounds)
{
	struct estimate ratio, resting = { NAN, NAN, NAN };
	char name[96];
	int i;

	for (i = 0; i < settings; i++) {
		ratio = bench_ratio(values[i], values[WITHOUT], rounds);
		if (i == RESTING)
			resting = ratio;
		snprintf(name, sizeof(name), "%s, %s", what, names[i]);
		figure_row(figure, name,
			   (double[]){ bench_median(values[i], rounds).value, i ? ratio.value : NAN,
				       i ? ratio.low : NAN, i ? ratio.high : NAN },
			   NULL);
	}
	return resting;
}

static void report(double *getppids[SETTINGS], double *writes[SETTINGS], const char *probe,
		   size_t rounds)
{
	struct figure *figure = figure_new("syscall_cost", "Cost of a system call");
	int settings = probe ? SETTINGS : ARMED;
	struct estimate resting;

	figure_column(figure, "ns", 1);
	figure_column(figure, "ratio", 3);
	figure_column(figure, "from", 3);
	figure_column(figure, "to", 3);
	resting = add_rows(figure, "getppid", getppids, settings, rounds);
	figure_target(figure, "getppid, probe resting, to without maze", resting.value, resting.low,
		      resting.high, 1.02);
	add_rows(figure, "write of a byte", writes, settings, rounds);
	if (probe)
		figure_note(figure, "this kernel's probe of yields is %s", probe);
	else
		figure_note(figure, "this kernel's probe of yields is always attached (fentry)");
	figure_note(figure, "ns of CPU time of the caller; %zu rounds", rounds);
	figure_print(figure);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 60, round, i, cpu = bench_cpu(), order[SETTINGS];
	double *getppids[SETTINGS], *writes[SETTINGS];
	struct maze_error error = { "" };
	struct call_counter *counter;
	struct engine *engine;
	struct costs costs;
	const char *probe;

	if (rounds < 1)
		return 2;
	for (i = 0; i < SETTINGS; i++) {
		getppids[i] = bench_values((size_t)rounds);
		writes[i] = bench_values((size_t)rounds);
	}
	engine = attach_open();
	if (call_counter_open(&counter, &error))
		bench_fail("%s", error.text);
	probe = attach_yield_probe(engine, true);
	if (probe)
		attach_yield_probe(engine, false);
	for (round = 0; round < rounds; round++) {
		bench_shuffle(order, SETTINGS, (unsigned int)round);
		for (i = 0; i < SETTINGS; i++) {
			if (order[i] == ARMED && !probe)
				continue;
			costs = measure(engine, counter, (enum setting)order[i], cpu);
			getppids[order[i]][round] = costs.getppid;
			writes[order[i]][round] = costs.write;
		}
	}
	report(getppids, writes, probe, (size_t)rounds);
	call_counter_close(counter);
	attach_close(engine);
	for (i = 0; i < SETTINGS; i++) {
		free(getppids[i]);
		free(writes[i]);
	}
	return 0;
}
