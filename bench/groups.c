/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups: how late their verdicts are, whether any is early, and what they cost.
 *
 * A load (tests/programs/group_load) keeps an account of its CPU time, one point a
 * millisecond. It is watched again and again, and each watch ends with its verdict. The
 * account has the time when the level had certainly reached the limit, and the highest
 * level that is possible at the time of the verdict. The engine's CPU time and wakeups are
 * those of the threads of this process, which only waits.
 *
 * usage: groups TRIALS VERDICTS SECONDS PROGRAMS  JSON, see figure.h: TRIALS a row for the
 *                       lateness, so many VERDICTS that must not be early, SECONDS of rest
 */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"
#include "tests/programs/group_account.h"

#define RESTING 1000
#define BUSY 100
#define COLUMNS 7
/* The account of one load has room for four minutes. */
#define VERDICTS_OF_A_LOAD 250
#define TRIAL_SECONDS_MAX 60

static const char *programs;
static struct maze *maze;
static struct maze_reader *reader;

struct load {
	pid_t pid;
	int pidfd, account_fd;
	struct group_account *account;
};

static struct load start_load(const char *words)
{
	char command[512], path[64];
	struct load load = { .account_fd = memfd_create("account", 0) };

	if (load.account_fd < 0 || ftruncate(load.account_fd, sizeof(*load.account)))
		bench_die("memfd_create");
	load.account = mmap(NULL, sizeof(*load.account), PROT_READ, MAP_SHARED, load.account_fd, 0);
	if (load.account == MAP_FAILED)
		bench_die("mmap");
	load.pid = bench_fork();
	if (!load.pid) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", load.account_fd);
		setenv(GROUP_ACCOUNT_FILE, path, 1);
		snprintf(command, sizeof(command), "exec %s/group_load %s", programs, words);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	load.pidfd = pidfd_open(load.pid, 0);
	while (!load.account->used)
		usleep(1000);
	return load;
}

static void end_load(struct load *load)
{
	bench_reap(&load->pid, 1);
	close(load->pidfd);
	close(load->account_fd);
	munmap(load->account, sizeof(*load->account));
}

static struct maze_policy policy_of(enum maze_policy_scope scope, maze_u32 percent,
				    maze_u64 limit_ns)
{
	return (struct maze_policy){
		.soft_ns = limit_ns,
		.share = percent * MAZE_SHARE_ONE / 100,
		.flags = (maze_u32)scope << MAZE_POLICY_SCOPE_SHIFT | MAZE_POLICY_INHERIT |
			 (scope == MAZE_SCOPE_PROCESS ? MAZE_POLICY_TO_PROCESS : 0),
	};
}

static void watch(pid_t pid, const struct maze_policy *policy)
{
	struct maze_error error = { "" };

	if (maze_watch(maze, pid, 0, policy, 1, &error))
		bench_fail("%s", error.text);
}

static struct maze_record next_record(enum maze_event event)
{
	struct pollfd readable = { .fd = maze_reader_fd(reader), .events = POLLIN };
	struct maze_record record;

	for (;;) {
		while (maze_reader_next(reader, &record) == 1)
			if (record.event == event)
				return record;
		if (poll(&readable, 1, TRIAL_SECONDS_MAX * 1000) != 1)
			bench_fail("no record within %d s", TRIAL_SECONDS_MAX);
	}
}

/* A watch and its verdict. */
struct trial {
	enum group_part part;
	long long begun_ns, verdict_ns; /* CLOCK_MONOTONIC, begun_ns: at the latest */
};

static struct trial try_once(const struct load *load, const struct maze_policy *policy, int *early)
{
	enum maze_policy_scope scope = (enum maze_policy_scope)maze_policy_scope(policy->flags);
	struct trial trial = { .part = scope == MAZE_SCOPE_PROCESS ? GROUP_PROCESS : GROUP_TREE };
	long long before_ns = (long long)bench_now(CLOCK_MONOTONIC), offset_ns;
	const struct group_account *account = load->account;
	struct maze_record record;

	watch(load->pid, policy);
	trial.begun_ns = (long long)bench_now(CLOCK_MONOTONIC);
	record = next_record(MAZE_EVENT_SOFT);
	offset_ns = (long long)(bench_now(CLOCK_BOOTTIME) - bench_now(CLOCK_MONOTONIC));
	trial.verdict_ns = (long long)record.boot_ns - offset_ns;
	if (maze_release_group(maze, scope, load->pidfd, 1, ~0ULL, NULL))
		bench_fail("cannot end the watch");
	next_record(MAZE_EVENT_UNWATCH);
	while (account->points[account->used - 1].begin_ns < trial.verdict_ns)
		usleep(1000);
	*early += (long long)record.count_ns > group_level_most(account, trial.part, policy->share,
								before_ns, before_ns,
								trial.verdict_ns);
	return trial;
}

