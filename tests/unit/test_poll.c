/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The poll engine, as it is used by any program: no privilege is needed, and `make
 * check` runs this as root and as a user who may do nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/poll/engine_poll.h"
#include "engine/proc_files.h"
#include "lib/maze.h"
#include "skip.h"

#define MS MAZE_NSEC_PER_MSEC
#define TAG 7
/* Bounds what is waited for; no machine is that slow. A child that is left ends itself. */
#define WAIT_SECONDS 60
#define LIFE_SECONDS (4 * WAIT_SECONDS)

static struct maze *open_poll(struct maze_reader **ret_reader)
{
	struct maze_error error = { "" };
	struct maze *maze = NULL;

	if (maze_open("poll", MAZE_PRIVATE, &maze, &error))
		fail_msg("%s", error.text);
	assert_int_equal(maze_reader_open(maze, false, ret_reader, &error), 0);
	return maze;
}

static void close_poll(struct maze *maze, struct maze_reader *reader)
{
	maze_reader_close(reader);
	maze_close(maze);
}

static struct maze_policy policy_of(maze_u64 soft_ns, maze_u64 hard_ns)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = soft_ns;
	policy.soft_signal = 0;
	policy.hard_ns = hard_ns;
	return policy;
}

/* A child that blocks until it is let go, and then does this. */
struct child {
	pid_t pid;
	int go;
};

static struct child start(void (*what)(void))
{
	struct child child;
	int go[2];
	char byte;

