/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The poll engine as any program uses it: without privileges. `make check` runs this test
 * as root and as a plain user.
 */
#include "poll_case.h"
#include "lib/handle.h"
#include "ring.h"

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

/* The child's account of its CPU time between two sleeps, for each round; shared memory. */
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

/* In total several times the limit of one round. */
static void work_and_sleep(void)
{
	maze_u64 before_ns = 0, began_ns = 0;
	long switches;
	int i;

	for (i = 0; i < GOES; i++) {
		burn(15 * MS);
		switches = voluntary_switches();
		/* A timer may expire before the sleep begins: then there was no sleep. */
		do {
			before_ns = own_ns();
			usleep(1000);
		} while (voluntary_switches() == switches);
		used_ns[i] = own_ns() - began_ns;
		began_ns = before_ns;
	}
	used_ns[GOES] = before_ns;
}

/* Its end is a round too, of which only the parent has an account. */
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

/* Rounds that reached the limit. */
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

	maze_service(maze);
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

/* Waits until the engine has seen so many processes end, and checks that no verdict came. */
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

static void sleeper_with_the_same_cpu_use_has_no_verdict(void **state)
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
	/* No verdict, unless the machine itself extended a round to the limit. */
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
	bound_child();
	pid = fork();
	if (pid > 0)
		_exit(wait_for(pid));
	bound_child();
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

/* Until another watched process was killed, and this one has used as much CPU time. */
static void unwatched_process_has_no_verdict(void **state)
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

static void unsupported_policies_are_refused(void **state)
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

/* Parsing of /proc must be safe for every name of a task. */
static void hostile_names_are_parsed_correctly(void **state)
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
	assert_false(proc_is_kernel_thread(dir, getpid()));
	assert_true(proc_start_ns(dir) > 0);
	proc_thread_comm(dir, getpid(), comm);
	assert_string_equal(comm, "x) R\nTgid:\t1\n(");
	prctl(PR_SET_NAME, "test_poll");
	close(dir);
	close(pidfd);
}

static void keep_a_ring(void)
{
	int ring;

	ring_thread(&ring);
	pause();
}

/* The second thread of the process. */
static pid_t other_thread(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	pid_t other = 0;
	DIR *task;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	for (i = 0; !other && i < WAIT_SECONDS * 100; i++) {
		usleep(10000);
		task = opendir(path);
		assert_non_null(task);
		while (!other && (entry = readdir(task)))
			other = atoi(entry->d_name) == pid ? 0 : atoi(entry->d_name);
		closedir(task);
	}
	assert_true(other);
	return other;
}

static void a_thread_of_io_uring_is_not_watched(void **state)
{
	struct maze_policy policy = policy_of(MAZE_NSEC_PER_SEC, 0);
	struct maze_error error = { "" };
	struct maze_reader *reader;
	struct maze_entry *entries;
	int ring, err, whole;
	struct child child;
	struct maze *maze;
	size_t count = 0;
	pid_t tid;

	(void)state;
	ring_thread(&ring);
	close(ring);
	maze = open_poll(&reader);
	child = start(keep_a_ring);
	let_go(&child);
	tid = other_thread(child.pid);
	err = maze_watch(maze, child.pid, tid, &policy, TAG, &error);
	whole = maze_watch(maze, child.pid, 0, &policy, TAG, NULL);
	assert_int_equal(maze_list(maze, &entries, &count, NULL), 0);
	kill(child.pid, SIGKILL);
	wait_for(child.pid);
	assert_int_equal(err, -EPERM);
	assert_non_null(strstr(error.text, "kernel thread"));
	assert_int_equal(whole, 0);
	assert_int_equal(count, 1);
	assert_int_equal(entries[0].tid, child.pid);
	free(entries);
	close_poll(maze, reader);
}

/* Also before the worker has noticed the end; and its records are there then. */
static void an_ended_process_is_not_listed(void **state)
{
	struct maze_policy policy = policy_of(MAZE_NSEC_PER_SEC, 0);
	struct maze_reader *reader;
	struct maze_entry *entries;
	struct child child;
	struct maze *maze;
	struct maze_record record;
	int i, exits = 0;
	size_t count = 0;

	(void)state;
	maze = open_poll(&reader);
	for (i = 0; i < 20; i++) {
		child = start(sleep_long);
		assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
		/* The worker needs this lock, and maze_list() mostly gets it first. */
		pthread_mutex_lock(&maze->engine->lock);
		kill(child.pid, SIGKILL);
		wait_for(child.pid);
		pthread_mutex_unlock(&maze->engine->lock);
		assert_int_equal(maze_list(maze, &entries, &count, NULL), 0);
		free(entries);
		assert_int_equal(count, 0);
		while (maze_reader_next(reader, &record) == 1)
			exits += record.event == MAZE_EVENT_EXIT;
		assert_int_equal(exits, i + 1);
	}
	close_poll(maze, reader);
}

#define SLEEPERS 200

/* `make bench` measures their cost. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spinner_is_caught_at_both_limits),
		cmocka_unit_test(sleeper_with_the_same_cpu_use_has_no_verdict),
		cmocka_unit_test(descendants_are_found),
		cmocka_unit_test(unwatched_process_has_no_verdict),
		cmocka_unit_test(unsupported_policies_are_refused),
		cmocka_unit_test(hostile_names_are_parsed_correctly),
		cmocka_unit_test(a_thread_of_io_uring_is_not_watched),
		cmocka_unit_test(an_ended_process_is_not_listed),
		cmocka_unit_test(a_spinner_among_two_hundred_sleepers_is_caught),
	};

	return cmocka_run_group_tests_name("poll", tests, NULL, NULL);
}
