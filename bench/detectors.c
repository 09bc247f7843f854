/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of detectors; see detector.h. Each peer runs with its best settings: monit
 * with its shortest cycle and a threshold that a spinner among three still reaches; the
 * 2008 timer at a priority at which it is never late.
 */
#include "detector.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define LIMIT_NS (100 * MAZE_NSEC_PER_MSEC)
/* The limit of RLIMIT_CPU is in whole seconds. */
#define CPU_LIMIT_NS MAZE_NSEC_PER_SEC
#define ANY 1000000

/* The service notices its end at most this late. */
#define SERVICE_MS 100

static struct maze *maze;
static struct maze_reader *reader;
static pthread_t service;
static atomic_bool stopping;

/* ---- maze ------------------------------------------------------------------------- */

/*
 * The yield-probe service, as in every maze process: without it a verdict waits for
 * yields that may have been missed.
 */
static void *serve_yield_probe(void *arg)
{
	struct pollfd fd = { .fd = maze_service_fd(maze), .events = POLLIN };
	int wait_ms;

	while (!atomic_load(&stopping)) {
		wait_ms = maze_service(maze);
		poll(&fd, 1, wait_ms < 0 || wait_ms > SERVICE_MS ? SERVICE_MS : wait_ms);
	}
	return arg;
}

static bool start_engine(const char *name)
{
	struct maze_error error = { "" };

	if (maze_open(name, MAZE_PRIVATE, &maze, &error))
		return false;
	if (maze_reader_open(maze, false, &reader, &error))
		bench_fail("%s", error.text);
	/* Called once before the first watch. */
	maze_service(maze);
	atomic_store(&stopping, false);
	if (pthread_create(&service, NULL, serve_yield_probe, NULL))
		bench_die("pthread_create");
	return true;
}

static bool start_bpf(void)
{
	return start_engine("bpf");
}

static bool start_poll(void)
{
	return start_engine("poll");
}

static bool start_kmod(void)
{
	return start_engine("kmod");
}

static void stop_engine(void)
{
	atomic_store(&stopping, true);
	pthread_join(service, NULL);
	maze_reader_close(reader);
	maze_close(maze);
}

static void watch(int slot, pid_t pid)
{
	struct maze_error error = { "" };
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = LIMIT_NS;
	policy.hard_ns = 0;
	if (maze_watch(maze, pid, 0, &policy, (maze_u64)slot, &error))
		bench_fail("%s", error.text);
}

int detector_next_by_record(double *ret_late_ns)
{
	struct maze_record record;

	while (maze_reader_next(reader, &record) == 1) {
		if (record.event != MAZE_EVENT_SOFT)
			continue;
		*ret_late_ns = (double)record.count_ns - (double)record.limit_ns;
		return 1;
	}
	return 0;
}

/* ---- the kernel's limits ------------------------------------------------------------- */

static bool always(void)
{
	return true;
}

static void nothing(void)
{
}

/* Microseconds since the task last blocked; counted only under a real-time policy. */
static void limit_rttime(void)
{
	struct sched_param param = { .sched_priority = 1 };
	struct rlimit limit = { LIMIT_NS / MAZE_NSEC_PER_USEC, RLIM_INFINITY };

	if (setrlimit(RLIMIT_RTTIME, &limit) || sched_setscheduler(0, SCHED_FIFO, &param))
		_exit(1);
}

static bool start_rttime(void)
{
	pid_t pid = bench_fork();
	int status;

	if (!pid) {
		limit_rttime();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void limit_cpu(void)
{
	struct rlimit limit = { CPU_LIMIT_NS / MAZE_NSEC_PER_SEC, RLIM_INFINITY };

	if (setrlimit(RLIMIT_CPU, &limit))
		_exit(1);
}

/* ---- the 2008 design: a timer each 100 ms ------------------------------------------- */

/* Shared with the process that polls; the pid of an empty slot is 0. */
static struct board {
	pid_t pids[DETECTOR_SLOTS_MAX];
	maze_u64 from_ns[DETECTOR_SLOTS_MAX];
} * board;
static pid_t poller;

static void poll_each_100_ms(void)
{
	struct sched_param param = { .sched_priority = 50 };
	struct timespec cycle = { .tv_nsec = 100 * 1000 * 1000 };
	pid_t pid;
	int i;

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		_exit(1);
	for (;;) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &cycle, NULL);
		for (i = 0; i < DETECTOR_SLOTS_MAX; i++) {
			pid = board->pids[i];
			if (!pid || bench_runtime_of(pid) < board->from_ns[i] + LIMIT_NS)
				continue;
			kill(pid, SIGXCPU);
			board->pids[i] = 0;
		}
	}
}

static bool start_timer(void)
{
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (board == MAP_FAILED)
		bench_die("memory");
	poller = bench_fork();
	if (!poller)
		poll_each_100_ms();
	return true;
}

static void enter_board(int slot, pid_t pid)
{
	board->from_ns[slot] = bench_runtime_of(pid);
	board->pids[slot] = pid;
}

static void leave_board(int slot)
{
	board->pids[slot] = 0;
}

static void stop_timer(void)
{
	bench_reap(&poller, 1);
	munmap(board, sizeof(*board));
}

/* ---- pollers with a period of a second: monit and a shell script -------------------- */

static char place[128];

