/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cost of a context switch. A pair of processes switches on one CPU under one setting
 * after the other, in an order that is shuffled each round. The cost of a setting is the
 * median, over the rounds, of its difference to nothing attached in the same round with a
 * pair of the same kind. A second column has the time that the kernel counts in the
 * handler (kernel.bpf_stats_enabled) minus that of the empty program: it has much less
 * noise but does not include the handler's effect on caches.
 *
 * usage: switch_cost [ROUNDS]   JSON, see figure.h
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "bench.h"
#include "figure.h"
#include "pair.h"
#include "engine/bpf/engine_bpf.h"

/* About 25 ms per round: longer than a tick, shorter than most disturbances. */
#define PASSES 5000
/* runqlat takes a second to load: it runs in every Nth round. */
#define PEER_EVERY 8
/* Rounds for the kernel's own count, which needs few. */
#define COUNTED_ROUNDS 5

/* 99 of 100 of a CPU, for all sleeps: each wakeup takes some off the count. */
#define FINITE (99 * MAZE_RECOVERY_ONE)

enum setting {
	NOTHING,
	EMPTY,
	UNWATCHED,
	ONE,
	BOTH,
	BOTH_INF,
	BOTH_FINITE,
	BOTH_OBSERVED,
	AMONG_10,
	AMONG_1000,
	AMONG_10000,
	RUNQLAT,
	LOCK_NOTHING,
	LOCK_EMPTY,
	LOCK_BOTH,
	LOCK_INF,
	LOCK_FINITE,
	LOCK_OBSERVED,
	LOCK_NEAR,
	SETTINGS,
};

static const struct {
	const char *name;
	enum pair_by by;
	bool maze;
	int watched;	   /* watched tasks of the pair */
	int crowds;	   /* watched tasks beside the pair */
	maze_u32 recovery; /* 0: the default */
	maze_u32 flags;	   /* of the policy, beside the default ones */
	bool near;	   /* to the limit, with evidence: their runs are noted */
} settings[SETTINGS] = {
	[NOTHING] = { .name = "nothing attached" },
	[EMPTY] = { .name = "empty program" },
	[UNWATCHED] = { "maze, pair unwatched", .maze = true },
	[ONE] = { "maze, one watched", .maze = true, .watched = 1 },
	[BOTH] = { "maze, both watched", .maze = true, .watched = 2 },
	[BOTH_INF] = { "maze, both watched, recovery inf", .maze = true, .watched = 2,
		       .recovery = MAZE_RECOVERY_INF },
	[BOTH_FINITE] = { "maze, both watched, recovery 99", .maze = true, .watched = 2,
			  .recovery = FINITE },
	[BOTH_OBSERVED] = { "maze, both observed", .maze = true, .watched = 2,
			    .flags = MAZE_POLICY_OBSERVE },
	[AMONG_10] = { "maze, both among 10 watched", .maze = true, .watched = 2, .crowds = 1 },
	[AMONG_1000] = { "maze, both among 1,000 watched", .maze = true, .watched = 2,
			 .crowds = 2 },
	[AMONG_10000] = { "maze, both among 10,000 watched", .maze = true, .watched = 2,
			  .crowds = 3 },
	[RUNQLAT] = { .name = "runqlat (bcc)" },
	[LOCK_NOTHING] = { "locks: nothing attached", .by = PAIR_BY_FUTEX },
	[LOCK_EMPTY] = { "locks: empty program", .by = PAIR_BY_FUTEX },
	[LOCK_BOTH] = { "locks: maze, both watched", .by = PAIR_BY_FUTEX, .maze = true,
			.watched = 2 },
	[LOCK_INF] = { "locks: maze, both watched, recovery inf", .by = PAIR_BY_FUTEX, .maze = true,
		       .watched = 2, .recovery = MAZE_RECOVERY_INF },
	[LOCK_FINITE] = { "locks: maze, both watched, recovery 99", .by = PAIR_BY_FUTEX,
			  .maze = true, .watched = 2, .recovery = FINITE },
	[LOCK_OBSERVED] = { "locks: maze, both observed", .by = PAIR_BY_FUTEX, .maze = true,
			    .watched = 2, .flags = MAZE_POLICY_OBSERVE },
	[LOCK_NEAR] = { "locks: maze, both near their limits", .by = PAIR_BY_FUTEX, .maze = true,
			.watched = 2, .near = true },
};

static enum setting nothing_beside(enum setting setting)
{
	return settings[setting].by == PAIR_BY_FUTEX ? LOCK_NOTHING : NOTHING;
}

static enum setting empty_beside(enum setting setting)
{
	return settings[setting].by == PAIR_BY_FUTEX ? LOCK_EMPTY : EMPTY;
}

