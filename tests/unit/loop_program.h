/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that loops three calls deep, built at run time in the variants that a test
 * needs; and the file offsets of its functions, from nm(1).
 */
#ifndef MAZE_TEST_LOOP_PROGRAM_H
#define MAZE_TEST_LOOP_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../evidence/symbols/elf_file.h"

/*
 * inner() loops, with twist() inlined. The statements after the calls keep the compiler
 * from making tail calls.
 */
static const char loop_source[] =
	"#include <unistd.h>\n"
	"static volatile unsigned long sink;\n"
	"static inline __attribute__((always_inline)) void twist(unsigned long by)\n"
	"{\n"
	"	sink = sink * 2862933555777941757UL + by;\n"
	"}\n"
	"__attribute__((noinline)) static int inner(unsigned long by)\n"
	"{\n"
	"	while (by)\n"
	"		twist(by);\n"
	"	return (int)sink;\n"
	"}\n"
	"__attribute__((noinline)) static int middle(unsigned long by)\n"
	"{\n"
	"	return inner(by + 1) + 1;\n"
	"}\n"
	"__attribute__((noinline)) static int outer(unsigned long by)\n"
	"{\n"
	"	return middle(by + 1) + (int)sink;\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	(void)argv;\n"
	"	write(1, \"\\n\", 1);\n"
	"	return outer((unsigned long)argc) + 1;\n"
	"}\n";
#define LOOP_TWIST_LINE 5

struct loop_place {
	char directory[PATH_MAX];
};

/* The running one, which ends with its test in any case; 0: none. */
static pid_t loop_running;

static inline void loop_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	loop_running = 0;
}

/* Runs a command in a directory of its own; %s stands for that directory. */
static inline void loop_shell(const struct loop_place *place, const char *command)
{
	char line[4096];

	snprintf(line, sizeof(line), "cd '%.200s' && %s", place->directory, command);
	if (system(line))
		fail_msg("failed: %s", line);
}

static inline int loop_make_place(void **state)
{
	static struct loop_place place;
	char path[PATH_MAX];
	FILE *file;

	strcpy(place.directory, "/tmp/test-evidence-XXXXXX");
	if (!mkdtemp(place.directory))
		return -1;
	snprintf(path, sizeof(path), "%.200s/loop.c", place.directory);
	file = fopen(path, "we");
	if (!file)
		return -1;
	fputs(loop_source, file);
	fclose(file);
	*state = &place;
	return 0;
}

static inline int loop_remove_place(void **state)
{
	const struct loop_place *place = *state;

	if (loop_running)
		loop_stop(loop_running);
	loop_shell(place, "rm -rf \"$PWD\"");
	return 0;
}

/* A test in a directory of its own, which is *state. */
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, loop_make_place, loop_remove_place)

static inline const char *loop_path(const struct loop_place *place, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.200s/%s", place->directory, name);
	return path;
}

static inline int loop_open(const struct loop_place *place, const char *name)
{
	int fd = open(loop_path(place, name), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* The file offset of a function's last byte but one: in inner(), this is in the loop. */
static inline maze_u64 loop_offset(const struct loop_place *place, const char *name,
				   const char *function)
{
	unsigned long long start = 0, size = 0, slide_at;
	char line[4096], found[256], kind;
	maze_u64 slide = 0;
	FILE *nm;
	int fd;

	snprintf(line, sizeof(line), "nm -S '%.300s'", loop_path(place, name));
	nm = popen(line, "re");
	assert_non_null(nm);
	while (fgets(line, sizeof(line), nm))
		if (sscanf(line, "%llx %llx %c %255s", &start, &size, &kind, found) == 4 &&
		    !strcmp(found, function))
			break;
	pclose(nm);
	assert_string_equal(found, function);
	/* Within mapped code, the difference of offset and address is constant. */
	fd = loop_open(place, name);
	for (slide_at = 0x1000; elf_file_slide(fd, slide_at, &slide) || slide_at + slide > start;
	     slide_at += 0x1000)
		assert_true(slide_at < 0x100000);
	close(fd);
	return start + size / 2 - slide;
}

/* Starts the program and waits until it loops; the caller kills it with loop_stop(). */
static inline pid_t loop_start(const char *path, const char *const *words)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], 1);
		execv(path, (char *const *)words);
		_exit(127);
	}
	loop_running = pid;
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

#endif
