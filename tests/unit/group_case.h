/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of groups: an engine with a reader, and a program of tests/programs
 * that is watched as a group from its start and keeps an account of its CPU time
 * (group_account.h). $PROGRAMS is the directory of the programs.
 */
#ifndef MAZE_TEST_GROUP_CASE_H
#define MAZE_TEST_GROUP_CASE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cgroup.h"
#include "bounds.h"
#include "lib/maze.h"
#include "skip.h"
#include "tests/programs/group_account.h"

#define MS MAZE_NSEC_PER_MSEC
#define TAG 7
#define LOAD_WORDS 24

maze_static_assert(GROUP_SHARE_ONE == MAZE_SHARE_ONE, "the account has the same unit");

/* ---- the engine ---------------------------------------------------------------------- */

struct fixture {
	struct maze *maze;
	struct maze_reader *reader;
};

/* At first the state is the name of the engine, at last the fixture, or NULL to skip. */
static inline int open_groups(void **state)
{
	static struct fixture now;
	struct maze_error error = { "" };
	const char *name = *state;

	*state = NULL;
	if (strcmp(name, "poll") != 0 && geteuid() != 0)
		return 0;
	if (maze_open(name, MAZE_PRIVATE, &now.maze, &error) ||
	    maze_reader_open(now.maze, false, &now.reader, &error)) {
		print_error("%s\n", error.text);
		return -1;
	}
	*state = &now;
	return 0;
}

static inline void remove_left_cgroup(void);

static inline int close_groups(void **state)
{
	struct fixture *fixture = *state;

	remove_left_cgroup();
	if (!fixture)
		return 0;
	maze_reader_close(fixture->reader);
	maze_close(fixture->maze);
	return 0;
}