/* Crowds of sleepers that make 10, 1,000 and 10,000 with the pair; they always exist. */
static const int crowd_sizes[] = { 8, 990, 9000 };
#define CROWDS 3

static struct {
	struct engine *engine;
	pid_t crowds[CROWDS];
	int cpu;
} bench;

/* Returns the PID once runqlat is attached, or -1. */
static pid_t start_runqlat(int others)
{
	int i, null;
	pid_t pid = bench_fork();

	if (!pid) {
		null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		dup2(null, 2);
		execlp("runqlat", "runqlat", "3600", (char *)NULL);
		_exit(127);
	}
	for (i = 0; i < 500; i++) {
		if (attach_count() > others)
			return pid;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return -1;
		usleep(10 * 1000);
	}
	bench_reap(&pid, 1);
	return -1;
}

static void watch_pair(enum setting setting, const struct pair *pair)
{
	struct maze_policy policy = bench_far_policy();

	policy.flags |= settings[setting].flags;
	if (settings[setting].recovery)
		policy.recovery = settings[setting].recovery;
	if (settings[setting].near) {
		/* Between a soft verdict, which no sleep ends, and a hard one. */
		policy.soft_ns = MAZE_NSEC_PER_MSEC;
		policy.recovery = MAZE_RECOVERY_LOCK | 1;
		policy.flags |= MAZE_POLICY_YIELD_COUNTS; /* so it waits for no probe */
	}
	bench.engine->state->stacks_max = settings[setting].near;
	if (settings[setting].watched >= 1)
		attach_watch_with(bench.engine, pair->player, &policy);
	if (settings[setting].watched >= 2)
		attach_watch_with(bench.engine, pair->echo, &policy);
}

static double measure(enum setting setting)
{
	bool maze = settings[setting].maze;
	int i, empty = -1;
	struct pair pair;
	pid_t peer = -1;
	double result;

	if (setting == RUNQLAT) {
		peer = start_runqlat(attach_count());
		if (peer < 0)
			return NAN;
	}
	pair_start(&pair, settings[setting].by, bench.cpu);
	if (setting == empty_beside(setting))
		empty = attach_empty(NULL);
	if (maze)
		attach_switch(bench.engine, true);
	watch_pair(setting, &pair);
	for (i = 0; i < settings[setting].crowds; i++)
		attach_watch(bench.engine, bench.crowds[i]);
	result = pair_run(&pair, PASSES);
	for (i = 0; i < settings[setting].crowds; i++)
		attach_unwatch(bench.engine, bench.crowds[i]);
	if (maze)
		attach_switch(bench.engine, false);
	if (empty >= 0)
		close(empty);
	if (peer >= 0)
		bench_reap(&peer, 1);
	return result;
}

struct runs {
	maze_u64 ns, count;
};

static struct runs read_runs(int program_fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &length))
		bench_die("cannot read the statistics of a program");
	return (struct runs){ info.run_time_ns, info.run_cnt };
}

/* ns per run of the attached program, clock readings around it included. */
static double counted(enum setting setting)
{
	struct runs before, after;
	int program, link = -1;
	struct pair pair;

	pair_start(&pair, settings[setting].by, bench.cpu);
	program = attach_program_fd(bench.engine);
	if (setting == empty_beside(setting))
		link = attach_empty(&program);
	else
		attach_switch(bench.engine, true);
	watch_pair(setting, &pair);
	before = read_runs(program);
	pair_run(&pair, PASSES);
	after = read_runs(program);
	if (link >= 0) {
		close(link);
		close(program);
	} else {
		attach_switch(bench.engine, false);
	}
	return (double)(after.ns - before.ns) / (double)(after.count - before.count);
}

/* By the kernel's count; a crowd does not run the handler. */
static bool is_counted(enum setting setting)
{
	return setting == empty_beside(setting) ||
	       (settings[setting].maze && !settings[setting].crowds);
}

/* Time in the handler beyond the empty program, by the kernel's count. */
static void count_all(double *ret_ns)
{
	double values[SETTINGS][COUNTED_ROUNDS];
	int statistics = bpf_enable_stats(BPF_STATS_RUN_TIME), setting, round;

	for (setting = 0; setting < SETTINGS; setting++)
		ret_ns[setting] = NAN;
	if (statistics < 0)
		return;
	for (round = 0; round < COUNTED_ROUNDS; round++)
		for (setting = 0; setting < SETTINGS; setting++)
			if (is_counted((enum setting)setting))
				values[setting][round] = counted((enum setting)setting);
	for (setting = 0; setting < SETTINGS; setting++)
		if (is_counted((enum setting)setting))
			ret_ns[setting] =
				bench_median_difference(values[setting],
							values[empty_beside((enum setting)setting)],
							COUNTED_ROUNDS)
					.value;
	close(statistics);
}

