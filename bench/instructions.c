/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints the size of each BPF program. Times are noisy, these numbers are not:
 * instructions in the object, instructions after the kernel translated them, instructions
 * that the verifier processed, and bytes of machine code. With a file of former sizes it
 * detects growth.
 *
 * It compares only comparable numbers. The first number depends on the compiler, the
 * others on the kernel, the processor and the features that the loader detects; the head
 * of the file has all of these.
 *
 * usage: instructions CLANG_VERSION          writes the file to standard output
 *        instructions CLANG_VERSION --check FILE
 * Exit status: 0 as in the file, or nothing to compare; 1 different from the file.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "attach.h"
#include "bench.h"
#include "core/process_event.h"
#include "engine/bpf/children_time.h"
#include "engine/bpf/engine_bpf.h"
#include "engine/bpf/follow.h"
#include "engine/bpf/system_calls.h"
#include "engine/bpf/totals.h"

#include "children_time.skel.h"
#include "follow.skel.h"
#include "maze.skel.h"
#include "schedule.skel.h"
#include "system_calls.skel.h"
#include "totals.skel.h"

/* Tolerated difference: compilers vary, and a field may be added. */
#define TOLERANCE 0.05
#define PROGRAMS_MAX 64

enum count { OBJECT, TRANSLATED, VERIFIED, JITED, COUNTS };

static const char *const count_names[COUNTS] = { "object", "translated", "verified", "jited" };

struct size {
	char name[64];
	long counts[COUNTS]; /* -1: not loaded on this kernel */
};

struct sizes {
	char clang[128], kernel[256];
	struct size programs[PROGRAMS_MAX];
	int n;
};

static void measure(struct sizes *sizes, struct bpf_program *program)
{
	struct size *size = &sizes->programs[sizes->n++];
	struct bpf_prog_info info = { 0 };
	__u32 length = sizeof(info);
	int i;

	if (sizes->n == PROGRAMS_MAX)
		bench_fail("more than %d programs", PROGRAMS_MAX - 1);
	snprintf(size->name, sizeof(size->name), "%s", bpf_program__name(program));
	for (i = 0; i < COUNTS; i++)
		size->counts[i] = -1;
	if (bpf_program__fd(program) < 0)
		return;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length))
		bench_die(size->name);
	size->counts[OBJECT] = (long)bpf_program__insn_cnt(program);
	size->counts[TRANSLATED] = (long)(info.xlated_prog_len / sizeof(struct bpf_insn));
	size->counts[VERIFIED] = (long)info.verified_insns;
	size->counts[JITED] = (long)info.jited_prog_len;
}

static void measure_follower(struct sizes *sizes, struct engine *engine)
{
	struct follow_bpf *skeleton = follow_bpf__open();
	struct follow_config *config;
	struct bpf_program *program;

	if (!skeleton)
		bench_die("cannot open the follow object");
	config = (struct follow_config *)&skeleton->rodata->follow_config;
	config->wants = MAZE_FOLLOW_NAMES | MAZE_FOLLOW_THREAD_NAMES;
	bpf_program__set_autoload(skeleton->progs.follow__task_rename, true);
	if (bpf_map__reuse_fd(skeleton->maps.tasks, engine->fds[OBJECT_TASKS]) ||
	    follow_bpf__load(skeleton))
		bench_die("cannot load the follow object");
	bpf_object__for_each_program(program, skeleton->obj) measure(sizes, program);
	follow_bpf__destroy(skeleton);
}

static void measure_system_calls(struct sizes *sizes)
{
	struct system_calls_bpf *skeleton = system_calls_bpf__open_and_load();
	struct bpf_program *program;

	if (!skeleton)
		bench_die("cannot load the program that counts system calls");
	bpf_object__for_each_program(program, skeleton->obj) measure(sizes, program);
	system_calls_bpf__destroy(skeleton);
}

static void measure_children_time(struct sizes *sizes)
{
	struct children_time_bpf *skeleton;

	if (bpf_children_open(&skeleton))
		bench_die("cannot load the program that reads the time of children");
	measure(sizes, skeleton->progs.children__read);
	bpf_children_close(skeleton);
}

static int ignore(const struct maze_total *total, void *arg)
{
	(void)total;
	(void)arg;
	return 0;
}

static void measure_totals(struct sizes *sizes, struct engine *engine)
{
	if (bpf_totals(engine, ignore, NULL))
		bench_die("cannot load the program that adds up the watches");
	measure(sizes, engine->totals->progs.totals__add_up);
}

static void measure_schedule(struct sizes *sizes)
{
	struct schedule_bpf *skeleton = schedule_bpf__open();
	struct bpf_program *program;

	if (!skeleton)
		bench_die("cannot open the programs that record context switches");
	bpf_program__set_autoload(skeleton->progs.schedule__sys_enter_sched_yield, true);
	if (schedule_bpf__load(skeleton))
		bench_die("cannot load the programs that record context switches");
	bpf_object__for_each_program(program, skeleton->obj) measure(sizes, program);
	schedule_bpf__destroy(skeleton);
}

