/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups, as a program that uses libmaze sees them: which verdicts come, and that none is
 * early by the account of the group. Each test runs with each engine. `make check` runs
 * them as root and as a plain user.
 */
#include "group_case.h"
#include "engine/bpf/children_time.h"

/* A share that a group gets on any machine, and a level that it soon reaches. */
#define SHARE 1
#define LEVEL_NS (60 * MS)

/* The policy of a thread with the same limit. */
static struct maze_policy thread_policy(void)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = LEVEL_NS;
	policy.hard_ns = 0;
	policy.soft_signal = 0;
	return policy;
}

/* No thread of it uses the limit without a sleep, so the first verdict is that of the group. */
static void catch_as(void **state, const char *words, enum maze_policy_scope scope,
		     const char *comm)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = group_policy(scope, SHARE, LEVEL_NS, 0);
	struct maze_policy of_thread = thread_policy();
	struct load load = start_load(words);
	struct maze_record record;

	assert_int_equal(maze_watch_pidfd(fixture->maze, load.pidfd, 0, &of_thread, TAG, NULL), 0);
	assert_int_equal(maze_watch_pidfd(fixture->maze, load.pidfd, 0, &policy, TAG, NULL), 0);
	assert_int_equal(count_groups(fixture->maze), 1);
	let_go(&load);
	/* Its threads and children are watched too, and end. */
	record = next_record(fixture, VERDICTS);
	judge_verdict(&load, &policy, &record);
	assert_int_equal(record.event, MAZE_EVENT_SOFT);
	assert_string_equal(record.comm, comm);
	assert_int_equal(record.flags & MAZE_RECORD_SENT, 0);
	end_load(&load);
}

static void two_threads_that_share_a_cpu_are_caught_as_a_process(void **state)
{
	catch_as(state, "handoff --for-ms 600000", MAZE_SCOPE_PROCESS, "handoff");
}

static void a_supervisor_and_its_children_are_caught_as_a_tree(void **state)
{
	catch_as(state, "respawn --for-ms 600000", MAZE_SCOPE_TREE, "respawn");
}

/* The process itself uses next to nothing. */
static void children_do_not_count_for_the_process(void **state)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = group_policy(MAZE_SCOPE_PROCESS, SHARE, LEVEL_NS, 0);
	struct load load = start_watched(fixture, "respawn --child-us 20000 --for-ms 300", &policy);
	struct maze_record record = next_record(fixture, VERDICTS | 1U << MAZE_EVENT_EXIT);

	if (record.event != MAZE_EVENT_EXIT)
		judge_verdict(&load, &policy, &record);
	end_load(&load);
}

static int kill_at(void **state, enum maze_policy_scope scope, const char *words,
		   struct maze_record *ret_record)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = group_policy(scope, SHARE, LEVEL_NS, 2 * LEVEL_NS);
	struct load load;
	int status;

	policy.hard_signal = SIGKILL;
	load = start_watched(fixture, words, &policy);
	*ret_record = next_record(fixture, 1U << MAZE_EVENT_HARD | ENDS);
	judge_verdict(&load, &policy, ret_record);
	wait_for_account(&load, LLONG_MAX);
	next_record(fixture, 1U << MAZE_EVENT_EXIT);
	assert_int_equal(count_groups(fixture->maze), 0);
	status = end_load(&load);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void the_hard_signal_ends_a_process(void **state)
{
	struct maze_record record;

	assert_int_equal(kill_at(state, MAZE_SCOPE_PROCESS, "handoff --for-ms 600000", &record),
			 SIGKILL);
	assert_int_equal(record.signal, SIGKILL);
	assert_true(record.flags & MAZE_RECORD_SENT && record.flags & MAZE_RECORD_FATAL);
}

static void kill_ends_a_tree(void **state)
{
	struct maze_record record;

	assert_int_equal(
		kill_at(state, MAZE_SCOPE_TREE,
			"group_load --threads 2 --children 100 --rest-ms 0 --for-ms 600000",
			&record),
		SIGKILL);
	assert_true(record.flags & MAZE_RECORD_SENT && record.flags & MAZE_RECORD_FATAL);
}

/* By its account; on an idle machine it has no verdict. */
static void a_healthy_program_below_the_share_is_spared(void **state)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = group_policy(MAZE_SCOPE_PROCESS, 90, 20 * MS, 0);
	struct load load = start_watched(fixture, "group_load --percent 80 --for-ms 1000", &policy);
	struct maze_record record;

	do {
		record = next_record(fixture, VERDICTS | ENDS);
		if (record.event == MAZE_EVENT_SOFT)
			judge_verdict(&load, &policy, &record);
	} while (record.event == MAZE_EVENT_SOFT);
	assert_int_equal(record.event, MAZE_EVENT_EXIT);
	end_load(&load);
}

