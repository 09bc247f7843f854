/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cost while nothing happens: expirations of the engine's timers, wakeups and CPU
 * time of maze's processes, beside daemons that poll. The watched tasks are a thousand
 * sleepers. On a busy machine mazed also gets an event for each fork, so its figure is
 * only valid on a quiet machine.
 *
 * usage: idle_cost SECONDS MAZE MAZED   JSON, see figure.h; run it under in-private-bpffs
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "bench.h"
#include "engine/engine.h"
#include "figure.h"
#include "pair.h"

#define SLEEPERS 1000
/* Time for a daemon to start and scan everything once. */
#define SETTLE_SECONDS 1
/* Time for the started process to pin its engine. */
#define PIN_SECONDS_MAX 30
/* The maximum of processes whose tasks are counted. */
#define PIDS_MAX 8

static unsigned int seconds;
static char place[128];

struct use {
	double wakeups, cpu_ns;
};

/* The number behind a word in a file of /proc; 0 without it. */
static double number_behind(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	double value = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, word, strlen(word)))
			value = atof(line + strlen(word));
	if (file)
		fclose(file);
	return value;
}

static void add_task(struct use *use, pid_t pid, const char *tid)
{
	char path[320];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, tid);
	use->wakeups += number_behind(path, "voluntary_ctxt_switches:");
	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, tid);
	use->cpu_ns += number_behind(path, "");
}

static struct use use_of(const pid_t *pids)
{
	struct use use = { 0, 0 };
	struct dirent *entry;
	char path[64];
	DIR *dir;

	for (; *pids; pids++) {
		snprintf(path, sizeof(path), "/proc/%d/task", (int)*pids);
		dir = opendir(path);
		while (dir && (entry = readdir(dir)))
			if (entry->d_name[0] != '.')
				add_task(&use, *pids, entry->d_name);
		if (dir)
			closedir(dir);
	}
	return use;
}

static struct maze_counts counts_of(struct engine *engine)
{
	struct maze_counts counts = { 0 };

	if (engine && engine_bpf.counts(engine, &counts))
		bench_fail("cannot read the engine's counters");
	return counts;
}

static double processes_in(const pid_t *pids)
{
	double n = 0;

	for (; *pids; pids++)
		n++;
	return n;
}

/* Measures one row over `seconds`. Returns the engine's expirations per second. */
static double measure(struct figure *figure, const char *name, struct engine *engine,
		      const pid_t *pids)
{
	struct maze_counts counts_before, counts_after;
	struct use before, after;
	double expiries, passed;
	maze_u64 start;

	sleep(SETTLE_SECONDS);
	start = bench_now(CLOCK_MONOTONIC);
	before = use_of(pids);
	counts_before = counts_of(engine);
	sleep(seconds);
	after = use_of(pids);
	counts_after = counts_of(engine);
	expiries = (double)(counts_after.timer_expiries - counts_before.timer_expiries);
	passed = (double)(bench_now(CLOCK_MONOTONIC) - start) / 1e9;
	figure_row(figure, name,
		   (double[]){ engine ? (double)counts_after.watched : NAN, processes_in(pids),
			       engine ? expiries / passed : NAN,
			       *pids ? (after.wakeups - before.wakeups) / passed : 0,
			       *pids ? (after.cpu_ns - before.cpu_ns) / passed / 1e3 : 0 },
		   NULL);
	return expiries / passed;
}

/* Waits for a child that ends by itself. */
static bool end_of(pid_t pid, int *ret_status)
{
	return waitpid(pid, ret_status, 0) == pid;
}

/* Children of this process, also reparented ones, without the crowd. */
static void other_children(pid_t crowd, pid_t *ret_pids)
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	int pid, n = 0;

	while (file && n < PIDS_MAX - 1 && fscanf(file, "%d", &pid) == 1)
		if (pid != crowd)
			ret_pids[n++] = pid;
	ret_pids[n] = 0;
	if (file)
		fclose(file);
}

static double measure_engine(struct figure *figure)
{
	struct engine *engine = attach_open();
	const pid_t none[] = { 0 };
	double expiries;
	pid_t crowd;

	attach_switch(engine, true);
	measure(figure, "maze, nothing watched", engine, none);
	crowd = crowd_start(SLEEPERS);
	attach_watch(engine, crowd);
	expiries = measure(figure, "maze, 1,000 watched sleepers", engine, none);
	crowd_end(crowd);
	attach_close(engine);
	return expiries;
}

/* Polls, because the start takes a while on a busy machine. */
static struct engine *pinned_engine(void)
{
	struct maze_error error = { "" };
	struct engine *engine;
	int i;

	for (i = 0; i < PIN_SECONDS_MAX * 10; i++) {
		if (!engine_bpf.open(ENGINE_EXISTING, &engine, &error))
			return engine;
		usleep(100 * 1000);
	}
	bench_fail("%s", error.text);
}

