/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A switching pair and crowds of sleepers; see pair.h.
 */
#include "pair.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* Unmeasured passes, to warm caches and the pages of the pipes. */
#define WARM_UP 300
/* The minimum of the C library plus a page; a sleeper touches one page. */
#define STACK_BYTES (20 * 1024)

/* For a pair by futex: whose turn it is, in shared memory. */
enum turn { PLAYER, ECHO, OVER };

static void futex(int *turn, int operation, int value)
{
	syscall(SYS_futex, turn, operation, value, NULL, NULL, 0);
}

static void give(int *turn, enum turn to)
{
	__atomic_store_n(turn, to, __ATOMIC_RELEASE);
	futex(turn, FUTEX_WAKE, 1);
}

/* Sleeps during the other's turn; returns whose turn it is then. */
static enum turn await(int *turn, enum turn other)
{
	int now;

	while ((now = __atomic_load_n(turn, __ATOMIC_ACQUIRE)) == (int)other)
		futex(turn, FUTEX_WAIT, (int)other);
	return (enum turn)now;
}

/* Passes the turn: by pipes, or by the futex if there is one. */
struct court {
	int to[2], from[2];
	int *turn;
};

static void court_init(struct court *court, enum pair_by by)
{
	court->turn = NULL;
	if (by == PAIR_BY_FUTEX) {
		court->turn = mmap(NULL, sizeof(*court->turn), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (court->turn == MAP_FAILED)
			_exit(1);
	}
	if (pipe(court->to) || pipe(court->from))
		_exit(1);
}

static void echo(struct court *court)
{
	char byte;

	close(court->to[1]);
	close(court->from[0]);
	while (court->turn && await(court->turn, PLAYER) != OVER)
		give(court->turn, PLAYER);
	while (read(court->to[0], &byte, 1) == 1)
		if (write(court->from[1], &byte, 1) != 1)
			_exit(1);
	_exit(0);
}

static void pass(struct court *court, int passes)
{
	char byte = 0;
	int i;

	for (i = 0; i < passes && court->turn; i++) {
		give(court->turn, ECHO);
		await(court->turn, ECHO);
	}
	for (i = 0; i < passes && !court->turn; i++)
		if (write(court->to[1], &byte, 1) != 1 || read(court->from[0], &byte, 1) != 1)
			_exit(1);
}

static void play(enum pair_by by, int go, int report)
{
	struct court court;
	maze_u64 start;
	clockid_t clock;
	double result;
	int passes;
	pid_t peer;

	court_init(&court, by);
	peer = bench_fork();
	if (!peer)
		echo(&court);
	close(court.to[0]);
	close(court.from[1]);
	if (clock_getcpuclockid(peer, &clock) || write(report, &peer, sizeof(peer)) < 0)
		_exit(1);
	if (read(go, &passes, sizeof(passes)) != sizeof(passes))
		_exit(1);
	pass(&court, WARM_UP);
	start = bench_now(CLOCK_PROCESS_CPUTIME_ID) + bench_now(clock);
	pass(&court, passes);
	result = (double)(bench_now(CLOCK_PROCESS_CPUTIME_ID) + bench_now(clock) - start);
	if (court.turn)
		give(court.turn, OVER);
	close(court.to[1]);
	waitpid(peer, NULL, 0);
	_exit(write(report, &result, sizeof(result)) != sizeof(result));
}

void pair_start(struct pair *pair, enum pair_by by, int cpu)
{
	struct sched_param no_priority = { 0 };
	int go[2], report[2];

	if (pipe(go) || pipe(report))
		bench_die("pipe");
	pair->player = bench_fork();
	if (!pair->player) {
		bench_pin(cpu);
		/* Its wakeups do not preempt, so that each switch is a sleep. */
		if (sched_setscheduler(0, SCHED_BATCH, &no_priority))
			_exit(1);
		close(go[1]);
		close(report[0]);
		play(by, go[0], report[1]);
	}
	close(go[0]);
	close(report[1]);
	pair->go = go[1];
	pair->report = report[0];
	if (read(pair->report, &pair->echo, sizeof(pair->echo)) != sizeof(pair->echo))
		bench_die("the pair did not start");
}

double pair_run(struct pair *pair, int passes)
{
	double result;

	if (write(pair->go, &passes, sizeof(passes)) != sizeof(passes) ||
	    read(pair->report, &result, sizeof(result)) != sizeof(result))
		bench_die("the pair did not report");
	close(pair->go);
	close(pair->report);
	waitpid(pair->player, NULL, 0);
	/* A pass is two switches. */
	return result / (2.0 * passes);
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void gather(int n, int report)
{
	/* One mapping for all stacks: one each would exceed the limit of mappings. */
	char *stacks = mmap(NULL, (size_t)n * STACK_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;
	int i, failed = stacks == MAP_FAILED;

	pthread_attr_init(&attributes);
	for (i = 1; i < n && !failed; i++)
		failed = pthread_attr_setstack(&attributes, stacks + (size_t)i * STACK_BYTES,
					       STACK_BYTES) ||
			 pthread_create(&thread, &attributes, sleep_on, NULL);
	if (write(report, &failed, sizeof(failed)) != sizeof(failed))
		_exit(1);
	sleep_on(NULL);
}

pid_t crowd_start(int n)
{
	int report[2], failed = 1;
	pid_t crowd;

	if (pipe(report))
		bench_die("pipe");
	crowd = bench_fork();
	if (!crowd)
		gather(n, report[1]);
	close(report[1]);
	if (read(report[0], &failed, sizeof(failed)) != sizeof(failed) || failed) {
		crowd_end(crowd);
		crowd = -1;
	}
	close(report[0]);
	return crowd;
}

void crowd_end(pid_t crowd)
{
	if (crowd > 0)
		bench_reap(&crowd, 1);
}
