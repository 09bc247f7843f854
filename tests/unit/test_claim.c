/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replacement of watches by tag and mask, quiet and owned policies, allowances of tags,
 * and a reader that continues after another one: the same for every engine that runs here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cgroup.h"
#include "bounds.h"
#include "lib/maze.h"
#include "skip.h"

#define OTHER_USER 65534
#define MASK 0xff00ULL

struct fixture {
	struct maze *maze;
	struct maze_reader *reader;
	pid_t child;
	int pidfd;
	int siblings; /* the next child has so many threads that spin, beside the first one */
};

static const char *engine_name;
/* One engine for all its tests: loading takes time. NULL: it cannot run. */
static struct maze *engine;
/* The engine is required: a failure to load it is a failure of the test. */
static bool must_run;
static char why_not[512];

static void open_engine(const char *name)
{
	struct maze_error error = { "" };

	if (engine_name && !strcmp(engine_name, name))
		return;
	maze_close(engine);
	engine = NULL;
	engine_name = name;
	if (maze_open(name, MAZE_PRIVATE, &engine, &error))
		snprintf(why_not, sizeof(why_not), "%.500s", error.text);
}

static int close_engine(void **state)
{
	(void)state;
	maze_close(engine);
	return 0;
}

/* At first the state is the name of the engine. */
static int set_up(void **state)
{
	struct fixture *fixture;

	open_engine(*state);
	*state = NULL;
	if (!engine)
		return must_run ? -1 : 0;
	fixture = calloc(1, sizeof(*fixture));
	fixture->maze = engine;
	assert_int_equal(maze_reader_open(fixture->maze, true, &fixture->reader, NULL), 0);
	fixture->child = -1;
	fixture->pidfd = -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	if (!fixture)
		return 0;
	if (fixture->child > 0) {
		kill(fixture->child, SIGKILL);
		waitpid(fixture->child, NULL, 0);
	}
	if (fixture->pidfd >= 0)
		close(fixture->pidfd);
	maze_reader_close(fixture->reader);
	free(fixture);
	return 0;
}

static struct fixture *fixture_or_skip(void **state)
{
	if (!*state)
		skip_because("%s", why_not);
	return *state;
}

static void on_warning(int signal)
{
	(void)signal;
}

static void *spin(void *arg)
{
	(void)arg;
	for (;;)
		;
	return NULL;
}

/* A child that spins, with a real, effective and saved user id. */
static void spin_as(struct fixture *fixture, uid_t real, uid_t effective)
{
	pthread_t thread;
	int ready[2], i;
	char byte;

	assert_int_equal(pipe(ready), 0);
	fixture->child = fork();
	if (!fixture->child) {
		bound_child();
		signal(SIGXCPU, on_warning);
		if ((real || effective) && setresuid(real, effective, effective))
			_exit(99);
		for (i = 0; i < fixture->siblings; i++)
			if (pthread_create(&thread, NULL, spin, NULL))
				_exit(99);
		if (write(ready[1], "", 1) != 1)
			_exit(99);
		spin(NULL);
	}
	/* Or the read would not end with the child. */
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	fixture->pidfd = pidfd_open(fixture->child, 0);
	assert_true(fixture->pidfd >= 0);
}

static struct maze_policy limits(unsigned int soft_ms, unsigned int hard_ms)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	/* This test runs no yield-probe service, for which a verdict would wait. */
	policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	policy.soft_ns = soft_ms * MAZE_NSEC_PER_MSEC;
	policy.hard_ns = hard_ms * MAZE_NSEC_PER_MSEC;
	return policy;
}

static int claim(struct fixture *fixture, const struct maze_policy *policy, maze_u64 tag,
		 maze_u64 mask)
{
	return maze_claim(fixture->maze, fixture->pidfd, 0, policy, tag, mask, NULL);
}

/* The child's entry in the list; false: it is not watched. */
static bool entry_of(struct fixture *fixture, struct maze_entry *ret_entry)
{
	struct maze_entry *entries = NULL;
	size_t count = 0, i;
	bool found = false;

	assert_int_equal(maze_list(fixture->maze, &entries, &count, NULL), 0);
	for (i = 0; i < count; i++) {
		if (entries[i].pid != (maze_u32)fixture->child)
			continue;
		*ret_entry = entries[i];
		found = true;
	}
	free(entries);
	return found;
}

