/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buckets of core/streaks.h, and which streaks core/step.h reports. With the name of an
 * engine as argument, as in a virtual machine with the module: the streaks that it keeps.
 */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "asleep.h"
#include "base/clock.h"
#include "bounds.h"
#include "core/step.h"
#include "core/streaks.h"
#include "lib/maze.h"
#include "random.h"

#define MS MAZE_NSEC_PER_MSEC

static void buckets_follow_each_other_and_are_narrow(void **state)
{
	maze_u64 from, to;
	maze_u32 bucket;

	(void)state;
	for (bucket = 0; bucket < MAZE_STREAK_BUCKETS; bucket++) {
		from = maze_streak_bucket_ns(bucket);
		to = maze_streak_bucket_ns(bucket + 1);
		assert_true(from < to);
		assert_int_equal(maze_streak_bucket(from), bucket);
		assert_int_equal(maze_streak_bucket(to - 1), bucket);
		if (bucket)
			assert_true((to - from) * 8 <= from);
	}
	assert_int_equal(maze_streak_bucket_ns(1), 1152);
	assert_int_equal(maze_streak_bucket_ns(MAZE_STREAK_BUCKETS),
			 1ULL << MAZE_STREAK_END_OCTAVE);
	assert_int_equal(maze_streak_bucket(~0ULL), MAZE_STREAK_BUCKETS - 1);
	assert_int_equal(maze_streak_bucket(0), 0);
}

static void every_length_is_in_its_bucket(void **state)
{
	maze_u64 ns;
	maze_u32 bucket;
	int i;

	(void)state;
	random_state = 20080513;
	for (i = 0; i < 100000; i++) {
		ns = roll(1ULL << (1 + roll(MAZE_STREAK_END_OCTAVE)));
		bucket = maze_streak_bucket(ns);
		assert_true(maze_streak_bucket_ns(bucket) <= ns);
		assert_true(ns < maze_streak_bucket_ns(bucket + 1));
	}
}

static struct maze_policy policy;
static struct maze_account account;

static struct maze_verdict step(maze_u64 runtime_ns, enum maze_act act, maze_u64 asleep_ns)
{
	struct maze_sample sample = { .runtime_ns = runtime_ns,
				      .act = act,
				      .asleep_ns = asleep_ns };

	return maze_step(&policy, &account, &sample);
}

static int set_up(void **state)
{
	(void)state;
	policy =
		(struct maze_policy){ .recovery = MAZE_RECOVERY_INF, .flags = MAZE_POLICY_OBSERVE };
	account = (struct maze_account){ 0 };
	step(1000 * MS, MAZE_RUNS, 0);
	return 0;
}

static void a_policy_that_observes_needs_no_limit(void **state)
{
	(void)state;
	assert_int_equal(maze_policy_check(&policy), MAZE_POLICY_OK);
	assert_int_equal(step(9000 * MS, MAZE_RUNS, 0).next_ns, 0);
	policy.flags = 0;
	assert_int_equal(maze_policy_check(&policy), MAZE_POLICY_NO_STAGE);
	policy.flags = MAZE_POLICY_OBSERVE | MAZE_SCOPE_TREE << MAZE_POLICY_SCOPE_SHIFT;
	policy.share = MAZE_SHARE_ONE;
	assert_int_equal(maze_policy_check(&policy), MAZE_POLICY_UNKNOWN_FLAG);
}

static void a_sleep_ends_the_streak_since_the_last_one(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	assert_int_equal(step(1003 * MS, MAZE_RUNS, 0).ended, 0);
	verdict = step(1005 * MS, MAZE_SLEEPS, 0);
	assert_int_equal(verdict.ended, 1);
	assert_int_equal(verdict.streak_ns, 5 * MS);
	assert_int_equal(verdict.spent_ns, 5 * MS);
	verdict = step(1007 * MS, MAZE_YIELDS, 0);
	assert_int_equal(verdict.streak_ns, 2 * MS);
}

/* The count falls from 10 ms to 4 ms and rises to 7 ms: no limit above 10 ms was reached. */
static void with_recovery_the_highest_count_is_the_streak(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	policy.recovery = MAZE_RECOVERY_ONE;
	assert_int_equal(step(1010 * MS, MAZE_LOCKS, 0).ended, 0);
	assert_int_equal(step(1010 * MS, MAZE_WAKES, 6 * MS).ended, 0);
	step(1013 * MS, MAZE_LOCKS, 0);
	assert_int_equal(maze_streak(&account), 10 * MS);
	verdict = step(1013 * MS, MAZE_WAKES, 7 * MS);
	assert_int_equal(verdict.ended, 1);
	assert_int_equal(verdict.streak_ns, 10 * MS);
	assert_int_equal(verdict.spent_ns, 13 * MS);
	/* The next episode does not have that peak. */
	step(1014 * MS, MAZE_LOCKS, 0);
	assert_int_equal(step(1014 * MS, MAZE_WAKES, 7 * MS).streak_ns, 1 * MS);
}

