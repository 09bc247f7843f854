/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What does a context switch cost? Two processes on one CPU hand a byte to and
 * fro through pipes, interleaved over: nothing attached, an empty BPF program on
 * sched_switch, maze with the pair unwatched, with one watched, with both watched
 * and with both watched among a thousand others. Cost over nothing, and its ratio
 * to the cost of the empty program.
 *
 * usage: switch_cost [ROUNDS]
 */
#include "bench.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSES 30000
#define CROWD 1000

enum setting { NOTHING, EMPTY, UNWATCHED, ONE, BOTH, CROWDED, SETTINGS };

static const char *const names[SETTINGS] = {
	"none",	     "empty program", "maze, unwatched",
	"maze, one", "maze, both",    "maze, both among 1000"
};

static void echo(int in, int out)
{
	char byte;

	while (read(in, &byte, 1) == 1)
		if (write(out, &byte, 1) != 1)
			_exit(1);
	_exit(0);
}

/* ns a switch; each pass is two switches. */
static double play(struct maze *maze, int watch)
{
	int to[2], from[2];
	maze_u64 start, end;
	char byte = 0;
	pid_t peer;
	int i;

	if (pipe(to) || pipe(from))
		bench_die("pipe");
	peer = fork();
	if (peer < 0)
		bench_die("fork");
	if (!peer) {
		bench_pin(1);
		close(to[1]);
		echo(to[0], from[1]);
	}
	if (watch >= 1)
		bench_watch(maze, peer);
	start = bench_now(CLOCK_MONOTONIC);
	for (i = 0; i < PASSES; i++)
		if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
			bench_die("ping-pong");
	end = bench_now(CLOCK_MONOTONIC);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
	waitpid(peer, NULL, 0);
	return (double)(end - start) / (2.0 * PASSES);
}

/* The player itself is a child, since maze never watches the process that opened it. */
static double play_in_child(struct maze *maze, int watch)
{
	int result_pipe[2], go[2];
	double result;
	char byte;
	pid_t pid;

	if (pipe(result_pipe) || pipe(go))
		bench_die("pipe");
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid) {
		bench_pin(1);
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		result = play(maze, watch >= 1);
		_exit(write(result_pipe[1], &result, sizeof(result)) != sizeof(result));
	}
	if (watch >= 2)
		bench_watch(maze, pid);
	if (write(go[1], "", 1) != 1 ||
	    read(result_pipe[0], &result, sizeof(result)) != sizeof(result))
		bench_die("the player did not report");
	waitpid(pid, NULL, 0);
	close(result_pipe[0]);
	close(result_pipe[1]);
	close(go[0]);
	close(go[1]);
	return result;
}

static int attach_empty(void)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	struct btf *btf = btf__load_vmlinux_btf();
	int prog, link;

	if (!btf)
		bench_die("no BTF");
	opts.attach_btf_id =
		(__u32)btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", nothing, 2, &opts);
	link = prog < 0 ? -1 : bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		bench_die("the empty program cannot be attached");
	close(prog);
	btf__free(btf);
	return link;
}

static void raise_crowd(struct maze *maze, pid_t *crowd)
{
	int i;

	for (i = 0; i < CROWD; i++) {
		crowd[i] = fork();
		if (crowd[i] < 0)
			bench_die("fork");
		if (!crowd[i]) {
			pause();
			_exit(0);
		}
		bench_watch(maze, crowd[i]);
	}
}

static double measure(enum setting setting)
{
	static pid_t crowd[CROWD];
	struct maze *maze = NULL;
	double result;
	int empty = -1, i;

	if (setting == EMPTY)
		empty = attach_empty();
	if (setting >= UNWATCHED)
		maze = bench_open("bpf");
	if (setting == CROWDED)
		raise_crowd(maze, crowd);
	result = play_in_child(maze, setting <= UNWATCHED ? 0 : setting == ONE ? 1 : 2);
	for (i = 0; setting == CROWDED && i < CROWD; i++) {
		kill(crowd[i], SIGKILL);
		waitpid(crowd[i], NULL, 0);
	}
	if (empty >= 0)
		close(empty);
	maze_close(maze);
	return result;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 9, round, setting;
	double *values[SETTINGS], median[SETTINGS], *extra;

	if (rounds < 1)
		return 2;
	extra = calloc((size_t)rounds, sizeof(*extra));
	for (setting = 0; setting < SETTINGS; setting++)
		values[setting] = calloc((size_t)rounds, sizeof(double));
	for (round = 0; round < rounds; round++)
		for (setting = 0; setting < SETTINGS; setting++)
			values[setting][round] = measure((enum setting)setting);
	printf("%-24s %10s %12s %10s\n", "context switch", "ns", "over none", "x empty");
	for (setting = 0; setting < SETTINGS; setting++) {
		for (round = 0; round < rounds; round++)
			extra[round] = values[setting][round];
		median[setting] = bench_quantile(extra, (size_t)rounds, 0.5);
		printf("%-24s %10.1f %12.1f %10.2f\n", names[setting], median[setting],
		       median[setting] - median[NOTHING],
		       setting ? (median[setting] - median[NOTHING]) /
					 (median[EMPTY] - median[NOTHING] > 0
						  ? median[EMPTY] - median[NOTHING]
						  : 1)
			       : 0);
	}
	for (setting = 0; setting < SETTINGS; setting++)
		free(values[setting]);
	free(extra);
	return 0;
}
