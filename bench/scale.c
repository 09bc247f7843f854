/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How maze scales: time to watch, list and unwatch from one to 50,000 tasks, the kernel's
 * memory for each, and the cost of fork and exit with and without a watched parent.
 *
 * It restores kernel.pid_max. A machine that cannot have so many tasks gets fewer rows
 * and a note.
 *
 * usage: scale REPEATS         JSON, see figure.h
 *        scale ROUNDS forks    the same, for forks
 */
#include <bpf/btf.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "bench.h"
#include "engine/bpf/engine_bpf.h"
#include "figure.h"
#include "pair.h"

#define PID_MAX "/proc/sys/kernel/pid_max"
/* Tasks that must fit beside the largest crowd. */
#define PIDS_WANTED (50000 + 20000)
/* With fewer tasks, other users of the slabs dominate. */
#define SLAB_TASKS_MIN 10000
/* Some 30 ms of forks. */
#define FORKS 150

static const int sizes[] = { 1, 100, 10000, 50000 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static long pid_max_before;

static long read_long(const char *path)
{
	FILE *file = fopen(path, "re");
	long value = -1;

	if (file && fscanf(file, "%ld", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

static void write_long(const char *path, long value)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return;
	fprintf(file, "%ld\n", value);
	fclose(file);
}

static void restore_pid_max(void)
{
	write_long(PID_MAX, pid_max_before);
}

static void make_room(void)
{
	pid_max_before = read_long(PID_MAX);
	if (pid_max_before <= 0 || pid_max_before >= PIDS_WANTED)
		return;
	atexit(restore_pid_max);
	write_long(PID_MAX, PIDS_WANTED);
}

/* Bytes in unreclaimable slabs: the kernel's small objects. */
static double slab_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SUnreclaim: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return (double)kib * 1024;
}

/* The rounding of sizes in kmalloc() and BPF's own allocator. */
static unsigned int rounded_up(unsigned int size)
{
	unsigned int bucket = 16;

	while (bucket < size)
		bucket *= 2;
	/* The two sizes between powers of two. */
	if (bucket == 128 && size <= 96)
		return 96;
	if (bucket == 256 && size <= 192)
		return 192;
	return bucket;
}

static const struct btf_type *find_struct(const struct btf *btf, const char *name)
{
	int id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) : -1;

	return id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
}

/* In bytes; 0: there is no such member. */
static unsigned int member_offset(const struct btf *btf, const struct btf_type *type,
				  const char *name)
{
	__u32 i;

	for (i = 0; type && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name))
			return btf_member_bit_offset(type, i) / 8;
	return 0;
}

/* From this kernel's own types: a storage for each task with one element. */
static void note_layout(struct figure *figure)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *storage = find_struct(btf, "bpf_local_storage");
	const struct btf_type *data = find_struct(btf, "bpf_local_storage_data");
	const struct btf_type *element = find_struct(btf, "bpf_local_storage_elem");
	unsigned int at = member_offset(btf, element, "sdata"), size, storage_size;

	if (!storage || !data || !at) {
		btf__free(btf);
		return;
	}
	size = at + data->size + (unsigned int)sizeof(struct maze_task);
	storage_size = storage->size;
	btf__free(btf);
	figure_note(figure,
		    "kernel memory for each watched task, by this kernel's types: storage %u and "
		    "element %u, as allocated %u B",
		    storage_size, size, rounded_up(storage_size) + rounded_up(size));
}

static int count_entry(const struct maze_entry *entry, void *arg)
{
	(void)entry;
	(*(int *)arg)++;
	return 0;
}

struct times {
	double watch, list, drop; /* ms */
	double bytes;		  /* bytes of slabs per task */
};

static struct times time_crowd(struct engine *engine, pid_t crowd, int size)
{
	struct maze_error error = { "" };
	double before = slab_bytes();
	struct times times;
	maze_u64 start;
	int listed = 0;

	start = bench_now(CLOCK_MONOTONIC);
	attach_watch(engine, crowd);
	times.watch = (double)(bench_now(CLOCK_MONOTONIC) - start) / 1e6;
	times.bytes = (slab_bytes() - before) / size;
	start = bench_now(CLOCK_MONOTONIC);
	if (engine_bpf.list(engine, count_entry, &listed, &error))
		bench_fail("%s", error.text);
	times.list = (double)(bench_now(CLOCK_MONOTONIC) - start) / 1e6;
	if (listed != size)
		bench_fail("%d tasks are watched and %d listed", size, listed);
	start = bench_now(CLOCK_MONOTONIC);
	attach_unwatch(engine, crowd);
	times.drop = (double)(bench_now(CLOCK_MONOTONIC) - start) / 1e6;
	return times;
}

static void report_size(struct figure *figure, struct engine *engine, int size, int repeats)
{
	double *values[4], row[4];
	pid_t crowd = crowd_start(size);
	struct times times;
	char name[32];
	int i, k;

	snprintf(name, sizeof(name), "%d", size);
	if (crowd < 0) {
		figure_note(figure, "this machine cannot have %d more tasks", size);
		return;
	}
	for (k = 0; k < 4; k++)
		values[k] = bench_values((size_t)repeats);
	for (i = 0; i < repeats; i++) {
		times = time_crowd(engine, crowd, size);
		values[0][i] = times.watch;
		values[1][i] = times.list;
		values[2][i] = times.drop;
		values[3][i] = times.bytes;
	}
	for (k = 0; k < 4; k++)
		row[k] = bench_median(values[k], (size_t)repeats).value;
	/* The first repeat only: later ones reuse the freed objects. */
	row[3] = size < SLAB_TASKS_MIN ? NAN : values[3][0];
	for (k = 0; k < 4; k++)
		free(values[k]);
	figure_row(figure, name, row, NULL);
	crowd_end(crowd);
}

