/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How groups end: each has the right record, and nothing of it is left in this process.
 * Each test runs with each engine.
 */
#include "group_case.h"

#include <linux/sched.h>
#include <sys/syscall.h>

/* Never reached here. */
#define FAR_NS (3600 * MAZE_NSEC_PER_SEC)

/* ---- what is left ------------------------------------------------------------------------ */

struct left {
	int fds, timers;
	size_t groups;
};

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Without this file, no timer is counted. */
static int count_timers(void)
{
	FILE *file = fopen("/proc/self/timers", "re");
	char line[256];
	int count = 0;

	while (file && fgets(line, sizeof(line), file))
		count += !strncmp(line, "ID:", 3);
	if (file)
		fclose(file);
	return count;
}

static struct left count_left(const struct fixture *fixture)
{
	return (struct left){ count_fds(), count_timers(), count_groups(fixture->maze) };
}

/* After the first groups, so that all that the handle keeps is there. */
static struct left count_before(const struct fixture *fixture)
{
	struct maze_policy tree = group_policy(MAZE_SCOPE_TREE, 50, FAR_NS, 0);
	struct maze_policy policy = group_policy(MAZE_SCOPE_CGROUP, 50, FAR_NS, 0);
	struct load load = start_load("respawn");
	struct test_cgroup cgroup;

	assert_int_equal(maze_watch_pidfd(fixture->maze, load.pidfd, 0, &tree, TAG, NULL), 0);
	assert_int_equal(maze_unwatch(fixture->maze, load.pid, 0, NULL), 0);
	assert_int_equal(next_record(fixture, ENDS).event, MAZE_EVENT_UNWATCH);
	end_load(&load);
	if (!make_test_cgroup(&cgroup))
		return count_left(fixture);
	watch_test_cgroup(fixture, &cgroup, &policy);
	assert_int_equal(
		maze_release_group(fixture->maze, MAZE_SCOPE_CGROUP, cgroup.fd, TAG, ~0ULL, NULL),
		0);
	assert_int_equal(next_record(fixture, ENDS).event, MAZE_EVENT_UNWATCH);
	remove_test_cgroup(&cgroup);
	return count_left(fixture);
}

/* The worker may need a moment after the record. */
static void assert_nothing_left(const struct fixture *fixture, const struct left *before)
{
	struct left now;
	int i;

	for (i = 0; i < WAIT_SECONDS * 1000; i++) {
		now = count_left(fixture);
		if (now.fds == before->fds && now.timers == before->timers &&
		    now.groups == before->groups)
			return;
		usleep(1000);
	}
	fail_msg("left: %d descriptors, %d timers, %zu groups, where %d, %d, %zu were before",
		 now.fds, now.timers, now.groups, before->fds, before->timers, before->groups);
}

static size_t members_of_the_group(struct maze *maze)
{
	struct maze_group *groups = NULL;
	size_t count = 0, members;

	assert_int_equal(maze_list_groups(maze, &groups, &count, NULL), 0);
	members = count == 1 ? groups[0].members : 0;
	free(groups);
	return members;
}

static void assert_end(const struct maze_record *record, enum maze_event event,
		       enum maze_policy_scope scope, pid_t pid)
{
	assert_int_equal(record->event, event);
	assert_int_equal(maze_record_scope(record), scope);
	assert_int_equal(record->pid, pid);
	assert_int_equal(record->tag, TAG);
}

/* ---- a process ------------------------------------------------------------------------ */

static void the_end_of_a_process_is_the_end_of_its_groups(void **state)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy process = group_policy(MAZE_SCOPE_PROCESS, 50, FAR_NS, 0);
	struct maze_policy tree = group_policy(MAZE_SCOPE_TREE, 50, FAR_NS, 0);
	struct left before = count_before(fixture);
	struct load load = start_load("group_load --threads 3 --for-ms 50");
	struct maze_record first, second;

	assert_int_equal(maze_watch_pidfd(fixture->maze, load.pidfd, 0, &process, TAG, NULL), 0);
	assert_int_equal(maze_watch_pidfd(fixture->maze, load.pidfd, 0, &tree, TAG, NULL), 0);
	assert_int_equal(count_groups(fixture->maze), 2);
	let_go(&load);
	first = next_record(fixture, ENDS);
	second = next_record(fixture, ENDS);
	assert_int_equal(maze_record_scope(&first) + maze_record_scope(&second),
			 MAZE_SCOPE_PROCESS + MAZE_SCOPE_TREE);
	assert_end(&first, MAZE_EVENT_EXIT, (enum maze_policy_scope)maze_record_scope(&first),
		   load.pid);
	assert_end(&second, MAZE_EVENT_EXIT, (enum maze_policy_scope)maze_record_scope(&second),
		   load.pid);
	end_load(&load);
	assert_nothing_left(fixture, &before);
}