/* Two yields between two samples end two streaks; the sample ends only the rest. */
static void each_yield_without_a_sample_ends_a_streak(void **state)
{
	struct maze_sample sample = { .runtime_ns = 1020 * MS, .act = MAZE_SLEEPS };
	struct maze_verdict verdict;

	(void)state;
	step(1004 * MS, MAZE_RUNS, 0);
	assert_int_equal(maze_yield_streak(&account, 0, 1005 * MS), 5 * MS);
	assert_int_equal(maze_yield_streak(&account, 1005 * MS, 1017 * MS), 12 * MS);
	sample.yield_ns = 1017 * MS;
	verdict = maze_step(&policy, &account, &sample);
	assert_int_equal(verdict.streak_ns, 3 * MS);
	assert_int_equal(verdict.spent_ns, 20 * MS);
}

/* ---- the streaks that an engine keeps ---- */

#define ROUNDS 20
#define WORK_NS (5 * MS)
#define TAG 0x7301

static const char *engine_name;
static struct maze *engine;

static int open_engine(void **state)
{
	struct maze_error error = { "" };

	(void)state;
	if (!maze_open(engine_name, MAZE_PRIVATE, &engine, &error))
		return 0;
	fprintf(stderr, "%s\n", error.text);
	return -1;
}

static int close_engine(void **state)
{
	(void)state;
	maze_close(engine);
	return 0;
}

static long times_slept(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

/* A round in which it has slept, perhaps for a page fault, does not count. */
static void work(void (*pause)(void))
{
	maze_u64 until_ns;
	int done = 0;
	long slept;

	while (done < ROUNDS) {
		slept = times_slept();
		until_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) + WORK_NS;
		while (now_ns(CLOCK_THREAD_CPUTIME_ID) < until_ns)
			;
		done += times_slept() == slept;
		pause();
	}
}

/* On a slow machine, a sleep may be over before the thread leaves the CPU. */
static void pause_by_sleep(void)
{
	long slept = times_slept();

	while (times_slept() == slept)
		usleep(1000);
}

static void pause_by_yield(void)
{
	sched_yield();
}

static void work_and_sleep(void)
{
	work(pause_by_sleep);
}

static void work_and_yield(void)
{
	work(pause_by_yield);
}

static void spin(void)
{
	for (;;)
		;
}

/* A child works as another program, and this program only waits. */
static void start_copy(void)
{
	int program = open("/proc/self/exe", O_RDONLY), copy = memfd_create("copy", MFD_CLOEXEC);
	char *argv[] = { "copy", "--work", NULL }, *envp[] = { NULL };

	while (sendfile(copy, program, NULL, 1 << 20) > 0)
		;
	if (!fork()) {
		bound_child();
		fexecve(copy, argv, envp);
	}
	wait(NULL);
}

/* Observes a child from the begin of its work. */
static pid_t observe(void (*run)(void))
{
	struct maze_policy observed = { .recovery = MAZE_RECOVERY_INF,
					.flags = MAZE_POLICY_OBSERVE | MAZE_POLICY_INHERIT |
						 MAZE_POLICY_QUIET };
	int go[2], pidfd;
	char byte;
	pid_t child;

	assert_int_equal(pipe(go), 0);
	child = fork();
	if (!child) {
		bound_child();
		if (read(go[0], &byte, 1) == 1)
			run();
		_exit(0);
	}
	/* Otherwise that sleep ends a streak, which after a pause is as long as one of work. */
	wait_until(is_asleep_in(child, child, SYS_read));
	pidfd = pidfd_open(child, 0);
	assert_int_equal(maze_claim(engine, pidfd, 0, &observed, TAG, ~0ULL, NULL), 0);
	assert_int_equal(write(go[1], "", 1), 1);
	close(pidfd);
	close(go[0]);
	close(go[1]);
	return child;
}

static size_t streaks_of(const char *program, struct maze_streaks *ret_class)
{
	struct maze_streaks *classes;
	size_t count, i, found = 0;

	assert_int_equal(maze_list_streaks(engine, &classes, &count, NULL), 0);
	for (i = 0; i < count; i++)
		if (classes[i].tag == TAG && !strcmp(classes[i].program, program)) {
			*ret_class = classes[i];
			found++;
		}
	free(classes);
	return found;
}

static maze_u64 streaks_of_at_least(const struct maze_streaks *class, maze_u64 ns)
{
	maze_u64 sum = 0;
	maze_u32 i;

	for (i = maze_streak_bucket(ns); i < MAZE_STREAK_BUCKETS; i++)
		sum += class->buckets[i];
	return sum;
}

/*
 * All rounds, each in a streak of its own. On a slow machine, a further one, as that of the
 * begin, can be as long.
 */
static void check_rounds(const struct maze_streaks *class)
{
	assert_in_range(streaks_of_at_least(class, WORK_NS), ROUNDS, class->streaks);
	assert_true(class->longest_ns >= WORK_NS && class->longest_seen_ns == class->longest_ns);
	assert_true(class->cpu_ns >= ROUNDS * WORK_NS);
	assert_true(class->longest_at_ns && class->longest_at_ns <= now_ns(CLOCK_BOOTTIME));
	/* Others are those of a page fault or of the end. */
	assert_true(class->streaks < ROUNDS + ROUNDS / 2);
}