/* The next record about the child with this event, or with any event for NONE. */
static bool await(struct fixture *fixture, enum maze_event event, struct maze_record *ret_record)
{
	struct pollfd fd = { .fd = maze_reader_fd(fixture->reader), .events = POLLIN };

	for (;;) {
		while (maze_reader_next(fixture->reader, ret_record) == 1)
			if (ret_record->pid == (maze_u32)fixture->child &&
			    (!event || ret_record->event == event))
				return true;
		if (poll(&fd, 1, WAIT_SECONDS * 1000) <= 0)
			return false;
	}
}

static void a_claim_keeps_a_watch_with_another_tag(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy first = limits(60000, 0), second = limits(50000, 0);
	struct maze_entry entry;

	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &first, 0x1101, 0), 0);
	assert_int_equal(claim(fixture, &second, 0x2201, MASK), -EEXIST);
	assert_true(entry_of(fixture, &entry));
	assert_true(entry.tag == 0x1101 && entry.soft_ns == first.soft_ns);
	assert_int_equal(maze_release(fixture->maze, fixture->pidfd, 0, 0x2201, MASK, NULL),
			 -ENOENT);
	assert_true(entry_of(fixture, &entry));
	/* It differs outside of the mask only. */
	assert_int_equal(claim(fixture, &second, 0x1102, MASK), 0);
	assert_true(entry_of(fixture, &entry));
	assert_true(entry.tag == 0x1102 && entry.soft_ns == second.soft_ns);
	assert_int_equal(maze_release(fixture->maze, fixture->pidfd, 0, 0x1155, MASK, NULL), 0);
	assert_false(entry_of(fixture, &entry));
}

static void a_claim_with_the_same_policy_keeps_the_count(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(100, 300);
	struct maze_record record;

	policy.soft_signal = policy.hard_signal = 0;
	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &policy, 0x1101, MASK), 0);
	assert_true(await(fixture, MAZE_EVENT_SOFT, &record));
	/*
	 * If the count had been reset, the soft verdict would come again before the hard
	 * one.
	 */
	assert_int_equal(claim(fixture, &policy, 0x1101, MASK), 0);
	do
		assert_true(await(fixture, MAZE_EVENT_NONE, &record));
	while (record.event == MAZE_EVENT_WATCH);
	assert_int_equal(record.event, MAZE_EVENT_HARD);
	assert_true(record.count_ns >= 300 * MAZE_NSEC_PER_MSEC);
}

static void all_watches_of_a_mask_can_be_released_at_once(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(60000, 0);
	struct maze_entry entry;

	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &policy, 0x1101, MASK), 0);
	assert_int_equal(maze_release_all(fixture->maze, 0x2200, MASK, NULL), 0);
	assert_true(entry_of(fixture, &entry));
	assert_int_equal(maze_release_all(fixture->maze, 0x1100, MASK, NULL), 0);
	assert_false(entry_of(fixture, &entry));
}

static void a_quiet_watch_begins_without_a_record_and_ends_with_one_after_a_verdict(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 100);
	struct maze_record record;

	policy.flags |= MAZE_POLICY_QUIET;
	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &policy, 0x1101, MASK), 0);
	assert_true(await(fixture, MAZE_EVENT_NONE, &record));
	assert_int_equal(record.event, MAZE_EVENT_SOFT);
	assert_true(await(fixture, MAZE_EVENT_NONE, &record));
	assert_int_equal(record.event, MAZE_EVENT_HARD);
	/* So that a reader of verdicts also sees the end. */
	waitpid(fixture->child, NULL, 0);
	assert_true(await(fixture, MAZE_EVENT_NONE, &record));
	assert_int_equal(record.event, MAZE_EVENT_EXIT);
	fixture->child = -1;
}