static void unwatch_in_the_middle_leaves_nothing(void **state)
{
	struct fixture *fixture = engine_or_skip(state);
	struct left before = count_before(fixture);
	enum maze_policy_scope scope;
	struct maze_policy policy;
	struct maze_record record;
	struct load load;

	for (scope = MAZE_SCOPE_PROCESS; scope <= MAZE_SCOPE_TREE; scope++) {
		policy = group_policy(scope, 1, 30 * MS, 0);
		load = start_watched(
			fixture, "group_load --children 200 --rest-ms 0 --for-ms 600000", &policy);
		record = next_record(fixture, VERDICTS | ENDS);
		judge_verdict(&load, &policy, &record);
		assert_int_equal(
			maze_release_group(fixture->maze, scope, load.pidfd, TAG, ~0ULL, NULL), 0);
		record = next_record(fixture, ENDS);
		assert_end(&record, MAZE_EVENT_UNWATCH, scope, load.pid);
		assert_true(record.count_ns > 0);
		assert_int_equal(
			maze_release_group(fixture->maze, scope, load.pidfd, TAG, ~0ULL, NULL),
			-ENOENT);
		/* The load works on, without a group. */
		assert_nothing_left(fixture, &(struct left){ before.fds + 2, before.timers, 0 });
		end_load(&load);
		assert_nothing_left(fixture, &before);
	}
}

/* As clone(2) with a PID; only root may choose one. */
static pid_t fork_with_pid(pid_t pid)
{
	struct clone_args args = { .set_tid = (maze_u64)(uintptr_t)&pid,
				   .set_tid_size = 1,
				   .exit_signal = SIGCHLD };

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void use_cpu(maze_u64 ns)
{
	while (clock_now(CLOCK_PROCESS_CPUTIME_ID) < ns)
		;
}

#define REUSES 20

/* The later process uses more than the limit at once, also before the end is noticed. */
static void a_process_with_the_same_pid_is_not_the_group(void **state)
{
	struct fixture *fixture = engine_or_skip(state);
	struct left before = count_before(fixture);
	enum maze_policy_scope scope;
	struct maze_policy policy;
	struct maze_record record;
	struct load load;
	pid_t pid, again;
	int i;

	if (geteuid() != 0)
		skip_because("only root can choose a PID");
	for (i = 0; i < REUSES; i++) {
		scope = i % 2 ? MAZE_SCOPE_PROCESS : MAZE_SCOPE_TREE;
		policy = group_policy(scope, 1, 10 * MS, 0);
		load = start_load("respawn");
		pid = load.pid;
		assert_int_equal(maze_watch_pidfd(fixture->maze, load.pidfd, 0, &policy, TAG, NULL),
				 0);
		end_load(&load);
		again = fork_with_pid(pid);
		if (!again) {
			use_cpu(30 * MS);
			_exit(0);
		}
		if (again < 0 && errno == EEXIST) {
			/* Another process was faster. The next round must not read this record. */
			next_record(fixture, ENDS);
			continue;
		}
		assert_int_equal(again, pid);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		record = next_record(fixture, VERDICTS | ENDS);
		/* On a crowded machine the first process can use that much before its end. */
		if (record.event == MAZE_EVENT_SOFT)
			record = next_record(fixture, ENDS);
		assert_end(&record, MAZE_EVENT_EXIT, scope, pid);
		assert_true(record.count_ns <= load.used_ns + 2 * MAZE_NSEC_PER_USEC);
	}
	assert_nothing_left(fixture, &before);
}

/* ---- a tree --------------------------------------------------------------------------- */

static volatile int *shared; /* 1: the root ends; the child spins */

static pid_t start_root(int *ret_ends)
{
	int ends[2];
	char byte;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_true(shared != MAP_FAILED);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* Both end with the test: the child reads the end of the pipe. */
		alarm(LIFE_SECONDS);
		close(ends[1]);
		if (fork()) {
			while (!*shared)
				usleep(1000);
			_exit(0);
		}
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
		alarm(LIFE_SECONDS);
		while (read(ends[0], &byte, 1) < 0)
			if (!*shared)
				usleep(1000);
		_exit(0);
	}
	close(ends[0]);
	*ret_ends = ends[1];
	return pid;
}