/* The rounds that have a value of a setting, as costs over nothing attached. */
static size_t costs(double *values[SETTINGS], enum setting setting, size_t rounds, double *ret_own,
		    double *ret_empty)
{
	const double *nothing = values[nothing_beside(setting)];
	const double *empty = values[empty_beside(setting)];
	size_t round, n = 0;

	for (round = 0; round < rounds; round++) {
		if (isnan(values[setting][round]))
			continue;
		ret_own[n] = values[setting][round] - nothing[round];
		ret_empty[n++] = empty[round] - nothing[round];
	}
	return n;
}

static void report_target(struct figure *figure, double *values[SETTINGS], enum setting setting,
			  enum setting base, size_t rounds, const char *what, double limit)
{
	double *own = bench_values(rounds), *other = bench_values(rounds);
	const double *nothing = values[nothing_beside(setting)];
	struct estimate ratio;
	size_t round;

	for (round = 0; round < rounds; round++) {
		own[round] = values[setting][round] - nothing[round];
		other[round] = values[base][round] - nothing[round];
	}
	ratio = bench_ratio(own, other, rounds);
	figure_target(figure, what, ratio.value, ratio.low, ratio.high, limit);
	free(own);
	free(other);
}

static void report(double *values[SETTINGS], size_t rounds, const double *in_handler, int others)
{
	struct figure *figure = figure_new("switch_cost", "Cost of a context switch");
	double *own = bench_values(rounds), *empty = bench_values(rounds), level;
	struct estimate cost, ratio;
	int setting;
	size_t n;

	figure_column(figure, "ns", 0);
	figure_column(figure, "over nothing", 1);
	figure_column(figure, "from", 1);
	figure_column(figure, "to", 1);
	figure_column(figure, "x empty", 2);
	figure_column(figure, "handler", 1);
	figure_column(figure, "rounds", 0);
	for (setting = 0; setting < SETTINGS; setting++) {
		n = costs(values, (enum setting)setting, rounds, own, empty);
		if (!n) {
			figure_note(figure, "%s: not installed, or does not run here",
				    settings[setting].name);
			continue;
		}
		level = bench_median(values[nothing_beside((enum setting)setting)], rounds).value;
		cost = bench_median(own, n);
		ratio = bench_ratio(own, empty, n);
		figure_row(
			figure, settings[setting].name,
			(double[]){ level + cost.value, cost.value, cost.low, cost.high,
				    (enum setting)setting == nothing_beside((enum setting)setting)
					    ? NAN
					    : ratio.value,
				    in_handler[setting], (double)n },
			NULL);
		figure_samples(figure, settings[setting].name, own, n);
	}
	figure_note(figure, "ns of CPU time of both processes per switch; handler: by the kernel's "
			    "count, beyond the empty program");
	if (others)
		figure_note(figure, "%d other programs were on sched_switch: not a quiet machine",
			    others);
	report_target(figure, values, UNWATCHED, EMPTY, rounds, "unwatched pair, to empty program",
		      1.5);
	report_target(figure, values, BOTH, EMPTY, rounds, "both watched, to empty program", 3);
	report_target(figure, values, BOTH_OBSERVED, EMPTY, rounds,
		      "both observed, to empty program", 3);
	report_target(figure, values, LOCK_BOTH, LOCK_EMPTY, rounds,
		      "both watched, each sleep a lock, to empty program", 3);
	report_target(figure, values, AMONG_10000, BOTH, rounds,
		      "both among 10,000 watched, to among 2", 1.1);
	figure_print(figure);
	free(own);
	free(empty);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 60, round, i, order[SETTINGS], others;
	double *values[SETTINGS], in_handler[SETTINGS];

	if (rounds < 1)
		return 2;
	for (i = 0; i < SETTINGS; i++)
		values[i] = bench_values((size_t)rounds);
	others = attach_count();
	bench.cpu = bench_cpu();
	bench.engine = attach_open();
	for (i = 0; i < CROWDS; i++) {
		bench.crowds[i] = crowd_start(crowd_sizes[i]);
		if (bench.crowds[i] < 0)
			bench_fail("cannot create %d threads", crowd_sizes[i]);
	}
	for (round = 0; round < rounds; round++) {
		bench_shuffle(order, SETTINGS, (unsigned int)round);
		for (i = 0; i < SETTINGS; i++)
			values[order[i]][round] = order[i] == RUNQLAT && round % PEER_EVERY
							  ? NAN
							  : measure((enum setting)order[i]);
	}
	count_all(in_handler);
	report(values, (size_t)rounds, in_handler, others);
	for (i = 0; i < CROWDS; i++)
		crowd_end(bench.crowds[i]);
	attach_close(bench.engine);
	for (i = 0; i < SETTINGS; i++)
		free(values[i]);
	return 0;
}