static void an_owned_watch_acts_on_its_owners_task(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 100);
	struct maze_record record;

	if (geteuid())
		skip_because("a child of another user takes root");
	policy.flags |= MAZE_POLICY_OWNED;
	policy.owner = OTHER_USER;
	spin_as(fixture, OTHER_USER, OTHER_USER);
	assert_int_equal(claim(fixture, &policy, 0x1101, MASK), 0);
	assert_true(await(fixture, MAZE_EVENT_SOFT, &record));
	assert_true(record.flags & MAZE_RECORD_SENT);
}

/* Its real user is the owner, as in a set-user-id program; that does not suffice. */
static void an_owned_watch_ends_at_a_verdict_on_another_users_task(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 100);
	struct maze_entry entry;
	struct maze_record record;

	if (geteuid())
		skip_because("a child of another user takes root");
	policy.flags |= MAZE_POLICY_OWNED;
	policy.owner = OTHER_USER;
	spin_as(fixture, OTHER_USER, OTHER_USER - 1);
	assert_int_equal(claim(fixture, &policy, 0x1101, MASK), 0);
	do
		assert_true(await(fixture, MAZE_EVENT_NONE, &record));
	while (record.event == MAZE_EVENT_WATCH);
	assert_int_equal(record.event, MAZE_EVENT_UNWATCH);
	assert_false(entry_of(fixture, &entry));
	assert_int_equal(waitpid(fixture->child, NULL, WNOHANG), 0);
}

static void a_reader_continues_after_another_one(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 100);
	struct maze_reader *next;
	struct maze_record record;
	struct maze_cursor place;
	int resumed;

	policy.soft_signal = policy.hard_signal = 0;
	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &policy, 0x1101, MASK), 0);
	assert_true(await(fixture, MAZE_EVENT_SOFT, &record));
	maze_reader_cursor(fixture->reader, &place);
	resumed = maze_reader_resume(fixture->maze, &place, &next, NULL);
	maze_reader_close(fixture->reader);
	fixture->reader = next;
	/* The poll engine ends with its process, and with it its records. */
	assert_int_equal(resumed, strcmp(engine_name, "poll") ? 0 : 1);
	if (resumed)
		return;
	assert_true(await(fixture, MAZE_EVENT_NONE, &record));
	assert_int_equal(record.event, MAZE_EVENT_HARD);
}

#define CROWD 12
/* No other test has records with it. */
#define CROWD_TAG 0x3301
#define ALLOWED 3

/* Watches a child that spins until it gets SIGKILL. */
static void watch_spinner(struct fixture *fixture, const struct maze_policy *policy, pid_t *ret_pid)
{
	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, policy, CROWD_TAG, 0), 0);
	*ret_pid = fixture->child;
	close(fixture->pidfd);
	fixture->pidfd = fixture->child = -1;
}

static void end_spinners(const pid_t *pids, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* Reads this many hard records of the tag. Returns how many of them were enforced. */
static int count_enforced(struct fixture *fixture, int records)
{
	struct pollfd fd = { .fd = maze_reader_fd(fixture->reader), .events = POLLIN };
	const maze_u32 tripped = MAZE_RECORD_TRIPPED | MAZE_RECORD_SHADOW;
	struct maze_record record;
	int enforced = 0;

	while (records) {
		if (maze_reader_next(fixture->reader, &record) != 1) {
			assert_true(poll(&fd, 1, WAIT_SECONDS * 1000) > 0);
			continue;
		}
		if (record.event != MAZE_EVENT_HARD || record.tag != CROWD_TAG)
			continue;
		records--;
		enforced += !!(record.flags & MAZE_RECORD_SENT);
		assert_int_equal(record.flags & tripped,
				 record.flags & MAZE_RECORD_SENT ? 0 : tripped);
	}
	return enforced;
}

static void of_many_at_once_only_as_many_end_as_the_allowance_has(void **state)
{
	const struct maze_allowance allowance = { .window_ns = 600 * MAZE_NSEC_PER_SEC,
						  .max = ALLOWED };
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(0, 20);
	pid_t pids[CROWD + 1];
	int enforced, i;

	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), 0);
	for (i = 0; i < CROWD; i++)
		watch_spinner(fixture, &policy, &pids[i]);
	enforced = count_enforced(fixture, CROWD);
	/* The same allowance again changes nothing. */
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), 0);
	watch_spinner(fixture, &policy, &pids[CROWD]);
	enforced += count_enforced(fixture, 1);
	end_spinners(pids, CROWD + 1);
	assert_int_equal(enforced, ALLOWED);
	/* Without it, the next one ends. */
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, NULL, NULL), 0);
	watch_spinner(fixture, &policy, &pids[0]);
	enforced = count_enforced(fixture, 1);
	end_spinners(pids, 1);
	assert_int_equal(enforced, 1);
}

