/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze_totals() has what maze_list() has, with the engine's own way and without it, in the
 * PID namespace of the engine and in another one.
 */
#include <bpf/btf.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>

#include "asleep.h"
#include "lib/handle.h"
#include "lib/totals.h"
#include "poll_case.h"

#define THREADS 3
#define TAGS 3 /* TAG + 0..2 */

struct sum {
	struct maze_total of[TAGS];
};

static int add_total(const struct maze_total *total, void *arg)
{
	struct sum *sum = arg;
	struct maze_total *to = &sum->of[total->tag - TAG];

	assert_in_range(total->tag, TAG, TAG + TAGS - 1);
	to->threads += total->threads;
	if (total->nearest > to->nearest)
		to->nearest = total->nearest;
	return 0;
}

static struct sum totals_of(struct maze *maze)
{
	struct maze_error error = { "" };
	struct sum sum = { 0 };

	if (maze_totals(maze, add_total, &sum, &error))
		fail_msg("%s", error.text);
	return sum;
}

static struct sum list_of(struct maze *maze)
{
	struct maze_entry *entries = NULL;
	struct sum sum = { 0 };
	size_t count = 0, i;

	assert_int_equal(maze_list(maze, &entries, &count, NULL), 0);
	for (i = 0; i < count; i++)
		maze_total_add(&sum.of[entries[i].tag - TAG], entries[i].count_ns,
			       entries[i].soft_ns, entries[i].hard_ns);
	free(entries);
	return sum;
}

/* Counts go up between the calls. Returns the totals. */
static struct sum expect_equal(struct maze *maze)
{
	struct sum before = list_of(maze), sum = totals_of(maze), after = list_of(maze);
	int i;

	for (i = 0; i < TAGS; i++) {
		assert_int_equal(sum.of[i].threads, before.of[i].threads);
		assert_int_equal(sum.of[i].threads, after.of[i].threads);
		assert_true(sum.of[i].nearest >= before.of[i].nearest);
		assert_true(sum.of[i].nearest <= after.of[i].nearest);
	}
	return sum;
}

/* Those that are in sleep_on(). */
static int threads_asleep(pid_t pid)
{
	struct dirent *entry;
	char path[32];
	int count = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((entry = readdir(tasks)))
		count += entry->d_name[0] != '.' &&
			 is_asleep_in(pid, atoi(entry->d_name), SYS_ppoll);
	closedir(tasks);
	return count;
}

/* Until its threads sleep for good, their counts go up and down. */
static void wait_asleep(pid_t pid, int threads)
{
	wait_until(threads_asleep(pid) == threads);
}

static void *sleep_on(void *unused)
{
	for (;;)
		ppoll(NULL, 0, NULL, NULL);
	return unused;
}

static void sleep_with_threads(void)
{
	pthread_t thread;
	int i;

	for (i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, sleep_on, NULL))
			_exit(1);
	sleep_on(NULL);
}

static void sleep_alone(void)
{
	sleep_on(NULL);
}

static pid_t watched_child(struct maze *maze, void (*what)(void), maze_u64 soft_ns,
			   maze_u64 hard_ns, maze_u64 tag)
{
	struct maze_policy policy = policy_of(soft_ns, hard_ns);
	struct maze_error error = { "" };
	struct child child = start(what);

	policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	if (maze_watch(maze, child.pid, 0, &policy, tag, &error))
		fail_msg("%s", error.text);
	let_go(&child);
	return child.pid;
}

