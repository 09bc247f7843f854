/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The speed of maze replay: CPU time for each switch of a trace of eight CPUs and thousands
 * of threads, read from memory, in each format.
 *
 * usage: replay [ROUNDS]   JSON, see figure.h
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"
#include "replay/replay.h"

#define SWITCHES 1000000
#define CPUS 8
#define THREADS_PER_CPU 600
#define STEP_NS_MAX 9000

enum format { COMPACT, PERF, TRACE_CMD, FORMATS };

static const char *const names[FORMATS] = { "compact", "perf script", "trace-cmd report" };

static void write_switch(FILE *out, enum format format, const struct maze_trace_event *event)
{
	unsigned long long seconds = event->time_ns / MAZE_NSEC_PER_SEC;
	unsigned long long ns = event->time_ns % MAZE_NSEC_PER_SEC;
	const char *state = event->state ? "S" : "R";

	if (format == COMPACT)
		fwrite(event, sizeof(*event), 1, out);
	else if (format == PERF)
		fprintf(out,
			"worker-%-9u %7u [%03d] %5llu.%06llu:       sched:sched_switch: "
			"prev_comm=worker-%u prev_pid=%u prev_prio=120 prev_state=%s ==> "
			"next_comm=worker-%u next_pid=%u next_prio=120\n",
			event->tid, event->tid, event->cpu, seconds, ns / MAZE_NSEC_PER_USEC,
			event->tid, event->tid, state, event->other, event->other);
	else
		fprintf(out,
			"worker-%-9u-%-7u [%03d] %5llu.%06llu: sched_switch:         "
			"worker-%u:%u [120] %s ==> worker-%u:%u [120]\n",
			event->tid, event->tid, event->cpu, seconds, ns / MAZE_NSEC_PER_USEC,
			event->tid, event->tid, state, event->other, event->other);
}

static int write_trace(enum format format)
{
	struct maze_trace_header header = { MAZE_TRACE_MAGIC, MAZE_TRACE_VERSION,
					    sizeof(struct maze_trace_event), 0, 0 };
	struct maze_trace_event event = { .time_ns = MAZE_NSEC_PER_SEC, .kind = MAZE_TRACE_SWITCH };
	maze_u32 current[CPUS] = { 0 };
	int fd = memfd_create("trace", MFD_CLOEXEC), i;
	FILE *out = fd < 0 ? NULL : fdopen(dup(fd), "w");

	if (!out)
		bench_die("memfd_create");
	srandom(1);
	if (format == COMPACT)
		fwrite(&header, sizeof(header), 1, out);
	for (i = 0; i < SWITCHES; i++) {
		event.cpu = (maze_u16)(random() % CPUS);
		event.time_ns += 1 + (maze_u64)(random() % STEP_NS_MAX);
		event.tid = current[event.cpu];
		event.other = random() % 5 ? 1000 * (1U + event.cpu) +
						     (maze_u32)(random() % THREADS_PER_CPU)
					   : 0;
		event.state = event.tid && random() % 10 < 7;
		current[event.cpu] = event.other;
		write_switch(out, format, &event);
	}
	if (fclose(out))
		bench_die("memfd");
	return fd;
}

static const struct replay_watch *choose(void *arg, const struct replay_subject *subject)
{
	(void)subject;
	return arg;
}

static int count_record(void *arg, const struct maze_record *record)
{
	(void)record;
	++*(maze_u64 *)arg;
	return 0;
}

/* Returns the ns of CPU time for a switch. */
static double measure(int fd)
{
	struct replay_watch watch = { bench_far_policy(), 0 };
	maze_u64 verdicts = 0, start = bench_now(CLOCK_PROCESS_CPUTIME_ID);
	struct replay_calls calls = {
		.choose = choose,
		.on_record = count_record,
		.choose_arg = &watch,
		.record_arg = &verdicts,
	};
	struct replay *replay = replay_new(&calls);
	struct maze_error error = { "" };
	struct trace_event event;
	struct trace trace;
	int got;

	if (!replay || lseek(fd, 0, SEEK_SET) || trace_open(fd, &trace, &error))
		bench_fail("cannot replay: %s", error.text);
	while ((got = trace_next(&trace, &event, &error)) > 0)
		if (replay_event(replay, &event))
			bench_fail("out of memory");
	if (got || replay_end(replay) || replay_totals(replay).switches != SWITCHES)
		bench_fail("not all was replayed: %s", error.text);
	trace_close(&trace);
	replay_free(replay);
	return (double)(bench_now(CLOCK_PROCESS_CPUTIME_ID) - start) / SWITCHES;
}

int main(int argc, char **argv)
{
	struct figure *figure = figure_new("replay", "Speed of maze replay");
	int rounds = argc > 1 ? atoi(argv[1]) : 10, format, round, fd;
	struct estimate ns;
	double *values;

	if (rounds < 1)
		return 2;
	figure_column(figure, "ns", 1);
	figure_column(figure, "M/s", 1);
	values = bench_values((size_t)rounds);
	for (format = 0; format < FORMATS; format++) {
		fd = write_trace((enum format)format);
		for (round = 0; round < rounds; round++)
			values[round] = measure(fd);
		close(fd);
		ns = bench_median(values, (size_t)rounds);
		figure_row(figure, names[format], (double[]){ ns.value, 1000 / ns.value }, NULL);
		if (format == COMPACT)
			figure_target(figure, "a switch of a compact trace, ns of CPU time",
				      ns.value, ns.low, ns.high, 200);
	}
	figure_note(figure,
		    "ns of CPU time for a switch, and million switches in a second; %d rounds "
		    "of %d switches",
		    rounds, SWITCHES);
	figure_print(figure);
	free(values);
	return 0;
}