	assert_int_equal(pipe(go), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (!child.pid) {
		close(go[1]);
		alarm(LIFE_SECONDS);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (read(go[0], &byte, 1) == 1)
			what();
		_exit(0);
	}
	close(go[0]);
	child.go = go[1];
	return child;
}

static void let_go(const struct child *child)
{
	assert_int_equal(write(child->go, "", 1), 1);
	close(child->go);
}

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void spin(void)
{
	for (;;)
		;
}

static maze_u64 own_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

static void burn(maze_u64 ns)
{
	maze_u64 until = own_ns() + ns;

	while (own_ns() < until)
		;
}

#define GOES 20

/* A child's own account of what it used from one sleep to the next, of each go; shared. */
static maze_u64 *used_ns;

static void share_account(void)
{
	used_ns = mmap(NULL, (GOES + 1) * sizeof(*used_ns), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(used_ns != MAP_FAILED);
}

static long voluntary_switches(void)
{
	struct rusage use;

	getrusage(RUSAGE_THREAD, &use);
	return use.ru_nvcsw;
}

/* In all, several times what is allowed in one go. */
static void work_and_sleep(void)
{
	maze_u64 before_ns = 0, began_ns = 0;
	long switches;
	int i;

	for (i = 0; i < GOES; i++) {
		burn(15 * MS);
		switches = voluntary_switches();
		/* A timer may go off before the sleep begins: then it was none. */
		do {
			before_ns = own_ns();
			usleep(1000);
		} while (voluntary_switches() == switches);
		used_ns[i] = own_ns() - began_ns;
		began_ns = before_ns;
	}
	used_ns[GOES] = before_ns;
}

/* Its end is a go, too, of which only the parent has an account. */
static void wait_for_account(pid_t pid)
{
	struct rusage use;
	int status;

	assert_int_equal(wait4(pid, &status, 0, &use), pid);
	assert_int_equal(status, 0);
	used_ns[GOES] = ((maze_u64)use.ru_utime.tv_sec + (maze_u64)use.ru_stime.tv_sec) *
				MAZE_NSEC_PER_SEC +
			((maze_u64)use.ru_utime.tv_usec + (maze_u64)use.ru_stime.tv_usec) *
				MAZE_NSEC_PER_USEC -
			used_ns[GOES];
}

/* Of those goes that came up to the limit. */
static int goes_of(maze_u64 limit_ns)
{
	int i, goes = 0;

	for (i = 0; i <= GOES; i++)
		goes += used_ns[i] >= limit_ns;
	return goes;
}

static void sleep_long(void)
{
	pause();
}

struct seen {
	int softs, hards, exits, watches;
	maze_u32 last_verdict_pid;
};

static void read_on(struct maze *maze, struct maze_reader *reader, struct seen *seen)
{
	struct maze_record record;

	maze_attend(maze);
	while (maze_reader_next(reader, &record) == 1) {
		assert_int_equal(record.tag, TAG);
		seen->watches += record.event == MAZE_EVENT_WATCH;
		seen->exits += record.event == MAZE_EVENT_EXIT;
		seen->softs += record.event == MAZE_EVENT_SOFT;
		seen->hards += record.event == MAZE_EVENT_HARD;
		if (record.event != MAZE_EVENT_SOFT && record.event != MAZE_EVENT_HARD)
			continue;
		/* Never early. */
		assert_true(record.count_ns >= record.limit_ns);
		seen->last_verdict_pid = record.pid;
	}
}

/* Until the engine has seen so many processes end: nothing is to come of them then. */
static struct seen read_to_exits(struct maze *maze, struct maze_reader *reader, int exits)
{
	struct pollfd fd = { .fd = maze_reader_fd(reader), .events = POLLIN };
	struct seen seen = { 0 };

	for (read_on(maze, reader, &seen); seen.exits < exits; read_on(maze, reader, &seen))
		assert_int_equal(poll(&fd, 1, WAIT_SECONDS * 1000), 1);
	assert_int_equal(seen.exits, exits);
	return seen;
}

static void spinner_is_caught_at_both_limits(void **state)
{
	struct maze_policy policy = policy_of(50 * MS, 100 * MS);
	struct child child = start(spin);
	struct maze_reader *reader;
	struct maze *maze = open_poll(&reader);
	struct seen seen;

	(void)state;
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	let_go(&child);
	assert_int_equal(wait_for(child.pid), 128 + SIGKILL);
	seen = read_to_exits(maze, reader, 1);
	assert_int_equal(seen.softs, 1);
	assert_int_equal(seen.hards, 1);
	close_poll(maze, reader);
}

static void sleeper_of_the_same_appetite_is_left_alone(void **state)
{
	struct maze_policy policy = policy_of(50 * MS, 100 * MS);
	struct maze_reader *reader;
	struct maze *maze = open_poll(&reader);
	struct child child;
	struct seen seen;

	(void)state;
	share_account();
	child = start(work_and_sleep);
	policy.hard_signal = 0;
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	let_go(&child);
	wait_for_account(child.pid);
	seen = read_to_exits(maze, reader, 1);
	/* None, unless the machine itself made a go of it that came up to a limit. */
	assert_true(seen.softs <= goes_of(policy.soft_ns));
	assert_true(seen.hards <= goes_of(policy.hard_ns));
	munmap(used_ns, (GOES + 1) * sizeof(*used_ns));
	close_poll(maze, reader);
}

static void two_generations_down(void)
{
	pid_t pid = fork();

	if (pid > 0)
		_exit(wait_for(pid));
	pid = fork();
	if (pid > 0)
		_exit(wait_for(pid));
	spin();
}

static void descendants_are_found(void **state)
{
	struct maze_policy policy = policy_of(50 * MS, 100 * MS);
	struct child child = start(two_generations_down);
	struct maze_reader *reader;
	struct maze *maze = open_poll(&reader);
	struct seen seen;

	(void)state;
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	let_go(&child);
	assert_int_equal(wait_for(child.pid), 128 + SIGKILL);
	seen = read_to_exits(maze, reader, 3);
	assert_int_equal(seen.watches, 3);
	assert_int_equal(seen.hards, 1);
	assert_int_not_equal(seen.last_verdict_pid, child.pid);
	close_poll(maze, reader);
}

/* The CPU time of a child. */
static maze_u64 used_by(const struct child *child)
{
	struct timespec used = { 0 };
	clockid_t clock;

	if (!clock_getcpuclockid(child->pid, &clock))
		clock_gettime(clock, &used);
	return (maze_u64)used.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)used.tv_nsec;
}

/* Until another that is watched was ended, and it has used as much itself. */
static void unwatched_process_is_left_alone(void **state)
{
	struct maze_policy policy = policy_of(20 * MS, 40 * MS);
	struct child child = start(spin), other = start(spin);
	struct maze_reader *reader;
	struct maze *maze = open_poll(&reader);
	time_t until = time(NULL) + WAIT_SECONDS;
	struct seen seen;

	(void)state;
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	assert_int_equal(maze_watch(maze, other.pid, 0, &policy, TAG, NULL), 0);
	assert_int_equal(maze_unwatch(maze, child.pid, 0, NULL), 0);
	assert_int_equal(maze_unwatch(maze, child.pid, 0, NULL), -ENOENT);
	let_go(&child);
	let_go(&other);
	assert_int_equal(wait_for(other.pid), 128 + SIGKILL);
	while (used_by(&child) < 2 * policy.hard_ns && time(NULL) < until)
		usleep(1000);
	seen = read_to_exits(maze, reader, 1);
	assert_int_equal(seen.softs, 1);
	assert_int_equal(seen.hards, 1);
	assert_int_equal(seen.last_verdict_pid, other.pid);
	assert_true(used_by(&child) >= 2 * policy.hard_ns);
	assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
	kill(child.pid, SIGKILL);
	wait_for(child.pid);
	close_poll(maze, reader);
}

static void it_refuses_what_it_cannot_do(void **state)
{
	struct maze_policy policy = policy_of(20 * MS, 40 * MS);
	struct maze_error error = { "" };
	struct maze_reader *reader;
	struct maze *maze = NULL;

	(void)state;
	assert_int_equal(maze_open("poll", MAZE_PINNED, &maze, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "maze watch --wait"));
	assert_int_equal(maze_open("poll", MAZE_EXISTING, &maze, &error), -ENOENT);
	maze = open_poll(&reader);
	assert_false(maze_sees_yields(maze));
	assert_int_equal(maze_watch(maze, getpid(), 0, &policy, TAG, &error), -EPERM);
	assert_non_null(strstr(error.text, "maze itself"));
	assert_int_equal(maze_watch(maze, 1, 0, &policy, TAG, &error), -EPERM);
	close_poll(maze, reader);
}

/* What /proc says of a task must be read past whatever name it gave itself. */
static void hostile_names_are_read_past(void **state)
{
	struct thread_status status;
	char comm[MAZE_COMM_LEN] = "";
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0), dir;