static void measure_all(struct sizes *sizes, const char *clang)
{
	struct engine *engine = attach_open();
	const struct maze_config *config = &engine->config;
	struct bpf_program *program;
	struct utsname kernel;

	uname(&kernel);
	snprintf(sizes->clang, sizeof(sizes->clang), "%s", clang);
	snprintf(sizes->kernel, sizeof(sizes->kernel),
		 "%.100s %.20s clock=%u steal=%u steal-unknown=%u irq-time=%u yield-probe=%u",
		 kernel.release, kernel.machine, config->has_clock, config->has_steal,
		 config->steal_unknown, config->has_irqtime, config->yield_probe);
	bpf_object__for_each_program(program, engine->skeleton->obj) measure(sizes, program);
	measure_follower(sizes, engine);
	measure_schedule(sizes);
	measure_system_calls(sizes);
	measure_children_time(sizes);
	measure_totals(sizes, engine);
	attach_close(engine);
}

static void print(const struct sizes *sizes)
{
	int i, k;

	printf("# The size of each BPF program: `make instructions` writes this file, and a test\n"
	       "# fails where a program has grown or shrunk by more than 5 %% without it.\n"
	       "clang %s\nkernel %s\n%-32s",
	       sizes->clang, sizes->kernel, "program");
	for (k = 0; k < COUNTS; k++)
		printf(" %10s", count_names[k]);
	putchar('\n');
	for (i = 0; i < sizes->n; i++) {
		printf("%-32s", sizes->programs[i].name);
		for (k = 0; k < COUNTS; k++)
			printf(" %10ld", sizes->programs[i].counts[k]);
		putchar('\n');
	}
}

static void read_file(struct sizes *sizes, const char *path)
{
	struct size *size = sizes->programs;
	FILE *file = fopen(path, "re");
	char line[512];

	if (!file)
		bench_die(path);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || sizes->n == PROGRAMS_MAX)
			continue;
		if (!strncmp(line, "clang ", 6))
			snprintf(sizes->clang, sizeof(sizes->clang), "%.100s", line + 6);
		else if (!strncmp(line, "kernel ", 7))
			snprintf(sizes->kernel, sizeof(sizes->kernel), "%.250s", line + 7);
		else if (sscanf(line, "%63s %ld %ld %ld %ld", size->name, &size->counts[OBJECT],
				&size->counts[TRANSLATED], &size->counts[VERIFIED],
				&size->counts[JITED]) == 1 + COUNTS)
			size = &sizes->programs[++sizes->n];
	}
	fclose(file);
}

static const struct size *find(const struct sizes *sizes, const char *name)
{
	int i;

	for (i = 0; i < sizes->n; i++)
		if (!strcmp(sizes->programs[i].name, name))
			return &sizes->programs[i];
	return NULL;
}

static bool agree(long is, long was)
{
	double off = (double)(is > was ? is - was : was - is);

	return off <= TOLERANCE * (double)was;
}

/* Returns the number of counts that differ. */
static int compare(const struct size *is, const struct size *was)
{
	int moved = 0, k;

	for (k = OBJECT; k < COUNTS; k++) {
		/* With another kernel only the object can be compared. */
		if (is->counts[k] < 0 || was->counts[k] < 0 || agree(is->counts[k], was->counts[k]))
			continue;
		printf("%s: %s: %ld, was %ld (%+.0f %%)\n", is->name, count_names[k], is->counts[k],
		       was->counts[k],
		       100.0 * (double)(is->counts[k] - was->counts[k]) / (double)was->counts[k]);
		moved++;
	}
	return moved;
}

static int check(struct sizes *is, const struct sizes *was, const char *path)
{
	bool same_clang = !strcmp(is->clang, was->clang);
	bool same_kernel = same_clang && !strcmp(is->kernel, was->kernel);
	const struct size *before;
	int i, k, moved = 0;

	if (!same_clang) {
		printf("not compared: built by clang %s, %s by %s\n", is->clang, path, was->clang);
		return 0;
	}
	if (!same_kernel)
		printf("only the object is compared: this kernel is %s, that of %s is %s\n",
		       is->kernel, path, was->kernel);
	for (i = 0; i < is->n; i++) {
		before = find(was, is->programs[i].name);
		for (k = OBJECT + 1; !same_kernel && k < COUNTS; k++)
			is->programs[i].counts[k] = -1;
		if (before)
			moved += compare(&is->programs[i], before);
		else
			moved += printf("%s: not in the file\n", is->programs[i].name) > 0;
	}
	for (i = 0; i < was->n; i++)
		if (!find(is, was->programs[i].name))
			moved += printf("%s: in the file only\n", was->programs[i].name) > 0;
	if (!moved)
		printf("%d programs are as large as in %s\n", is->n, path);
	else
		printf("if this is intended, run make instructions and commit %s\n", path);
	return moved != 0;
}

int main(int argc, char **argv)
{
	static struct sizes is, was;

	if (argc != 2 && (argc != 4 || strcmp(argv[2], "--check")))
		bench_fail("usage: instructions CLANG_VERSION [--check FILE]");
	measure_all(&is, argv[1]);
	if (argc == 2) {
		print(&is);
		return 0;
	}
	read_file(&was, argv[3]);
	if (!was.n)
		bench_fail("%s has no row for a program", argv[3]);
	return check(&is, &was, argv[3]);
}
