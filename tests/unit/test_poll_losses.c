/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The poll engine, where a process ends before it is looked at or files are wanting: what
 * is a loss, and what is none.
 */
#include "engine/connector_follow.h"
#include "poll_case.h"
#include "skip.h"

#define SHORT_LIVES 1000

static pid_t start_one_that_ends(void)
{
	/* What is tested: the parent goes on when the child has ended. */
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (!pid)
		_exit(0);
	return pid;
}

/* Each has ended, and has been reaped, before its parent goes on. */
static void live_shortly(void)
{
	int i;

	for (i = 0; i < SHORT_LIVES; i++)
		wait_for(start_one_that_ends());
}

static void children_that_ended_are_no_loss(void **state)
{
	struct maze_policy policy = policy_of(LIFE_SECONDS * MAZE_NSEC_PER_SEC, 0);
	struct child child = start(live_shortly);
	struct maze_reader *reader;
	struct maze *maze = open_poll(&reader);
	struct maze_record record;

	(void)state;
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	let_go(&child);
	do {
		record = next_of(reader, MAZE_EVENT_EXIT);
		assert_int_not_equal(record.event, MAZE_EVENT_LOST);
	} while (record.pid != (maze_u32)child.pid);
	assert_int_equal(wait_for(child.pid), 0);
	close_poll(maze, reader);
}

/*
 * From a loss until the queue has been read to its end, the kernel queues nothing. A
 * fork in that time must come as an event, or a loss must be told after it.
 */
static void a_loss_is_told_after_the_last_event_that_was_kept(void **state)
{
	struct maze_process_event event;
	struct engine_follower *follower;
	bool found = false;
	pid_t pid;
	int i;

	(void)state;
	if (connector_follow(NULL, 0, &follower, NULL))
		skip_because("the kernel does not tell of forks");
	/* A megabyte, of which the kernel makes two, is full after some 3,000. */
	for (i = 0; i < 6 * SHORT_LIVES; i++)
		wait_for(start_one_that_ends());
	assert_int_equal(connector_follower_next(follower, &event), 1);
	pid = start_one_that_ends();
	wait_for(pid);
	while (connector_follower_next(follower, &event))
		found |= event.kind == MAZE_PROCESS_LOST || event.pid == (maze_u32)pid;
	assert_true(found);
	connector_follower_close(follower);
}

static void start_a_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		/* Also when the test fails, after which nobody kills it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(LIFE_SECONDS);
		pause();
	}
	wait_for(pid);
}

/* How many files this process may open more, within a limit. */
static int free_files(int limit)
{
	int fd, n = 0;

	for (fd = 0; fd < limit; fd++)
		n += fcntl(fd, F_GETFD) < 0;
	return n;
}

/* Leaves this process so many files that it may open; returns the limit there was. */
static struct rlimit leave_files(int n)
{
	struct rlimit files, few;

	getrlimit(RLIMIT_NOFILE, &files);
	few = files;
	for (few.rlim_cur = 3; free_files((int)few.rlim_cur) < n; few.rlim_cur++)
		;
	setrlimit(RLIMIT_NOFILE, &few);
	return files;
}

/* A look that fails for want of files says nothing of the thread. */
static void want_of_files_ends_no_watch(void **state)
{
	struct maze_policy policy = policy_of(20 * MS, 0);
	struct child child = start(spin);
	struct maze_reader *reader;
	struct maze *maze = open_poll(&reader);
	struct maze_record record;
	struct rlimit files;
	struct timespec used = { 0 };
	clockid_t clock;

	(void)state;
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	assert_int_equal(clock_getcpuclockid(child.pid, &clock), 0);
	files = leave_files(0);
	let_go(&child);
	/* Far beyond the limit; so a look has failed. */
	while (used.tv_nsec < 200 * (long)MS && !used.tv_sec) {
		usleep(1000);
		clock_gettime(clock, &used);
	}
	setrlimit(RLIMIT_NOFILE, &files);
	do {
		record = next_of(reader, MAZE_EVENT_SOFT);
		assert_int_equal(record.event, MAZE_EVENT_SOFT);
	} while (record.pid != (maze_u32)child.pid);
	kill(child.pid, SIGKILL);
	wait_for(child.pid);
	close_poll(maze, reader);
}

/* A process takes three files; with two to be had, the child cannot be watched. */
static void child_that_cannot_be_watched_is_named_as_lost(void **state)
{
	struct maze_policy policy = policy_of(LIFE_SECONDS * MAZE_NSEC_PER_SEC, 0);
	struct child child = start(start_a_child);
	struct maze_record lost;
	struct maze_reader *reader;
	struct thread_status status;
	struct rlimit files;
	struct maze *maze;
	char text[512];

	(void)state;
	if (!poll_fork_events_permitted()) {
		kill(child.pid, SIGKILL);
		wait_for(child.pid);
		skip_because("the kernel tells this process of no forks, and to find a child "
			     "otherwise takes a file, too");
	}
	maze = open_poll(&reader);
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	files = leave_files(2);
	let_go(&child);
	lost = next_of(reader, MAZE_EVENT_LOST);
	setrlimit(RLIMIT_NOFILE, &files);
	assert_int_equal(lost.lost, 1);
	assert_int_equal(lost.tag, TAG);
	assert_int_equal(proc_status_by_number((pid_t)lost.pid, &status), 0);
	assert_int_equal(status.ppid, child.pid);
	maze_record_text(&lost, "poll", text, sizeof(text));
	assert_non_null(strstr(text, "could not be watched like its parent"));
	assert_null(strstr(text, "overwritten"));
	kill((pid_t)lost.pid, SIGKILL);
	wait_for(child.pid);
	close_poll(maze, reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_that_ended_are_no_loss),
		cmocka_unit_test(a_loss_is_told_after_the_last_event_that_was_kept),
		cmocka_unit_test(want_of_files_ends_no_watch),
		cmocka_unit_test(child_that_cannot_be_watched_is_named_as_lost),
	};

	return cmocka_run_group_tests_name("poll losses", tests, NULL, NULL);
}