/* Each thread has a verdict. */
static void the_threads_of_a_process_take_one_entry(void **state)
{
	const struct maze_allowance allowance = { .window_ns = 600 * MAZE_NSEC_PER_SEC, .max = 1 };
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(0, 50);
	struct maze_record record;
	int i;

	policy.hard_signal = 0;
	fixture->siblings = 3;
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), 0);
	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &policy, CROWD_TAG, 0), 0);
	for (i = 0; i < 4; i++) {
		assert_true(await(fixture, MAZE_EVENT_HARD, &record));
		assert_int_equal(record.flags & MAZE_RECORD_TRIPPED, 0);
	}
	close(fixture->pidfd);
	end_spinners(&fixture->child, 1);
	fixture->siblings = 0;
	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &policy, CROWD_TAG, 0), 0);
	assert_true(await(fixture, MAZE_EVENT_HARD, &record));
	assert_true(record.flags & MAZE_RECORD_TRIPPED);
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, NULL, NULL), 0);
}

struct crowd_member {
	pid_t pid;
	int pidfd;
};

static struct crowd_member spin_in(struct fixture *fixture, int cgroup)
{
	struct crowd_member member;
	char pid[16];

	spin_as(fixture, 0, 0);
	member = (struct crowd_member){ fixture->child, fixture->pidfd };
	snprintf(pid, sizeof(pid), "%d", member.pid);
	assert_int_equal(cgroup_write(cgroup, "cgroup.procs", pid), 0);
	return member;
}

/* Returns whether the hard verdict of the child, which then ends, is enforced. */
static bool is_enforced(struct fixture *fixture, const struct crowd_member *member)
{
	struct maze_policy policy = limits(0, 50);
	struct maze_record record;

	policy.hard_signal = 0;
	fixture->child = member->pid;
	fixture->pidfd = member->pidfd;
	assert_int_equal(claim(fixture, &policy, CROWD_TAG, 0), 0);
	assert_true(await(fixture, MAZE_EVENT_HARD, &record));
	end_spinners(&fixture->child, 1);
	close(fixture->pidfd);
	fixture->child = fixture->pidfd = -1;
	return !(record.flags & MAZE_RECORD_TRIPPED);
}

static void the_processes_of_a_cgroup_take_one_entry(void **state)
{
	const struct maze_allowance allowance = { .window_ns = 600 * MAZE_NSEC_PER_SEC,
						  .max = 1,
						  .by_cgroup = 1 };
	struct fixture *fixture = fixture_or_skip(state);
	struct cgroup_fs fs;
	struct crowd_member first, second, later;
	bool enforced[3];
	int cgroup, i;
	char name[64];

	snprintf(name, sizeof(name), "maze-test-allowance-%d", getpid());
	if (cgroup_fs_open(&fs, NULL))
		skip_because("no cgroups of version 2 are mounted");
	if (mkdirat(fs.fd, name, 0755)) {
		cgroup_fs_close(&fs);
		skip_because("this user cannot make a cgroup");
	}
	cgroup = openat(fs.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), 0);
	first = spin_in(fixture, cgroup);
	second = spin_in(fixture, cgroup);
	enforced[0] = is_enforced(fixture, &first);
	enforced[1] = is_enforced(fixture, &second);
	/* As after a restart that did not help. */
	later = spin_in(fixture, cgroup);
	enforced[2] = is_enforced(fixture, &later);
	for (i = 0; unlinkat(fs.fd, name, AT_REMOVEDIR) && i < WAIT_SECONDS * 1000; i++)
		usleep(1000);
	close(cgroup);
	cgroup_fs_close(&fs);
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, NULL, NULL), 0);
	assert_true(enforced[0]);
	assert_true(enforced[1]);
	assert_false(enforced[2]);
}

