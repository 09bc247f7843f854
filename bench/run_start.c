/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cost of `maze run` around a command that does nothing: wall and CPU time of
 * `maze run -- true` with each source of its engine, beside `true` alone.
 *
 * usage: run_start ROUNDS MAZE   JSON, see figure.h; run it under in-private-bpffs
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "figure.h"

/* In ms, on a quiet machine. */
#define WALL_AT_MOST 120
#define CPU_AT_MOST 80

enum setting { ALONE, PRIVATE, PINNED, POLL, SETTINGS };

static const char *const names[SETTINGS] = { "true alone", "maze run, private bpf engine",
					     "maze run, pinned bpf engine",
					     "maze run, poll engine" };

static struct bench_times run(char *const argv[])
{
	maze_u64 start = bench_now(CLOCK_MONOTONIC);

	return bench_wait(bench_spawn_quietly(argv), start, argv[0]);
}

static struct bench_times measure(enum setting setting, char *maze)
{
	char *engine = setting == POLL ? "poll" : "bpf";
	char *const argv[] = { maze,	"run", "--engine", engine, "--yield",
			       "count", "--",  "true",	   NULL };
	struct maze_error error = { "" };
	struct maze *pinned = NULL;
	struct bench_times times;
	bool was_loaded;

	if (setting == PINNED && maze_open("bpf", MAZE_PINNED, &pinned, &error))
		bench_fail("%s", error.text);
	times = run(setting == ALONE ? (char *[]){ "true", NULL } : argv);
	maze_close(pinned);
	if (pinned && maze_unload("bpf", &was_loaded, &error))
		bench_fail("%s", error.text);
	return times;
}

int main(int argc, char **argv)
{
	double *wall[SETTINGS], *cpu[SETTINGS];
	struct estimate walls, cpus;
	int i, round, rounds, order[SETTINGS];
	struct figure *figure;
	struct bench_times times;

	if (argc != 3 || atoi(argv[1]) < 1)
		bench_fail("usage: run_start ROUNDS MAZE");
	rounds = atoi(argv[1]);
	for (i = 0; i < SETTINGS; i++) {
		wall[i] = bench_values((size_t)rounds);
		cpu[i] = bench_values((size_t)rounds);
		measure((enum setting)i, argv[2]);
	}
	for (round = 0; round < rounds; round++) {
		bench_shuffle(order, SETTINGS, (unsigned int)round);
		for (i = 0; i < SETTINGS; i++) {
			times = measure((enum setting)order[i], argv[2]);
			wall[order[i]][round] = times.wall * 1e3;
			cpu[order[i]][round] = times.cpu * 1e3;
		}
	}
	figure = figure_new("run_start", "Start and end of maze run");
	figure_column(figure, "wall ms", 1);
	figure_column(figure, "from", 1);
	figure_column(figure, "to", 1);
	figure_column(figure, "CPU ms", 1);
	figure_column(figure, "from", 1);
	figure_column(figure, "to", 1);
	for (i = 0; i < SETTINGS; i++) {
		walls = bench_median(wall[i], (size_t)rounds);
		cpus = bench_median(cpu[i], (size_t)rounds);
		figure_row(figure, names[i],
			   (double[]){ walls.value, walls.low, walls.high, cpus.value, cpus.low,
				       cpus.high },
			   NULL);
		if (i != PRIVATE)
			continue;
		figure_target(figure, "maze run with a private bpf engine: wall ms", walls.value,
			      walls.low, walls.high, WALL_AT_MOST);
		figure_target(figure, "maze run with a private bpf engine: CPU ms", cpus.value,
			      cpus.low, cpus.high, CPU_AT_MOST);
	}
	figure_note(figure,
		    "CPU time of maze and the command, without the load of the pinned engine; "
		    "%d rounds",
		    rounds);
	figure_print(figure);
	for (i = 0; i < SETTINGS; i++) {
		free(wall[i]);
		free(cpu[i]);
	}
	return 0;
}