static void a_tree_goes_on_after_its_root_has_ended(void **state)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = group_policy(MAZE_SCOPE_TREE, 1, 150 * MS, 0);
	struct left before = count_before(fixture);
	struct maze_record record;
	pid_t root, child;
	int end, i, members;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	root = start_root(&end);
	assert_int_equal(maze_watch(fixture->maze, root, 0, &policy, TAG, NULL), 0);
	for (i = 0; members_of_the_group(fixture->maze) != 2 && i < WAIT_SECONDS * 1000; i++)
		usleep(1000);
	*shared = 1;
	assert_int_equal(waitpid(root, NULL, 0), root);
	for (i = 0; members_of_the_group(fixture->maze) != 1 && i < WAIT_SECONDS * 1000; i++)
		usleep(1000);
	record = next_record(fixture, VERDICTS | ENDS);
	assert_int_equal(record.event, MAZE_EVENT_SOFT);
	assert_int_equal(record.pid, root);
	members = (int)members_of_the_group(fixture->maze);
	close(end);
	record = next_record(fixture, ENDS);
	assert_end(&record, MAZE_EVENT_EXIT, MAZE_SCOPE_TREE, root);
	maze_service(fixture->maze);
	child = waitpid(-1, NULL, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	munmap((void *)(uintptr_t)shared, sizeof(*shared));
	assert_int_equal(members, 1);
	assert_true(child > 0);
	assert_nothing_left(fixture, &before);
}

/* ---- a control group ------------------------------------------------------------------- */

/* Its processes end before it is removed, as those of a service do. */
static void remove_after(void **state, const char *words, maze_u32 share)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = group_policy(MAZE_SCOPE_CGROUP, share, FAR_NS, 0);
	struct left before = count_before(fixture);
	struct test_cgroup cgroup;
	struct maze_record record;
	struct load load;
	maze_u64 id;
	int i;

	if (!make_test_cgroup(&cgroup))
		skip_because("no control group of version 2 can be made");
	id = cgroup_id(cgroup.fd);
	load = start_load(words);
	watch_test_cgroup(fixture, &cgroup, &policy);
	enter_test_cgroup(&cgroup, load.pid);
	let_go(&load);
	wait_for_account(&load, LLONG_MAX);
	end_load(&load);
	/* The event that it is empty is late, and would notice the removal too. */
	for (i = 0; i < 100 || (members_of_the_group(fixture->maze) && i < WAIT_SECONDS * 1000);
	     i++)
		usleep(1000);
	/* A process may enter it again. */
	assert_int_equal(count_groups(fixture->maze), 1);
	remove_test_cgroup(&cgroup);
	record = next_record(fixture, VERDICTS | ENDS);
	assert_end(&record, MAZE_EVENT_EXIT, MAZE_SCOPE_CGROUP, 0);
	assert_int_equal(record.cgroup_id, id);
	assert_nothing_left(fixture, &before);
}

static void a_removed_control_group_at_rest_has_an_exit(void **state)
{
	remove_after(state, "respawn --for-ms 0", 90);
}

/* Its level falls to 0 after seconds. */
static void a_removed_control_group_with_a_level_has_an_exit(void **state)
{
	remove_after(state, "respawn --child-us 50000 --for-ms 50", 1);
}

static void a_released_control_group_leaves_nothing(void **state)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = group_policy(MAZE_SCOPE_CGROUP, 50, FAR_NS, 0);
	struct left before = count_before(fixture);
	struct test_cgroup cgroup;
	struct maze_record record;
	struct load load;

	if (!make_test_cgroup(&cgroup))
		skip_because("no control group of version 2 can be made");
	load = start_load("group_load --children 200 --rest-ms 0 --for-ms 600000");
	enter_test_cgroup(&cgroup, load.pid);
	watch_test_cgroup(fixture, &cgroup, &policy);
	/* The same again keeps the group. */
	watch_test_cgroup(fixture, &cgroup, &policy);
	assert_int_equal(count_groups(fixture->maze), 1);
	let_go(&load);
	assert_int_equal(maze_release_group(fixture->maze, MAZE_SCOPE_CGROUP, cgroup.fd, TAG + 1,
					    ~0ULL, NULL),
			 -ENOENT);
	assert_int_equal(
		maze_release_group(fixture->maze, MAZE_SCOPE_CGROUP, cgroup.fd, TAG, ~0ULL, NULL),
		0);
	record = next_record(fixture, VERDICTS | ENDS);
	assert_end(&record, MAZE_EVENT_UNWATCH, MAZE_SCOPE_CGROUP, 0);
	end_load(&load);
	remove_test_cgroup(&cgroup);
	assert_nothing_left(fixture, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_EACH_ENGINE(the_end_of_a_process_is_the_end_of_its_groups),
		WITH_EACH_ENGINE(unwatch_in_the_middle_leaves_nothing),
		WITH_EACH_ENGINE(a_process_with_the_same_pid_is_not_the_group),
		WITH_EACH_ENGINE(a_tree_goes_on_after_its_root_has_ended),
		WITH_EACH_ENGINE(a_removed_control_group_at_rest_has_an_exit),
		WITH_EACH_ENGINE(a_removed_control_group_with_a_level_has_an_exit),
		WITH_EACH_ENGINE(a_released_control_group_leaves_nothing),
	};

	return cmocka_run_group_tests_name("group ends", tests, NULL, NULL);
}