/* In ms. Waits for the account, because a verdict can come before it is certain. */
static double lateness(const struct load *load, const struct maze_policy *policy,
		       const struct trial *trial)
{
	long long reached_ns;

	while ((reached_ns = group_reached(load->account, trial->part, policy->share,
					   trial->begun_ns, 0, (long long)policy->soft_ns)) ==
	       LLONG_MAX)
		usleep(1000);
	return (double)(trial->verdict_ns - reached_ns) / 1e6;
}

struct worst {
	double p50_ms, max_ms;
	int early;
};

static void measure_lateness(struct figure *figure, const char *name,
			     const struct maze_policy *policy, const char *words, int trials,
			     struct worst *worst)
{
	double *late_ms = bench_values((size_t)trials), p50_ms, max_ms;
	struct load load = start_load(words);
	struct trial trial;
	int i, early = 0;

	for (i = 0; i < trials; i++) {
		trial = try_once(&load, policy, &early);
		late_ms[i] = lateness(&load, policy, &trial);
	}
	end_load(&load);
	p50_ms = bench_quantile(late_ms, (size_t)trials, 0.5);
	max_ms = bench_quantile(late_ms, (size_t)trials, 1);
	figure_row(figure, name,
		   (double[COLUMNS]){ (double)policy->soft_ns / 1e6, p50_ms, max_ms, early, trials,
				      NAN, NAN },
		   NULL);
	free(late_ms);
	worst->early += early;
	worst->p50_ms = fmax(worst->p50_ms, p50_ms);
	worst->max_ms = fmax(worst->max_ms, max_ms);
}

static void measure_all_lateness(struct figure *figure, int trials, struct worst *worst)
{
	static const int threads[] = { 1, 10, 50 };
	struct maze_policy policy = policy_of(MAZE_SCOPE_PROCESS, 20, MAZE_NSEC_PER_SEC);
	char name[64], words[128];
	size_t i;

	for (i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		snprintf(name, sizeof(name), "process, %d thread%s", threads[i],
			 threads[i] > 1 ? "s" : "");
		snprintf(words, sizeof(words), "--threads %d --all --rest-ms 0 --for-ms 1000000",
			 threads[i]);
		measure_lateness(figure, name, &policy, words, trials, worst);
	}
	policy = policy_of(MAZE_SCOPE_TREE, 20, MAZE_NSEC_PER_SEC);
	measure_lateness(figure, "tree, 1 thread and its children", &policy,
			 "--children 1000000 --rest-ms 0 --for-ms 1000000", trials, worst);
	measure_lateness(figure, "tree, 50 threads and its children", &policy,
			 "--threads 50 --children 1000000 --rest-ms 0 --for-ms 1000000", trials,
			 worst);
}

/* Groups of 1 to 50 threads and their children, which work and rest. Returns early ones. */
static int measure_early(struct figure *figure, int verdicts)
{
	static const maze_u32 shares[] = { 5, 20, 40, 10 };
	struct maze_policy policy;
	struct load load;
	char words[160];
	int done = 0, loads = 0, early = 0;

	for (; done < verdicts; loads++) {
		policy = policy_of(loads % 2 ? MAZE_SCOPE_TREE : MAZE_SCOPE_PROCESS,
				   shares[loads % 4], 50 * MAZE_NSEC_PER_MSEC);
		snprintf(words, sizeof(words),
			 "--threads %d --children %d --seed %d --rest-ms 20 --for-ms 1000000",
			 1 + loads * 7 % 50, loads % 2 ? 1000000 : 0, loads);
		load = start_load(words);
		do
			try_once(&load, &policy, &early);
		while (++done < verdicts && done % VERDICTS_OF_A_LOAD);
		end_load(&load);
	}
	figure_row(figure, "1 to 50 threads, and children",
		   (double[COLUMNS]){ (double)50, NAN, NAN, early, done, NAN, NAN },
		   "work and rest in random phases");
	return early;
}

