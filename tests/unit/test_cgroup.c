/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk of a cgroup is bounded; plain directories stand in for cgroups. In a cgroup
 * namespace, paths are those of the mount.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../base/cgroup.h"
#include "../../base/proc_files.h"
#include "skip.h"

struct tree {
	char path[64];
	int dir;
	unsigned int seen;
};

static int set_up(void **state)
{
	static struct tree tree;

	/* A thousand directories in memory take a fifth of the time. */
	tree = (struct tree){ 0 };
	snprintf(tree.path, sizeof(tree.path), "%s/test-cgroup-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
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

/* ---- in a cgroup namespace ------------------------------------------------------------ */

#define OTHER_USER 65534

static const char *const names[] = { "", "/a", "/a/b", "/a/b/below", "/a/c" };
#define NAMES (sizeof(names) / sizeof(names[0]))
static struct cgroup_fs fs = { .fd = -1 };
static char paths[NAMES][64]; /* the cgroups of the test */
enum { TOP, A, B, BELOW, C };
static pid_t sibling; /* in C */

static bool enter(const char *path, pid_t pid)
{
	int dir = cgroup_open(&fs, path);
	bool entered;
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	entered = dir >= 0 && !cgroup_write(dir, "cgroup.procs", text);
	close(dir);
	return entered;
}

static int make_groups(void **state)
{
	size_t i;

	(void)state;
	if (cgroup_fs_open(&fs, NULL))
		return 0;
	for (i = 0; i < NAMES; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/maze-test-%d%s", getpid(), names[i]);
		mkdirat(fs.fd, paths[i] + 1, 0755);
	}
	sibling = fork();
	if (!sibling) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	return sibling < 0 ? -1 : 0;
}

static int remove_groups(void **state)
{
	size_t i;

	(void)state;
	if (fs.fd < 0)
		return 0;
	kill(sibling, SIGKILL);
	waitpid(sibling, NULL, 0);
	for (i = NAMES; i-- > 0;)
		unlinkat(fs.fd, paths[i] + 1, AT_REMOVEDIR);
	cgroup_fs_close(&fs);
	return 0;
}

/* What another program must see: its path, a PID, the path of that and the ID there. */
static int look(char **expected)
{
	struct cgroup_fs seen = { .fd = -1 };
	char own[PROC_CGROUP_SIZE], other[PROC_CGROUP_SIZE], id[32];
	int dir;

	cgroup_fs_open(&seen, NULL);
	if (proc_cgroup_of("self", own) || proc_cgroup_of(expected[1], other))
		return 1;
	dir = cgroup_open(&seen, other);
	snprintf(id, sizeof(id), "%llu", dir < 0 ? 0 : cgroup_id(dir));
	if (!strcmp(own, expected[0]) && !strcmp(other, expected[2]) && !strcmp(id, expected[3]))
		return 0;
	printf("# %s %s %s\n", own, other, id);
	return 1;
}

/*
 * Runs look() in `group`, in a namespace that begins at `root`. It must see these paths of
 * itself and of the sibling; `opens`: and open the latter.
 */
static void check_paths(int root, int group, const char *own, const char *of_sibling, bool opens)
{
	char pid[16], id[32];
	maze_u64 number = 0;
	uid_t owner;
	int status;
	pid_t child;

	if (fs.fd < 0 || !enter(paths[C], sibling))
		skip_because("no control group can be made: %s", strerror(errno));
	assert_true(cgroup_stat(&fs, paths[C], &number, &owner));
	snprintf(pid, sizeof(pid), "%d", sibling);
	snprintf(id, sizeof(id), "%llu", opens ? number : 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (enter(paths[root], getpid()) && !unshare(CLONE_NEWCGROUP) &&
		    enter(paths[group], getpid()))
			execl("/proc/self/exe", "look", own, pid, of_sibling, id, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_path_in_a_namespace_is_that_in_the_mount(void **state)
{
	(void)state;
	check_paths(TOP, TOP, paths[TOP], paths[C], true);
	check_paths(B, B, paths[B], paths[C], true);
	check_paths(B, BELOW, paths[BELOW], paths[C], true);
}

/* Its own path does not begin at the root of its namespace. */
static void outside_of_its_own_namespace_paths_are_relative(void **state)
{
	(void)state;
	check_paths(B, A, "/..", "/../c", false);
}

/* A user can make so many directories that a search would take long. */
static void directories_of_users_are_not_searched(void **state)
{
	(void)state;
	if (fs.fd < 0 || fchownat(fs.fd, paths[A] + 1, OTHER_USER, OTHER_USER, 0))
		skip_because("no control group can be given away: %s", strerror(errno));
	check_paths(B, B, "/", "/../c", false);
}

int main(int argc, char **argv)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define IN_GROUPS(test) cmocka_unit_test_setup_teardown(test, make_groups, remove_groups)
	const struct CMUnitTest tests[] = {
		T(a_walk_reads_a_bounded_number_of_directories),
		T(a_walk_reads_a_bounded_number_of_processes),
		IN_GROUPS(a_path_in_a_namespace_is_that_in_the_mount),
		IN_GROUPS(outside_of_its_own_namespace_paths_are_relative),
		IN_GROUPS(directories_of_users_are_not_searched),
	};

	if (argc == 5 && !strcmp(argv[0], "look"))
		return look(argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
