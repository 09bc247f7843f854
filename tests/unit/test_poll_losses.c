/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The poll engine when a process ends before it is checked, or when files run out: which
 * cases are losses.
 */
#include "engine/connector_follow.h"
#include "engine/poll/group.h"
#include "lib/handle.h"
#include "poll_case.h"
#include "skip.h"

#define SHORT_LIVES 1000

/* As in engine/poll/children.h, which has a struct child too. */
void new_pids_search_all(struct engine *engine);

static pid_t start_one_that_ends(void)
{
	/* The point of the test: the parent continues when the child has ended. */
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (!pid)
		_exit(0);
	return pid;
}

/* Each child has ended and been reaped before its parent continues. */
static void live_shortly(void)
{
	int i;

	for (i = 0; i < SHORT_LIVES; i++)
		wait_for(start_one_that_ends());
}

static void ended_children_are_not_a_loss(void **state)
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
 * From a loss until the queue has been read to its end, the kernel queues nothing. A fork
 * in that time must come as an event, or a loss must be reported after it.
 */
static void a_loss_is_reported_after_the_last_queued_event(void **state)
{
	struct maze_process_event event;
	struct engine_follower *follower;
	bool found = false;
	pid_t pid;
	int i;

	(void)state;
	if (connector_follow(NULL, 0, &follower, NULL))
		skip_because("the kernel reports no forks");
	/* A megabyte, which the kernel doubles, is full after some 3,000 events. */
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
		/* Also when the test fails and does not kill it. */
		bound_child();
		pause();
	}
	wait_for(pid);
}

/* The number of files that this process may still open, up to a bound. */
static int free_files(int limit)
{
	int fd, n = 0;

	for (fd = 0; fd < limit; fd++)
		n += fcntl(fd, F_GETFD) < 0;
	return n;
}

/*
 * Lowers the limit so that this process can open so many more files; returns the former
 * limit.
 */
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

/* A failed read for lack of files proves nothing about the thread. */
static void lack_of_files_ends_no_watch(void **state)
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
	/* Far beyond the limit, so a read has failed. */
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

/* A process takes three files; with two left, the child cannot be watched. */
static void a_child_that_cannot_be_watched_is_reported_as_lost(void **state)
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
		skip_because("the kernel reports no forks to this process; finding a child "
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

/* ---- a search finds what is known already --------------------------------------------- */

static volatile pid_t *grandchild; /* in memory that is shared with the children */

static void leave_a_zombie(void)
{
	pid_t pid = fork();

	if (!pid) {
		bound_child();
		spin();
	}
	*grandchild = pid;
	for (;;)
		pause();
}

/* Searches as after a loss of fork events, and counts the entries of the process. */
static int search_for(const struct maze *maze, pid_t pid)
{
	struct engine *engine = maze->groups;
	const struct poll_member *member;
	int found = 0;

	pthread_mutex_lock(&engine->lock);
	new_pids_search_all(engine);
	for (member = engine->groups->members; member; member = member->next)
		found += member->process->pid == pid;
	pthread_mutex_unlock(&engine->lock);
	return found;
}

static void a_zombie_that_is_found_again_counts_once(void **state)
{
	struct maze_policy policy = policy_of(LIFE_SECONDS * MAZE_NSEC_PER_SEC, 0);
	struct child child;
	struct maze_reader *reader;
	struct maze *maze = open_poll(&reader);
	int i, pidfd;

	(void)state;
	grandchild = mmap(NULL, sizeof(*grandchild), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal((void *)grandchild, MAP_FAILED);
	child = start(leave_a_zombie);
	policy.flags = MAZE_POLICY_INHERIT | (maze_u32)MAZE_SCOPE_TREE << MAZE_POLICY_SCOPE_SHIFT;
	policy.share = MAZE_SHARE_ONE;
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	let_go(&child);
	for (i = 0; i < WAIT_SECONDS * 1000 && *grandchild <= 0; i++)
		usleep(1000);
	assert_true(*grandchild > 0);
	assert_int_equal(search_for(maze, *grandchild), 1);
	pidfd = (int)syscall(SYS_pidfd_open, *grandchild, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0), 0);
	assert_int_equal(
		poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, WAIT_SECONDS * 1000), 1);
	close(pidfd);
	assert_int_equal(search_for(maze, *grandchild), 1);
	kill(child.pid, SIGKILL);
	wait_for(child.pid);
	munmap((void *)grandchild, sizeof(*grandchild));
	close_poll(maze, reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ended_children_are_not_a_loss),
		cmocka_unit_test(a_loss_is_reported_after_the_last_queued_event),
		cmocka_unit_test(lack_of_files_ends_no_watch),
		cmocka_unit_test(a_child_that_cannot_be_watched_is_reported_as_lost),
		cmocka_unit_test(a_zombie_that_is_found_again_counts_once),
	};

	return cmocka_run_group_tests_name("poll losses", tests, NULL, NULL);
}