/* Wakeups of all threads but the first one. */
static double wakeups_of_workers(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[320], line[128];
	struct dirent *entry;
	double wakeups = 0;
	long count;
	FILE *file;

	while (dir && (entry = readdir(dir))) {
		if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1)
				wakeups += (double)count;
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return wakeups;
}

struct cost {
	double wakeups, percent;
};

/* Processes that rest, or spin and get what there is of the CPUs. */
static struct cost measure_cost(struct figure *figure, const char *name, int groups, bool busy,
				enum maze_policy_scope scope, int seconds)
{
	struct maze_policy policy = policy_of(scope, 90, 3600 * MAZE_NSEC_PER_SEC);
	pid_t *pids = calloc((size_t)groups, sizeof(*pids));
	maze_u64 cpu_ns, wall_ns;
	struct cost cost;
	int i;

	if (!pids)
		bench_die("calloc");
	for (i = 0; i < groups; i++) {
		pids[i] = bench_fork();
		while (!pids[i])
			if (!busy)
				pause();
		watch(pids[i], &policy);
	}
	/* The worker finds its pace. */
	sleep(2);
	cpu_ns = bench_now(CLOCK_PROCESS_CPUTIME_ID);
	wall_ns = bench_now(CLOCK_MONOTONIC);
	cost.wakeups = wakeups_of_workers();
	sleep((unsigned int)seconds);
	cost.wakeups = wakeups_of_workers() - cost.wakeups;
	wall_ns = bench_now(CLOCK_MONOTONIC) - wall_ns;
	cost.percent =
		(double)(bench_now(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns) / (double)wall_ns * 100;
	maze_release_all(maze, 1, ~0ULL, NULL);
	bench_reap(pids, groups);
	free(pids);
	figure_row(figure, name,
		   (double[COLUMNS]){ 3600 * 1e3, NAN, NAN, NAN, NAN, cost.wakeups, cost.percent },
		   NULL);
	return cost;
}

static void open_figure(struct figure *figure)
{
	static const struct {
		const char *head;
		int digits;
	} columns[COLUMNS] = { { "limit ms", 0 },  { "p50 ms", 2 },   { "max ms", 2 },
			       { "early", 0 },	   { "verdicts", 0 }, { "wakeups", 0 },
			       { "% of a CPU", 3 } };
	int i;

	for (i = 0; i < COLUMNS; i++)
		figure_column(figure, columns[i].head, columns[i].digits);
}

int main(int argc, char **argv)
{
	struct figure *figure = figure_new("groups", "Groups: lateness of verdicts, and cost");
	struct rlimit files = { 16384, 16384 };
	struct cost resting, busy, busy_trees;
	struct worst worst = { 0 };
	int trials, verdicts, seconds, early;

	if (argc != 5 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1 || atoi(argv[3]) < 1)
		bench_fail("usage: groups TRIALS VERDICTS SECONDS PROGRAMS");
	trials = atoi(argv[1]);
	verdicts = atoi(argv[2]);
	seconds = atoi(argv[3]);
	programs = argv[4];
	setrlimit(RLIMIT_NOFILE, &files);
	open_figure(figure);
	maze = bench_open("poll");
	if (maze_reader_open(maze, false, &reader, NULL))
		bench_fail("cannot read records");
	resting = measure_cost(figure, "1,000 processes at rest", RESTING, false,
			       MAZE_SCOPE_PROCESS, seconds);
	busy = measure_cost(figure, "100 busy processes", BUSY, true, MAZE_SCOPE_PROCESS, seconds);
	busy_trees = measure_cost(figure, "100 busy trees", BUSY, true, MAZE_SCOPE_TREE, seconds);
	measure_all_lateness(figure, trials, &worst);
	early = measure_early(figure, verdicts) + worst.early;
	figure_target(figure, "wakeups for 1,000 groups at rest", resting.wakeups, NAN, NAN, 0);
	figure_target(figure, "% of a CPU for 100 busy groups",
		      fmax(busy.percent, busy_trees.percent), NAN, NAN, 1);
	figure_target(figure, "p50 in ms at a limit of 1 s, groups", worst.p50_ms, NAN, NAN, 10);
	figure_target(figure, "max in ms at a limit of 1 s, groups", worst.max_ms, NAN, NAN, 50);
	figure_target(figure, "early verdicts of groups", early, NAN, NAN, 0);
	figure_note(figure, "wakeups over %d s; lateness by the account of the group, to 1 ms",
		    seconds);
	figure_print(figure);
	maze_reader_close(reader);
	maze_close(maze);
	return early != 0;
}