static void an_allowance_that_begins_anew_enforces_again(void **state)
{
	struct maze_allowance allowance = { .window_ns = 600 * MAZE_NSEC_PER_SEC,
					    .max = 1,
					    .tripped = 1 };
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(0, 50);
	struct maze_record record;

	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), 0);
	allowance.tripped = 0;
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), 0);
	policy.hard_signal = 0;
	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &policy, CROWD_TAG, 0), 0);
	assert_true(await(fixture, MAZE_EVENT_HARD, &record));
	assert_true(record.flags & MAZE_RECORD_TRIPPED);
	allowance.anew = 1;
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), 0);
	assert_int_equal(maze_release(fixture->maze, fixture->pidfd, 0, CROWD_TAG, 0, NULL), 0);
	assert_int_equal(claim(fixture, &policy, CROWD_TAG, 0), 0);
	assert_true(await(fixture, MAZE_EVENT_HARD, &record));
	assert_int_equal(record.flags & MAZE_RECORD_TRIPPED, 0);
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, NULL, NULL), 0);
}

static void a_tripped_allowance_puts_both_stages_in_shadow(void **state)
{
	struct maze_allowance allowance = { .window_ns = MAZE_NSEC_PER_SEC,
					    .max = 1,
					    .tripped = 1 };
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 100);
	struct maze_record record;

	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), 0);
	spin_as(fixture, 0, 0);
	assert_int_equal(claim(fixture, &policy, CROWD_TAG, 0), 0);
	assert_true(await(fixture, MAZE_EVENT_SOFT, &record));
	assert_true(record.flags & MAZE_RECORD_TRIPPED && record.flags & MAZE_RECORD_SHADOW);
	assert_true(await(fixture, MAZE_EVENT_HARD, &record));
	assert_true(record.flags & MAZE_RECORD_TRIPPED && record.flags & MAZE_RECORD_SHADOW);
	assert_int_equal(waitpid(fixture->child, NULL, WNOHANG), 0);
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, NULL, NULL), 0);
	allowance.max = 0;
	assert_int_equal(maze_allow(fixture->maze, 0, CROWD_TAG, &allowance, NULL), -EINVAL);
}

#define TEST(function, engine)                                                                     \
	cmocka_unit_test_prestate_setup_teardown(function, set_up, tear_down, (void *)(engine))
#define TESTS(engine)                                                                              \
	TEST(a_claim_keeps_a_watch_with_another_tag, engine),                                      \
		TEST(a_claim_with_the_same_policy_keeps_the_count, engine),                        \
		TEST(all_watches_of_a_mask_can_be_released_at_once, engine),                       \
		TEST(a_quiet_watch_begins_without_a_record_and_ends_with_one_after_a_verdict,      \
		     engine),                                                                      \
		TEST(an_owned_watch_acts_on_its_owners_task, engine),                              \
		TEST(an_owned_watch_ends_at_a_verdict_on_another_users_task, engine),              \
		TEST(a_reader_continues_after_another_one, engine),                                \
		TEST(of_many_at_once_only_as_many_end_as_the_allowance_has, engine),               \
		TEST(the_threads_of_a_process_take_one_entry, engine),                             \
		TEST(the_processes_of_a_cgroup_take_one_entry, engine),                            \
		TEST(an_allowance_that_begins_anew_enforces_again, engine),                        \
		TEST(a_tripped_allowance_puts_both_stages_in_shadow, engine)

int main(int argc, char **argv)
{
	const struct CMUnitTest here[] = { TESTS("bpf"), TESTS("poll") };
	/* In a virtual machine with the module: test_claim kmod. */
	const struct CMUnitTest there[] = { TESTS(argc > 1 ? argv[1] : "kmod") };

	must_run = argc > 1;
	return must_run ? cmocka_run_group_tests(there, NULL, close_engine)
			: cmocka_run_group_tests(here, NULL, close_engine);
}
