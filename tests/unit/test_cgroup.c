/* SPDX-License-Identifier: GPL-2.0-only */
/* The walk of a cgroup is bounded. Plain directories stand in for cgroups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/cgroup.h"

struct tree {
	char path[64];
	int dir;
	unsigned int seen;
};

static int set_up(void **state)
{
	static struct tree tree;

	tree = (struct tree){ .path = "/tmp/test-cgroup-XXXXXX" };
	if (!mkdtemp(tree.path))
		return -1;
	tree.dir = open(tree.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &tree;
	return tree.dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct tree *tree = *state;
	char command[128];

	close(tree->dir);
	snprintf(command, sizeof(command), "rm -rf -- %s", tree->path);
	return system(command) ? -1 : 0;
}

static void write_processes(int dir, unsigned int count)
{
	FILE *file = fdopen(openat(dir, "cgroup.procs", O_CREAT | O_WRONLY | O_CLOEXEC, 0644), "w");

	assert_non_null(file);
	while (count--)
		fputs("1\n", file);
	assert_int_equal(fclose(file), 0);
}

static bool count(pid_t pid, void *arg)
{
	struct tree *tree = arg;

	(void)pid;
	tree->seen++;
	return true;
}

static void make_directories(const struct tree *tree, unsigned int from, unsigned int to)
{
	char name[16];
	int fd;

	for (; from < to; from++) {
		snprintf(name, sizeof(name), "%u", from);
		assert_int_equal(mkdirat(tree->dir, name, 0755), 0);
		fd = openat(tree->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		write_processes(fd, 1);
		close(fd);
	}
}

static void a_walk_reads_a_bounded_number_of_directories(void **state)
{
	struct tree *tree = *state;

	/* With the root. */
	make_directories(tree, 1, CGROUP_WALK_DIRECTORIES_MAX);
	assert_true(cgroup_each_process(tree->dir, count, tree));
	assert_int_equal(tree->seen, CGROUP_WALK_DIRECTORIES_MAX - 1);
	make_directories(tree, CGROUP_WALK_DIRECTORIES_MAX, CGROUP_WALK_DIRECTORIES_MAX + 50);
	tree->seen = 0;
	assert_false(cgroup_each_process(tree->dir, count, tree));
	assert_int_equal(tree->seen, CGROUP_WALK_DIRECTORIES_MAX - 1);
}

static void a_walk_reads_a_bounded_number_of_processes(void **state)
{
	struct tree *tree = *state;

	make_directories(tree, 1, 3);
	write_processes(tree->dir, CGROUP_WALK_PROCESSES_MAX - 2);
	assert_true(cgroup_each_process(tree->dir, count, tree));
	assert_int_equal(tree->seen, CGROUP_WALK_PROCESSES_MAX);
	make_directories(tree, 3, 5);
	tree->seen = 0;
	assert_false(cgroup_each_process(tree->dir, count, tree));
	assert_int_equal(tree->seen, CGROUP_WALK_PROCESSES_MAX);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_walk_reads_a_bounded_number_of_directories),
		T(a_walk_reads_a_bounded_number_of_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