/* Whether the kernel has the loop that the engine's own way needs. */
static bool has_loop(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf__find_by_name_kind(btf, "bpf_iter_task_new", BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return has;
}

static struct maze *open_bpf(void)
{
	struct maze_error error = { "" };
	struct maze *maze;

	if (maze_open("bpf", MAZE_PRIVATE, &maze, &error))
		skip_because("no engine: %s", error.text);
	return maze;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_for(pid);
}

static void totals_are_those_of_the_list(void **state)
{
	struct maze *maze = open_bpf();
	pid_t sleeper = watched_child(maze, sleep_with_threads, MAZE_NSEC_PER_SEC, 0, TAG);
	pid_t spinner = watched_child(maze, spin, 0, 3600 * MAZE_NSEC_PER_SEC, TAG + 1);
	pid_t sibling = watched_child(maze, sleep_alone, MAZE_NSEC_PER_SEC, 0, TAG);
	int i;

	(void)state;
	wait_asleep(sleeper, THREADS);
	wait_asleep(sibling, 1);
	for (i = 0; i < WAIT_SECONDS * 1000 && !expect_equal(maze).of[1].nearest; i++)
		usleep(1000);
	assert_true(expect_equal(maze).of[1].nearest);
	assert_int_equal(expect_equal(maze).of[2].threads, 0);
	if (has_loop()) {
		struct sum sum = { 0 };

		assert_int_equal(maze->ops->totals(maze->engine, add_total, &sum), 0);
		assert_int_equal(sum.of[0].threads, THREADS + 1);
	}
	/* Threads end, and a tag changes. */
	end(sleeper);
	assert_int_equal(expect_equal(maze).of[0].threads, 1);
	assert_int_equal(maze_unwatch(maze, sibling, 0, NULL), 0);
	assert_int_equal(expect_equal(maze).of[0].threads, 0);
	assert_int_equal(expect_equal(maze).of[1].threads, 1);
	end(spinner);
	end(sibling);
	expect_equal(maze);
	maze_close(maze);
}

static void an_engine_without_totals_has_its_list(void **state)
{
	struct maze *maze = open_bpf();
	struct engine_ops ops = *maze->ops;
	pid_t sleeper = watched_child(maze, sleep_with_threads, MAZE_NSEC_PER_SEC, 0, TAG);

	(void)state;
	ops.totals = NULL;
	maze->ops = &ops;
	wait_asleep(sleeper, THREADS);
	expect_equal(maze);
	end(sleeper);
	maze_close(maze);
}

/* The status of the first process of a new PID namespace, which watches one child. */
static int status_inside(struct maze *maze)
{
	pid_t child, inside;
	struct sum sum, list;
	int status;

	child = fork();
	if (!child) {
		if (unshare(CLONE_NEWPID))
			_exit(77);
		inside = fork();
		if (!inside) {
			watched_child(maze, sleep_alone, MAZE_NSEC_PER_SEC, 0, TAG + 1);
			/* A failed assertion would go on with the tests in this process. */
			sum = totals_of(maze);
			list = list_of(maze);
			_exit(sum.of[0].threads || sum.of[1].threads != 1 || list.of[0].threads ||
			      list.of[1].threads != 1);
		}
		waitpid(inside, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void a_namespace_has_its_own_tasks(void **state)
{
	struct maze *maze = open_bpf();
	pid_t outside = watched_child(maze, sleep_alone, MAZE_NSEC_PER_SEC, 0, TAG);
	int status = status_inside(maze);

	(void)state;
	wait_asleep(outside, 1);
	assert_int_equal(expect_equal(maze).of[0].threads, 1);
	end(outside);
	maze_close(maze);
	if (status == 77)
		skip_because("no PID namespace can be made");
	assert_int_equal(status, 0);
}

static void ratios_are_never_too_large(void **state)
{
	const maze_u64 day = 86400 * MAZE_NSEC_PER_SEC;

	(void)state;
	assert_int_equal(maze_total_ratio(MS, MS), MAZE_TOTAL_ONE);
	assert_int_equal(maze_total_ratio(MS - 1, MS), MAZE_TOTAL_ONE - 2); /* -1.05 */
	assert_int_equal(maze_total_ratio(3 * MS / 2, MS), MAZE_TOTAL_ONE / 2 * 3);
	assert_int_equal(maze_total_ratio(366 * day, 366 * day), MAZE_TOTAL_ONE);
	assert_int_equal(maze_total_ratio(366 * day - 1, 366 * day), MAZE_TOTAL_ONE - 1);
	assert_in_range(maze_total_ratio(183 * day, 366 * day), MAZE_TOTAL_ONE / 2 - 1,
			MAZE_TOTAL_ONE / 2);
	/* As long as a boot. */
	assert_int_equal(maze_total_ratio(366 * day, MS), 366 * 86400000ULL * MAZE_TOTAL_ONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ratios_are_never_too_large),
		cmocka_unit_test(totals_are_those_of_the_list),
		cmocka_unit_test(an_engine_without_totals_has_its_list),
		cmocka_unit_test(a_namespace_has_its_own_tasks),
	};

	return cmocka_run_group_tests_name("totals", tests, NULL, NULL);
}