/* A row of each test for each engine. */
#define WITH_EACH_ENGINE(test)                                                                     \
	{ #test " (bpf)", test, open_groups, close_groups, (void *)(uintptr_t) "bpf" },            \
	{                                                                                          \
#test " (poll)", test, open_groups, close_groups, (void *)(uintptr_t) "poll"       \
	}

static inline struct fixture *engine_or_skip(void **state)
{
	if (!*state)
		skip_because("only root can load the bpf engine");
	return *state;
}

/* The signals of a group are those of its scope, and nothing is sent without `hard_ns`. */
static inline struct maze_policy group_policy(enum maze_policy_scope scope, maze_u32 percent,
					      maze_u64 soft_ns, maze_u64 hard_ns)
{
	struct maze_policy policy = {
		.soft_ns = soft_ns,
		.hard_ns = hard_ns,
		.share = (maze_u32)((maze_u64)percent * MAZE_SHARE_ONE / 100),
		.flags = MAZE_POLICY_INHERIT | (maze_u32)scope << MAZE_POLICY_SCOPE_SHIFT |
			 (scope == MAZE_SCOPE_PROCESS ? MAZE_POLICY_TO_PROCESS : 0),
	};

	assert_int_equal(maze_policy_check(&policy), MAZE_POLICY_OK);
	return policy;
}

static inline maze_u64 clock_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

/* CLOCK_MONOTONIC at the time of the record, or a moment later. */
static inline long long record_time(const struct maze_record *record)
{
	maze_u64 mono_ns = clock_now(CLOCK_MONOTONIC), boot_ns = clock_now(CLOCK_BOOTTIME);
	maze_u64 later_ns = clock_now(CLOCK_MONOTONIC);

	return (long long)(record->boot_ns - boot_ns + later_ns + (later_ns - mono_ns));
}

/* The next record of this event, or of another one that ends the wait. */
static inline struct maze_record next_record(const struct fixture *fixture, unsigned int events)
{
	struct pollfd readable = { .fd = maze_reader_fd(fixture->reader), .events = POLLIN };
	struct maze_record record;

	for (;;) {
		maze_service(fixture->maze);
		while (maze_reader_next(fixture->reader, &record) == 1) {
			assert_int_not_equal(record.event, MAZE_EVENT_LOST);
			if (events & 1U << record.event)
				return record;
		}
		assert_int_equal(poll(&readable, 1, WAIT_SECONDS * 1000), 1);
	}
}

#define VERDICTS (1U << MAZE_EVENT_SOFT | 1U << MAZE_EVENT_HARD)
#define ENDS (1U << MAZE_EVENT_EXIT | 1U << MAZE_EVENT_UNWATCH)

static inline size_t count_groups(struct maze *maze)
{
	struct maze_group *groups = NULL;
	size_t count = 0;

	assert_int_equal(maze_list_groups(maze, &groups, &count, NULL), 0);
	free(groups);
	return count;
}

/* ---- programs ------------------------------------------------------------------------ */

struct load {
	pid_t pid;
	int pidfd;
	int go; /* a byte starts the program */
	int account_fd;
	struct group_account *account;
	maze_u64 before_ns; /* at least what it had used when start_watched() watched it */
	maze_u64 used_ns;   /* by the program and all that it waited for, after end_load() */
};

static inline _Noreturn void become(const char *words, int go, int account_fd)
{
	char copy[256], path[512], account[64], *argv[LOAD_WORDS], *save = NULL, byte;
	const char *programs = getenv("PROGRAMS");
	int count = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(account, sizeof(account), "/proc/self/fd/%d", account_fd);
	setenv(GROUP_ACCOUNT_FILE, account, 1);
	snprintf(copy, sizeof(copy), "%s", words);
	for (argv[0] = strtok_r(copy, " ", &save); argv[count] && count < LOAD_WORDS - 1;)
		argv[++count] = strtok_r(NULL, " ", &save);
	argv[count] = NULL;
	snprintf(path, sizeof(path), "%s/%s", programs ? programs : "build/tests/programs",
		 argv[0]);
	if (read(go, &byte, 1) == 1)
		execv(path, argv);
	_exit(127);
}

/* Starts a program, which waits before its execve. */
static inline struct load start_load(const char *words)
{
	struct load load = { .account_fd = memfd_create("account", 0) };
	struct timespec step = { .tv_nsec = 1000000 };
	char path[64], state = 0;
	int go[2], i;
	FILE *stat;

	assert_true(load.account_fd >= 0);
	assert_int_equal(ftruncate(load.account_fd, sizeof(*load.account)), 0);
	load.account = mmap(NULL, sizeof(*load.account), PROT_READ, MAP_SHARED, load.account_fd, 0);
	assert_true(load.account != MAP_FAILED);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	load.pid = fork();
	assert_true(load.pid >= 0);
	if (!load.pid) {
		close(go[1]);
		become(words, go[0], load.account_fd);
	}
	close(go[0]);
	load.go = go[1];
	load.pidfd = pidfd_open(load.pid, 0);
	assert_true(load.pidfd >= 0);
	/* While it sleeps, its clock is exact. */
	snprintf(path, sizeof(path), "/proc/%d/stat", load.pid);
	for (i = 0; state != 'S' && i < WAIT_SECONDS * 1000; i++) {
		nanosleep(&step, NULL);
		stat = fopen(path, "re");
		assert_non_null(stat);
		assert_int_equal(fscanf(stat, "%*d (%*[^)]) %c", &state), 1);
		fclose(stat);
	}
	return load;
}

static inline void let_go(struct load *load)
{
	assert_int_equal(write(load->go, "", 1), 1);
	close(load->go);
	load->go = -1;
}

static inline struct load start_watched(const struct fixture *fixture, const char *words,
					const struct maze_policy *policy)
{
	struct load load = start_load(words);
	struct maze_error error = { "" };
	clockid_t clock;

	if (maze_watch_pidfd(fixture->maze, load.pidfd, 0, policy, TAG, &error))
		fail_msg("%s", error.text);
	assert_int_equal(clock_getcpuclockid(load.pid, &clock), 0);
	load.before_ns = clock_now(clock);
	let_go(&load);
	return load;
}

/* Kills the program, unless it has ended, and reaps it. Returns its wait status. */
static inline int end_load(struct load *load)
{
	struct rusage use;
	int status;

	if (load->go >= 0)
		close(load->go);
	pidfd_send_signal(load->pidfd, SIGKILL, NULL, 0);
	assert_int_equal(wait4(load->pid, &status, 0, &use), load->pid);
	load->used_ns =
		(maze_u64)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * MAZE_NSEC_PER_SEC +
		(maze_u64)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * MAZE_NSEC_PER_USEC;
	close(load->pidfd);
	close(load->account_fd);
	munmap(load->account, sizeof(*load->account));
	return status;
}

/* Waits until the account has a point after this time, or the program has ended. */
static inline void wait_for_account(const struct load *load, long long time_ns)
{
	struct pollfd ended = { .fd = load->pidfd, .events = POLLIN };
	const struct group_account *account = load->account;
	int i;

	for (i = 0; i < WAIT_SECONDS * 1000; i++)
		if ((account->used && account->points[account->used - 1].begin_ns >= time_ns) ||
		    poll(&ended, 1, 1))
			return;
	fail_msg("the program does not continue its account");
}

/*
 * What holds for each verdict of a group of this program: its facts are those of the
 * policy, and by the account of the program the level was as high before.
 */
static inline void judge_verdict(const struct load *load, const struct maze_policy *policy,
				 const struct maze_record *record)
{
	enum maze_policy_scope scope = (enum maze_policy_scope)maze_policy_scope(policy->flags);
	enum group_part part = scope == MAZE_SCOPE_PROCESS ? GROUP_PROCESS : GROUP_TREE;
	bool hard = record->event == MAZE_EVENT_HARD;
	long long most_ns, time_ns = record_time(record);

	wait_for_account(load, time_ns);
	most_ns = group_level_most(load->account, part, policy->share, 0, 0, time_ns);
	assert_int_equal(maze_record_scope(record), scope);
	assert_int_equal(record->share, policy->share);
	assert_int_equal(record->tag, TAG);
	assert_int_equal(record->pid, scope == MAZE_SCOPE_CGROUP ? 0 : load->pid);
	assert_int_equal(record->tid, record->pid);
	assert_int_equal(record->limit_ns, hard ? policy->hard_ns : policy->soft_ns);
	assert_true(record->count_ns >= record->limit_ns);
	assert_true((group_wide)record->count_ns * GROUP_SHARE_ONE <=
		    (group_wide)record->used_ns * GROUP_SHARE_ONE -
			    (group_wide)record->elapsed_ns * policy->share);
	if ((long long)record->count_ns > most_ns)
		fail_msg("EARLY: level %llu, by the account at most %lld", record->count_ns,
			 most_ns);
}

/* ---- control groups ------------------------------------------------------------------ */

struct test_cgroup {
	struct cgroup_fs fs;
	int fd; /* its directory */
};

#define TEST_CGROUP "maze-test-group"

/* False: this user cannot make one here. Its name is cut in records. */
static inline bool make_test_cgroup(struct test_cgroup *ret_cgroup)
{
	char name[64];

	snprintf(name, sizeof(name), "%s-%d", TEST_CGROUP, getpid());
	if (cgroup_fs_open(&ret_cgroup->fs, NULL))
		return false;
	ret_cgroup->fd =
		mkdirat(ret_cgroup->fs.fd, name, 0755)
			? -1
			: openat(ret_cgroup->fs.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret_cgroup->fd < 0)
		cgroup_fs_close(&ret_cgroup->fs);
	return ret_cgroup->fd >= 0;
}

static inline void enter_test_cgroup(const struct test_cgroup *cgroup, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	assert_int_equal(cgroup_write(cgroup->fd, "cgroup.procs", text), 0);
}

static inline void watch_test_cgroup(const struct fixture *fixture,
				     const struct test_cgroup *cgroup,
				     const struct maze_policy *policy)
{
	struct maze_error error = { "" };

	if (maze_claim_cgroup(fixture->maze, cgroup->fd, policy, TAG, ~0ULL, &error))
		fail_msg("%s", error.text);
}

/* Its processes have ended or are about to. */
static inline void remove_test_cgroup(struct test_cgroup *cgroup)
{
	char name[64];
	int i;

	snprintf(name, sizeof(name), "%s-%d", TEST_CGROUP, getpid());
	for (i = 0; unlinkat(cgroup->fs.fd, name, AT_REMOVEDIR) && i < WAIT_SECONDS * 1000; i++)
		usleep(1000);
	close(cgroup->fd);
	cgroup_fs_close(&cgroup->fs);
}

/* That of a test that has failed. */
static inline void remove_left_cgroup(void)
{
	struct test_cgroup left;
	char name[64];

	snprintf(name, sizeof(name), "%s-%d", TEST_CGROUP, getpid());
	if (cgroup_fs_open(&left.fs, NULL))
		return;
	left.fd = openat(left.fs.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (left.fd < 0) {
		cgroup_fs_close(&left.fs);
		return;
	}
	cgroup_write(left.fd, "cgroup.kill", "1");
	remove_test_cgroup(&left);
}

#endif