#define LOADS 4

/* Returns how many verdicts there were, until the program ends or a hard verdict came. */
static int judge_load(struct fixture *fixture, const char *words, const struct maze_policy *policy,
		      bool until_hard)
{
	struct load load = start_watched(fixture, words, policy);
	struct maze_record record;
	int verdicts = 0;

	do {
		record = next_record(fixture, VERDICTS | ENDS);
		if (!(1U << record.event & VERDICTS))
			break;
		judge_verdict(&load, policy, &record);
		verdicts++;
	} while (!until_hard || record.event != MAZE_EVENT_HARD);
	end_load(&load);
	if (until_hard)
		record = next_record(fixture, ENDS);
	assert_int_equal(record.event, MAZE_EVENT_EXIT);
	return verdicts;
}

static void no_verdict_of_a_load_is_early(void **state, enum maze_policy_scope scope,
					  const char *format)
{
	struct fixture *fixture = engine_or_skip(state);
	static const maze_u32 shares[] = { 1, 30, 60, 90 };
	struct maze_policy policy;
	char words[128];
	int i, verdicts;

	for (i = 0; i < LOADS; i++) {
		policy = group_policy(scope, shares[i], 60 * MS, 130 * MS);
		/* The level of the first is its CPU time, so it has both verdicts at last. */
		if (!i)
			policy.share = 1;
		snprintf(words, sizeof(words), format, i ? 300 : 600000, 1 + 16 * i, i);
		verdicts = judge_load(fixture, words, &policy, !i);
		assert_true(i || verdicts == 2);
	}
}

static void no_verdict_of_many_threads_is_early(void **state)
{
	no_verdict_of_a_load_is_early(
		state, MAZE_SCOPE_PROCESS,
		"group_load --for-ms %d --threads %d --seed %d --work-ms 150");
}

static void no_verdict_of_many_children_is_early(void **state)
{
	no_verdict_of_a_load_is_early(
		state, MAZE_SCOPE_TREE,
		"group_load --for-ms %d --children 200 --threads %d --seed %d --work-ms 150");
}

/* ---- no CPU time is lost or gained ------------------------------------------------------ */

/* The level falls by 15 us a second, so it is the CPU time since the watch began. */
static struct maze_policy counting_policy(enum maze_policy_scope scope)
{
	struct maze_policy policy = group_policy(scope, 1, 3600 * MAZE_NSEC_PER_SEC, 0);

	policy.share = 1;
	return policy;
}

/*
 * The bound: user and system time of ended children are each rounded to a clock tick in
 * /proc, for the first process, which is their only parent that is left at the end. What it
 * used before the watch is not counted, the level falls, and of the rest less than 1 ms is
 * lost.
 */
static void count_all(void **state, enum maze_policy_scope scope, const char *words)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = counting_policy(scope);
	maze_u64 bound_ns, begun_ns = clock_now(CLOCK_MONOTONIC);
	struct load load = start_watched(fixture, words, &policy);
	struct maze_record record = next_record(fixture, VERDICTS | ENDS);

	assert_int_equal(record.event, MAZE_EVENT_EXIT);
	end_load(&load);
	bound_ns = load.before_ns + MS;
	if (scope == MAZE_SCOPE_TREE)
		bound_ns += 2 * MAZE_NSEC_PER_SEC / (maze_u64)sysconf(_SC_CLK_TCK);
	bound_ns += (clock_now(CLOCK_MONOTONIC) - begun_ns) / MAZE_SHARE_ONE;
	if (record.count_ns > load.used_ns + 2 * MAZE_NSEC_PER_USEC)
		fail_msg("%s: gained: counted %llu of %llu ns", words, record.count_ns,
			 load.used_ns);
	if (record.count_ns + bound_ns < load.used_ns)
		fail_msg("%s: lost: counted %llu of %llu ns", words, record.count_ns, load.used_ns);
}

static void all_time_of_threads_that_end_is_counted(void **state)
{
	count_all(state, MAZE_SCOPE_PROCESS, "group_load --threads 20 --seed 3 --for-ms 300");
}

static void all_time_of_members_that_come_and_go_is_counted(void **state)
{
	char words[64];
	int seed;

	for (seed = 1; seed <= 5; seed++) {
		snprintf(words, sizeof(words), "family --members 60 --seed %d", seed);
		count_all(state, MAZE_SCOPE_TREE, words);
	}
	count_all(state, MAZE_SCOPE_TREE, "group_load --threads 2 --children 40 --for-ms 300");
}

/* What is known of the CPU time of children that ended: at least, and at most. */
struct bounds {
	maze_u64 least_ns, most_ns;
};