/* The engine pinned by maze watch, and the service that maze watch starts, if any. */
static void measure_watch(struct figure *figure, char *maze)
{
	pid_t crowd = crowd_start(SLEEPERS), pids[PIDS_MAX];
	struct engine *engine;
	char number[16];
	int status;

	snprintf(number, sizeof(number), "%d", (int)crowd);
	if (!end_of(bench_spawn_quietly((char *[]){ maze, "watch", number, NULL }), &status) ||
	    status)
		bench_fail("%s watch %s ended with %d", maze, number, status);
	other_children(crowd, pids);
	engine = pinned_engine();
	measure(figure, "maze watch, 1,000 sleepers, and its service", engine, pids);
	engine_bpf.close(engine);
	crowd_end(crowd);
	end_of(bench_spawn_quietly((char *[]){ maze, "unload", NULL }), &status);
	/* These processes end when the engine is unloaded. */
	while (wait(NULL) > 0)
		;
}

static FILE *create(const char *name, char *ret_path, size_t size)
{
	FILE *file;

	snprintf(ret_path, size, "%s/%s", place, name);
	file = fopen(ret_path, "we");
	if (!file)
		bench_die(ret_path);
	return file;
}

/* A daemon from start to end; for those with an engine, also the pinned engine. */
static void measure_daemon(struct figure *figure, const char *name, char *const argv[],
			   bool has_engine)
{
	pid_t pids[2] = { bench_spawn_quietly(argv), 0 };
	struct engine *engine = NULL;
	int status;

	sleep(SETTLE_SECONDS);
	if (waitpid(pids[0], &status, WNOHANG) == pids[0]) {
		figure_note(figure, "%s: not installed, or does not run here (status %d)", name,
			    status);
		return;
	}
	if (has_engine)
		engine = pinned_engine();
	measure(figure, name, engine, pids);
	engine_bpf.close(engine);
	kill(pids[0], SIGTERM);
	waitpid(pids[0], NULL, 0);
}

static void measure_daemons(struct figure *figure, char *maze, char *mazed)
{
	pid_t crowd = crowd_start(SLEEPERS);
	char path[192];
	FILE *file = create("maze.conf", path, sizeof(path));
	int status;

	setenv("RUNTIME_DIRECTORY", place, 1);
	fprintf(file, "[daemon]\nlog = %s/log\ncontrol-socket = %s/socket\n", place, place);
	fprintf(file, "[rule sleepers]\ncomm = idle_cost\naction = watch\nsoft = 10s\n");
	fclose(file);
	measure_daemon(figure, "mazed, 1,000 sleepers by a rule",
		       (char *[]){ mazed, "--config", path, NULL }, true);
	end_of(bench_spawn_quietly((char *[]){ maze, "unload", NULL }), &status);
	file = create("monitrc", path, sizeof(path));
	fprintf(file, "set daemon 1\nset pidfile %s/monit.pid\nset idfile %s/id\n", place, place);
	fprintf(file, "set statefile %s/state\ncheck process sleeper with pidfile %s/pid\n", place,
		place);
	fprintf(file, "  if cpu > 50%% for 1 cycles then alert\n");
	fclose(file);
	chmod(path, 0600);
	file = create("pid", path, sizeof(path));
	fprintf(file, "%d\n", (int)crowd);
	fclose(file);
	snprintf(path, sizeof(path), "%s/monitrc", place);
	measure_daemon(figure, "monit, cycle of 1 s, one process",
		       (char *[]){ "monit", "-I", "-c", path, NULL }, false);
	measure_daemon(figure, "earlyoom", (char *[]){ "earlyoom", "--dryrun", "-r", "0", NULL },
		       false);
	crowd_end(crowd);
}

int main(int argc, char **argv)
{
	struct figure *figure;
	double expiries;
	int status;

	if (argc != 4 || atoi(argv[1]) < 1)
		bench_fail("usage: idle_cost SECONDS MAZE MAZED");
	seconds = (unsigned int)atoi(argv[1]);
	snprintf(place, sizeof(place), "%.80s/maze-idle-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(place))
		bench_die(place);
	/* Processes that maze watch leaves behind are reparented to this process. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	figure = figure_new("idle_cost", "Cost while nothing happens, per second");
	figure_column(figure, "watched", 0);
	figure_column(figure, "processes", 0);
	figure_column(figure, "expirations", 2);
	figure_column(figure, "wakeups", 2);
	figure_column(figure, "CPU us", 1);
	expiries = measure_engine(figure);
	measure_watch(figure, argv[2]);
	measure_daemons(figure, argv[2], argv[3]);
	figure_target(figure, "timer expirations per second with 1,000 watched sleepers", expiries,
		      NAN, NAN, 0);
	figure_note(figure,
		    "expirations of all timers of the engine; wakeups and CPU of all its "
		    "processes, over %u s",
		    seconds);
	figure_print(figure);
	end_of(bench_spawn_quietly((char *[]){ "rm", "-rf", "--", place, NULL }), &status);
	return 0;
}