/* Another test has left nothing, because its watches ended with their streaks. */
static int forget(void **state)
{
	struct maze_streaks class;

	(void)state;
	assert_int_equal(maze_release_all(engine, TAG, ~0ULL, NULL), 0);
	return streaks_of("test_streaks", &class) ? -1 : 0;
}

static void each_sleep_ends_a_streak(void **state)
{
	pid_t child = observe(work_and_sleep);
	struct maze_streaks class;

	(void)state;
	waitpid(child, NULL, 0);
	assert_int_equal(streaks_of("test_streaks", &class), 1);
	check_rounds(&class);
	assert_int_equal(class.processes, 1);
	assert_int_equal(class.pid, child);
	assert_true(class.longest_pid == (maze_u32)child && class.longest_tid == (maze_u32)child);
	assert_string_equal(class.longest_comm, "test_streaks");
	assert_int_equal(class.running_pid, 0);
}

/* With nothing else to run there is no switch. */
static void each_yield_ends_a_streak(void **state)
{
	pid_t child = observe(work_and_yield);
	struct maze_streaks class;

	(void)state;
	waitpid(child, NULL, 0);
	assert_int_equal(streaks_of("test_streaks", &class), 1);
	check_rounds(&class);
}

static void yield_forever(void)
{
	for (;;)
		sched_yield();
}

/* As real-time tasks of one CPU, both children switch at each yield. */
static void a_yield_to_another_task_ends_one_streak(void **state)
{
	struct sched_param real_time = { .sched_priority = 1 }, normal = { 0 };
	struct maze_streaks class;
	pid_t other, child;
	cpu_set_t one, all;

	(void)state;
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	assert_int_equal(sched_setscheduler(0, SCHED_FIFO, &real_time), 0);
	other = fork();
	if (!other) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		yield_forever();
	}
	child = observe(work_and_yield);
	sched_setaffinity(0, sizeof(all), &all);
	sched_setscheduler(0, SCHED_OTHER, &normal);
	waitpid(child, NULL, 0);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	assert_int_equal(streaks_of("test_streaks", &class), 1);
	check_rounds(&class);
}

static void a_child_has_the_class_of_the_program_that_it_executes(void **state)
{
	pid_t child = observe(start_copy);
	struct maze_streaks class;

	(void)state;
	waitpid(child, NULL, 0);
	assert_int_equal(streaks_of("memfd:copy", &class), 1);
	check_rounds(&class);
	assert_int_equal(class.processes, 1);
	assert_true(class.pid != (maze_u32)child);
	assert_int_equal(streaks_of("test_streaks", &class), 1);
	assert_true(class.processes >= 1);
	assert_int_equal(class.pid, child);
}

static void a_streak_that_has_not_ended_is_listed(void **state)
{
	maze_u64 until_ns = now_ns(CLOCK_BOOTTIME) + WAIT_SECONDS * MAZE_NSEC_PER_SEC;
	pid_t child = observe(spin);
	struct maze_streaks class = { 0 };

	(void)state;
	while (class.running_ns < 50 * MS && now_ns(CLOCK_BOOTTIME) < until_ns) {
		usleep(10000);
		streaks_of("test_streaks", &class);
	}
	assert_true(class.running_ns >= 50 * MS);
	assert_int_equal(class.running_pid, child);
	assert_true(class.longest_ns < 50 * MS);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(streaks_of("test_streaks", &class), 1);
	assert_true(class.longest_ns >= 50 * MS);
	assert_int_equal(class.running_pid, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_follow_each_other_and_are_narrow),
		cmocka_unit_test(every_length_is_in_its_bucket),
		cmocka_unit_test_setup(a_policy_that_observes_needs_no_limit, set_up),
		cmocka_unit_test_setup(a_sleep_ends_the_streak_since_the_last_one, set_up),
		cmocka_unit_test_setup(with_recovery_the_highest_count_is_the_streak, set_up),
		cmocka_unit_test_setup(each_yield_without_a_sample_ends_a_streak, set_up),
	};
	const struct CMUnitTest of_engine[] = {
		cmocka_unit_test_setup(each_sleep_ends_a_streak, forget),
		cmocka_unit_test_setup(each_yield_ends_a_streak, forget),
		cmocka_unit_test_setup(a_yield_to_another_task_ends_one_streak, forget),
		cmocka_unit_test_setup(a_child_has_the_class_of_the_program_that_it_executes,
				       forget),
		cmocka_unit_test_setup(a_streak_that_has_not_ended_is_listed, forget),
	};

	if (argc < 2)
		return cmocka_run_group_tests(tests, NULL, NULL);
	engine_name = argv[1];
	if (!strcmp(engine_name, "--work")) {
		work_and_sleep();
		return 0;
	}
	return cmocka_run_group_tests(of_engine, open_engine, close_engine);
}