static void make_place(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(place, sizeof(place), "%.80s/maze-lateness-XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(place))
		bench_die(place);
}

static void remove_place(void)
{
	pid_t pid = bench_fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", "--", place, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static FILE *create(const char *name)
{
	char path[192];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place, name);
	file = fopen(path, "we");
	if (!file)
		bench_die(path);
	return file;
}

static void enter_pidfile(int slot, pid_t pid)
{
	char name[32];
	FILE *file;

	snprintf(name, sizeof(name), "%d.pid", slot);
	file = create(name);
	fprintf(file, "%d\n", (int)pid);
	fclose(file);
}

static void leave_pidfile(int slot)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%d.pid", place, slot);
	unlink(path);
}

/*
 * Percent of all CPUs together, as in monit: a spinner among three on a CPU uses a third
 * of one.
 */
static int threshold(void)
{
	return 100 / (4 * bench_cpus());
}

static bool start_monit(void)
{
	char path[192];
	FILE *file;
	int i;

	if (system("command -v monit > /dev/null"))
		return false;
	make_place();
	file = create("monitrc");
	fprintf(file, "set daemon 1\nset pidfile %s/daemon.pid\nset idfile %s/id\n", place, place);
	fprintf(file, "set statefile %s/state\nset log %s/log\n", place, place);
	for (i = 0; i < DETECTOR_SLOTS_MAX; i++)
		fprintf(file,
			"check process spinner%d with pidfile %s/%d.pid\n"
			"  if does not exist then alert\n"
			"  if cpu > %d%% for 1 cycles then exec \"/bin/sh -c 'kill -XCPU "
			"$MONIT_PROCESS_PID'\" repeat every 1 cycles\n",
			i, place, i, threshold());
	fclose(file);
	snprintf(path, sizeof(path), "%s/monitrc", place);
	chmod(path, 0600);
	poller = bench_spawn_quietly((char *[]){ "monit", "-I", "-c", path, NULL });
	sleep(2);
	return true;
}

static bool start_ps(void)
{
	static char script[1024];

	if (system("command -v ps > /dev/null"))
		return false;
	make_place();
	snprintf(script, sizeof(script),
		 "while sleep 1; do for file in %s/*.pid; do [ -e \"$file\" ] || continue; "
		 "read -r pid < \"$file\" && ps -o pid=,pcpu= -p \"$pid\"; done 2> /dev/null | "
		 "while read -r pid cpu; do [ \"${cpu%%.*}\" -lt %d ] || kill -XCPU \"$pid\"; "
		 "done; done",
		 place, threshold() * bench_cpus());
	poller = bench_spawn_quietly((char *[]){ "sh", "-c", script, NULL });
	return true;
}

static void stop_poller(void)
{
	bench_reap(&poller, 1);
	remove_place();
}

const struct detector detectors[] = {
	{ .name = "maze, bpf engine",
	  .key = "bpf",
	  .limit_ns = LIMIT_NS,
	  .trials_idle = ANY,
	  .trials_loaded = ANY,
	  .ours = true,
	  .start = start_bpf,
	  .begin = watch,
	  .stop = stop_engine },
	{ .name = "maze, kmod engine",
	  .key = "kmod",
	  .limit_ns = LIMIT_NS,
	  .trials_idle = ANY,
	  .trials_loaded = ANY,
	  .ours = true,
	  .start = start_kmod,
	  .begin = watch,
	  .stop = stop_engine },
	{ .name = "maze, poll engine",
	  .key = "poll",
	  .limit_ns = LIMIT_NS,
	  .trials_idle = ANY,
	  .trials_loaded = ANY,
	  .ours = true,
	  .start = start_poll,
	  .begin = watch,
	  .stop = stop_engine },
	{ .name = "RLIMIT_RTTIME, SCHED_FIFO",
	  .key = "rttime",
	  .limit_ns = LIMIT_NS,
	  .trials_idle = ANY,
	  .trials_loaded = ANY,
	  .start = start_rttime,
	  .prepare = limit_rttime,
	  .stop = nothing },
	{ .name = "timer of 100 ms (2008)",
	  .key = "timer",
	  .limit_ns = LIMIT_NS,
	  .trials_idle = ANY,
	  .trials_loaded = ANY,
	  .cycle_ns = LIMIT_NS,
	  .start = start_timer,
	  .begin = enter_board,
	  .end = leave_board,
	  .stop = stop_timer },
	{ .name = "RLIMIT_CPU of 1 s",
	  .key = "cpu",
	  .note = "whole seconds; counts ticks, also those before a sleep",
	  .limit_ns = CPU_LIMIT_NS,
	  .trials_idle = 30,
	  .trials_loaded = 30,
	  .whole_process = true,
	  .start = always,
	  .prepare = limit_cpu,
	  .stop = nothing },
	{ .name = "monit, cycle of 1 s",
	  .key = "monit",
	  .note = "any process above a quarter of a CPU in a cycle",
	  .limit_ns = LIMIT_NS,
	  .trials_idle = 20,
	  .trials_loaded = 20,
	  .cycle_ns = MAZE_NSEC_PER_SEC,
	  .start = start_monit,
	  .begin = enter_pidfile,
	  .end = leave_pidfile,
	  .stop = stop_poller },
	{ .name = "shell loop over ps, 1 s",
	  .key = "ps",
	  .note = "any process above a quarter of a CPU since its start",
	  .limit_ns = LIMIT_NS,
	  .trials_idle = 20,
	  .trials_loaded = 20,
	  .cycle_ns = MAZE_NSEC_PER_SEC,
	  .start = start_ps,
	  .begin = enter_pidfile,
	  .end = leave_pidfile,
	  .stop = stop_poller },
};
const int detectors_n = sizeof(detectors) / sizeof(detectors[0]);