static void report_tasks(struct engine *engine, int repeats)
{
	struct figure *figure = figure_new("scale", "Time for so many tasks, and memory");
	size_t i;

	figure_column(figure, "watch ms", 2);
	figure_column(figure, "list ms", 2);
	figure_column(figure, "drop ms", 2);
	figure_column(figure, "B a task", 0);
	for (i = 0; i < SIZES; i++)
		report_size(figure, engine, sizes[i], repeats);
	figure_note(figure, "threads of one process, watched by one call; B a task: what "
			    "the kernel's slabs grew by, which others on the machine move too");
	note_layout(figure);
	figure_target(figure, "bytes of value for a watched task", sizeof(struct maze_task), NAN,
		      NAN, 256);
	figure_target(figure, "bytes for a class of streaks", sizeof(struct maze_streaks), NAN, NAN,
		      2560);
	figure_note(figure, "classes of streaks: %u, allocated also if nothing is observed",
		    MAZE_STREAK_CLASSES);
	figure_print(figure);
}

/* ---- fork and exit ------------------------------------------------------------------ */

enum setting { WITHOUT, UNWATCHED, WATCHED, SETTINGS };

static const char *const names[SETTINGS] = { "without maze", "maze, parent unwatched",
					     "maze, parent watched" };

/*
 * CPU time of this process and its reaped children; the kernel has no clock for the
 * latter.
 */
static double cpu_time_us(void)
{
	struct rusage children;

	getrusage(RUSAGE_CHILDREN, &children);
	return (double)bench_now(CLOCK_PROCESS_CPUTIME_ID) / 1e3 +
	       1e6 * (double)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
	       (double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec);
}

static void fork_and_report(int cpu, int go, int report)
{
	double start, result;
	pid_t pid;
	char byte;
	int i;

	bench_pin(cpu);
	if (read(go, &byte, 1) != 1)
		_exit(1);
	start = cpu_time_us();
	for (i = 0; i < FORKS; i++) {
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			_exit(1);
	}
	result = (cpu_time_us() - start) / FORKS;
	_exit(write(report, &result, sizeof(result)) != sizeof(result));
}

/* us per fork, exit and wait */
static double time_forks(struct engine *engine, enum setting setting, int cpu)
{
	int go[2], report[2];
	double result;
	pid_t pid;

	if (pipe(go) || pipe(report))
		bench_die("pipe");
	pid = bench_fork();
	if (!pid)
		fork_and_report(cpu, go[0], report[1]);
	if (setting != WITHOUT) {
		attach_lives(engine, true);
		attach_switch(engine, true);
	}
	if (setting == WATCHED)
		attach_watch(engine, pid);
	if (write(go[1], "", 1) != 1 || read(report[0], &result, sizeof(result)) != sizeof(result))
		bench_die("the forking process did not report");
	waitpid(pid, NULL, 0);
	if (setting != WITHOUT) {
		attach_switch(engine, false);
		attach_lives(engine, false);
	}
	close(go[0]);
	close(go[1]);
	close(report[0]);
	close(report[1]);
	return result;
}

static void report_forks(struct engine *engine, int rounds)
{
	struct figure *figure = figure_new("fork_cost", "Cost of a fork, exit and wait");
	int round, i, order[SETTINGS], cpu = bench_cpu();
	struct estimate cost, ratio;
	double *values[SETTINGS];

	for (i = 0; i < SETTINGS; i++)
		values[i] = bench_values((size_t)rounds);
	attach_lives(engine, false);
	for (round = 0; round < rounds; round++) {
		bench_shuffle(order, SETTINGS, (unsigned int)round);
		for (i = 0; i < SETTINGS; i++)
			values[order[i]][round] = time_forks(engine, (enum setting)order[i], cpu);
	}
	figure_column(figure, "us", 1);
	figure_column(figure, "over without", 2);
	figure_column(figure, "ratio", 3);
	figure_column(figure, "from", 3);
	figure_column(figure, "to", 3);
	for (i = 0; i < SETTINGS; i++) {
		cost = bench_median_difference(values[i], values[WITHOUT], (size_t)rounds);
		ratio = bench_ratio(values[i], values[WITHOUT], (size_t)rounds);
		figure_row(figure, names[i],
			   (double[]){ bench_median(values[i], (size_t)rounds).value,
				       i ? cost.value : NAN, i ? ratio.value : NAN,
				       i ? ratio.low : NAN, i ? ratio.high : NAN },
			   NULL);
	}
	for (i = 0; i < SETTINGS; i++)
		free(values[i]);
	figure_note(figure,
		    "CPU time of parent and child; watched, its children too: two records each; "
		    "%d rounds",
		    rounds);
	figure_print(figure);
}

int main(int argc, char **argv)
{
	int repeats = argc > 1 ? atoi(argv[1]) : 5;
	struct engine *engine;

	if (repeats < 1)
		return 2;
	make_room();
	engine = attach_open();
	if (argc > 2 && !strcmp(argv[2], "forks"))
		report_forks(engine, repeats);
	else
		report_tasks(engine, repeats);
	attach_close(engine);
	return 0;
}