	(void)state;
	dir = proc_open_process(getpid(), pidfd);
	assert_true(dir >= 0);
	prctl(PR_SET_NAME, "x) R\nTgid:\t1\n(");
	assert_int_equal(proc_thread_status(dir, getpid(), &status), 0);
	assert_int_equal(status.tgid, getpid());
	assert_int_equal(status.ppid, getppid());
	assert_int_equal(status.uid, getuid());
	assert_false(proc_is_kernel_thread(dir));
	assert_true(proc_start_ns(dir) > 0);
	proc_thread_comm(dir, getpid(), comm);
	assert_string_equal(comm, "x) R\nTgid:\t1\n(");
	prctl(PR_SET_NAME, "test_poll");
	close(dir);
	close(pidfd);
}

#define SLEEPERS 200

/* What they cost is measured by `make bench`. */
static void a_spinner_among_two_hundred_sleepers_is_caught(void **state)
{
	struct maze_policy policy = policy_of(100 * MS, 200 * MS);
	struct rlimit files = { 4096, 4096 };
	struct child children[SLEEPERS + 1];
	struct maze_reader *reader;
	struct maze *maze;
	struct seen seen;
	int i;

	(void)state;
	setrlimit(RLIMIT_NOFILE, &files);
	maze = open_poll(&reader);
	for (i = 0; i <= SLEEPERS; i++) {
		children[i] = start(i ? sleep_long : spin);
		assert_int_equal(maze_watch(maze, children[i].pid, 0, &policy, TAG, NULL), 0);
		let_go(&children[i]);
	}
	assert_int_equal(wait_for(children[0].pid), 128 + SIGKILL);
	for (i = 1; i <= SLEEPERS; i++) {
		assert_int_equal(waitpid(children[i].pid, NULL, WNOHANG), 0);
		kill(children[i].pid, SIGKILL);
		wait_for(children[i].pid);
	}
	seen = read_to_exits(maze, reader, SLEEPERS + 1);
	assert_int_equal(seen.softs, 1);
	assert_int_equal(seen.hards, 1);
	assert_int_equal(seen.last_verdict_pid, children[0].pid);
	close_poll(maze, reader);
}

/* The next record of this event, or of an end or a loss. */
static struct maze_record next_of(struct maze_reader *reader, enum maze_event event)
{
	struct pollfd readable = { .fd = maze_reader_fd(reader), .events = POLLIN };
	struct maze_record record;

	for (;;) {
		assert_int_equal(poll(&readable, 1, WAIT_SECONDS * 1000), 1);
		while (maze_reader_next(reader, &record) == 1)
			if (record.event == event || record.event == MAZE_EVENT_EXIT ||
			    record.event == MAZE_EVENT_LOST)
				return record;
	}
}

#define SHORT_LIVES 1000

static pid_t start_one_that_ends(void)
{
	pid_t pid = vfork();

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
		cmocka_unit_test(spinner_is_caught_at_both_limits),
		cmocka_unit_test(sleeper_of_the_same_appetite_is_left_alone),
		cmocka_unit_test(descendants_are_found),
		cmocka_unit_test(unwatched_process_is_left_alone),
		cmocka_unit_test(it_refuses_what_it_cannot_do),
		cmocka_unit_test(hostile_names_are_read_past),
		cmocka_unit_test(a_spinner_among_two_hundred_sleepers_is_caught),
		cmocka_unit_test(children_that_ended_are_no_loss),
		cmocka_unit_test(want_of_files_ends_no_watch),
		cmocka_unit_test(child_that_cannot_be_watched_is_named_as_lost),
	};

	return cmocka_run_group_tests_name("poll", tests, NULL, NULL);
}