/*
 * Ends and is waited for after `ms` of CPU time. At least: by its own clock, the last thing
 * that it looks at. At most: by its struct rusage, which wait4() reads after the kernel has
 * added the child's time to its parent's. In between it may still run on its way out, so this
 * number is not what was added; and user and system time are each rounded down to 1 us.
 */
static void run_child(int ms, volatile maze_u64 *own_ns, struct bounds *bounds)
{
	struct rusage use;
	pid_t pid = fork();

	if (!pid) {
		while ((*own_ns = clock_now(CLOCK_PROCESS_CPUTIME_ID)) < (maze_u64)ms * MS)
			;
		_exit(0);
	}
	assert_int_equal(wait4(pid, NULL, 0, &use), pid);
	bounds->least_ns += *own_ns;
	bounds->most_ns +=
		(maze_u64)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * MAZE_NSEC_PER_SEC +
		(maze_u64)(use.ru_utime.tv_usec + use.ru_stime.tv_usec + 2) * MAZE_NSEC_PER_USEC;
}

static void the_time_of_ended_children_is_exact(void **state)
{
	struct children_time_bpf *object;
	maze_u64 before_ns, after_ns, *own_ns;
	struct bounds bounds = { 0 };
	int ms, err = bpf_children_open(&object);

	(void)state;
	if (err)
		skip_because("no BPF program can be loaded");
	err = bpf_children_read(object, getpid(), &before_ns);
	if (err == -EOPNOTSUPP) {
		bpf_children_close(object);
		skip_because("this kernel is older than 6.1");
	}
	assert_int_equal(err, 0);
	own_ns = mmap(NULL, sizeof(*own_ns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(own_ns, MAP_FAILED);
	for (ms = 0; ms < 10; ms++)
		run_child(ms, own_ns, &bounds);
	munmap(own_ns, sizeof(*own_ns));
	assert_int_equal(bpf_children_read(object, getpid(), &after_ns), 0);
	if (after_ns - before_ns < bounds.least_ns || after_ns - before_ns > bounds.most_ns)
		fail_msg("%llu ns of at least %llu and at most %llu", after_ns - before_ns,
			 bounds.least_ns, bounds.most_ns);
	assert_int_equal(bpf_children_read(object, INT_MAX, &after_ns), -ESRCH);
	bpf_children_close(object);
}

/* ---- control groups ------------------------------------------------------------------- */

static void a_control_group_is_caught(void **state)
{
	struct fixture *fixture = engine_or_skip(state);
	struct maze_policy policy = group_policy(MAZE_SCOPE_CGROUP, SHARE, LEVEL_NS, 0);
	struct test_cgroup cgroup;
	struct maze_record record;
	struct load load;

	if (!make_test_cgroup(&cgroup))
		skip_because("no control group of version 2 can be made");
	load = start_load("respawn --for-ms 600000");
	enter_test_cgroup(&cgroup, load.pid);
	watch_test_cgroup(fixture, &cgroup, &policy);
	let_go(&load);
	record = next_record(fixture, VERDICTS | ENDS);
	judge_verdict(&load, &policy, &record);
	assert_int_equal(record.event, MAZE_EVENT_SOFT);
	assert_int_equal(record.cgroup_id, cgroup_id(cgroup.fd));
	assert_string_equal(record.comm, "maze-test-group");
	end_load(&load);
	remove_test_cgroup(&cgroup);
	record = next_record(fixture, VERDICTS | ENDS);
	assert_int_equal(record.event, MAZE_EVENT_EXIT);
	assert_int_equal(maze_record_scope(&record), MAZE_SCOPE_CGROUP);
	assert_int_equal(count_groups(fixture->maze), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_EACH_ENGINE(two_threads_that_share_a_cpu_are_caught_as_a_process),
		WITH_EACH_ENGINE(a_supervisor_and_its_children_are_caught_as_a_tree),
		WITH_EACH_ENGINE(children_do_not_count_for_the_process),
		WITH_EACH_ENGINE(the_hard_signal_ends_a_process),
		WITH_EACH_ENGINE(kill_ends_a_tree),
		WITH_EACH_ENGINE(a_healthy_program_below_the_share_is_spared),
		WITH_EACH_ENGINE(no_verdict_of_many_threads_is_early),
		WITH_EACH_ENGINE(no_verdict_of_many_children_is_early),
		WITH_EACH_ENGINE(all_time_of_threads_that_end_is_counted),
		WITH_EACH_ENGINE(all_time_of_members_that_come_and_go_is_counted),
		cmocka_unit_test(the_time_of_ended_children_is_exact),
		WITH_EACH_ENGINE(a_control_group_is_caught),
	};

	return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
