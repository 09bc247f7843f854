/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/PID/status of a process with thousands of supplementary groups, and without some
 * of its lines; and the path in /proc/PID/cgroup.
 */
#include <grp.h>
#include <sys/stat.h>

#include "core/delivery.h"
#include "poll_case.h"

/* The Groups line alone is longer than any buffer for status. */
#define GROUPS 5000

static void on_signal(int signal)
{
	(void)signal;
}

/* Stops itself when it is ready, and spins when it is continued. */
static void take_many_groups(void)
{
	gid_t groups[GROUPS];
	int i;

	for (i = 0; i < GROUPS; i++)
		groups[i] = (gid_t)(1000000000 + i);
	signal(SIGUSR1, on_signal);
	/* It may be ignored in what runs the test, such as perf record. */
	signal(SIGUSR2, SIG_DFL);
	usleep(1000);
	if (setgroups(GROUPS, groups) || setresgid(3001, 3001, 3001) || setresuid(2001, 2002, 2003))
		_exit(1);
	/* The change of the user has cleared it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	raise(SIGSTOP);
	spin();
}

static struct child start_with_many_groups(void)
{
	struct child child;
	int status;

	if (geteuid() || setgroups(0, NULL))
		skip_because("setgroups(2) needs root");
	child = start(take_many_groups);
	let_go(&child);
	assert_int_equal(waitpid(child.pid, &status, WUNTRACED), child.pid);
	assert_true(WIFSTOPPED(status));
	return child;
}

static void end(const struct child *child)
{
	kill(child->pid, SIGKILL);
	wait_for(child->pid);
}

static void many_groups_hide_no_other_line(void **state)
{
	struct child child = start_with_many_groups();
	struct thread_status status = { 0 };
	maze_u32 disposition, none;
	char path[32];
	int dir, err, by_number;

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d", child.pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	by_number = proc_status_by_number(child.pid, &status);
	memset(&status, 0, sizeof(status));
	err = proc_thread_status(dir, child.pid, &status);
	disposition = proc_thread_disposition(dir, child.pid, SIGUSR1);
	none = proc_thread_disposition(dir, child.pid, SIGUSR2);
	close(dir);
	end(&child);
	assert_int_equal(err, 0);
	assert_int_equal(by_number, 0);
	assert_int_equal(status.tgid, child.pid);
	assert_int_equal(status.ppid, getpid());
	assert_int_equal(status.gid, 3001);
	assert_int_equal(status.uid, 2001);
	assert_int_equal(status.euid, 2002);
	assert_int_equal(status.suid, 2003);
	assert_true(status.sleeps > 0);
	assert_int_equal(disposition, MAZE_DISPOSITION_KNOWN | MAZE_DISPOSITION_CAUGHT);
	assert_int_equal(none, MAZE_DISPOSITION_KNOWN);
}

static void a_spinner_with_many_groups_is_caught(void **state)
{
	struct maze_policy policy = policy_of(50 * MS, 100 * MS);
	struct child child = start_with_many_groups();
	struct maze_reader *reader;
	struct maze *maze = open_poll(&reader);

	(void)state;
	assert_int_equal(maze_watch(maze, child.pid, 0, &policy, TAG, NULL), 0);
	kill(child.pid, SIGCONT);
	assert_int_equal(next_of(reader, MAZE_EVENT_SOFT).event, MAZE_EVENT_SOFT);
	assert_int_equal(next_of(reader, MAZE_EVENT_HARD).event, MAZE_EVENT_HARD);
	assert_int_equal(wait_for(child.pid), 128 + SIGKILL);
	close_poll(maze, reader);
}

/* ---- files that lack lines -------------------------------------------------------------- */

static int status_of(const char *text, struct thread_status *ret_status)
{
	char place[] = "/tmp/test-proc-XXXXXX";
	int dir, fd, err;

	assert_non_null(mkdtemp(place));
	dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "task", 0755), 0);
	assert_int_equal(mkdirat(dir, "task/7", 0755), 0);
	fd = openat(dir, "task/7/status", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	err = proc_thread_status(dir, 7, ret_status);
	unlinkat(dir, "task/7/status", 0);
	unlinkat(dir, "task/7", AT_REMOVEDIR);
	unlinkat(dir, "task", AT_REMOVEDIR);
	close(dir);
	rmdir(place);
	return err;
}

/* Above all, a missing Uid must not be read as 0, which is root. */
static void a_status_without_ids_is_an_error(void **state)
{
	static const char *const lines[] = { "Tgid:\t7\n", "PPid:\t1\n", "Uid:\t5\t5\t5\t5\n",
					     "Gid:\t6\t6\t6\t6\n",
					     "voluntary_ctxt_switches:\t9\n" };
	const size_t count = sizeof(lines) / sizeof(lines[0]);
	struct thread_status status;
	char text[256];
	size_t without, i;
	int used;

	(void)state;
	for (without = 0; without <= count; without++) {
		used = snprintf(text, sizeof(text), "Name:\tx\n");
		for (i = 0; i < count; i++)
			if (i != without)
				used += snprintf(text + used, sizeof(text) - (size_t)used, "%s",
						 lines[i]);
		assert_int_equal(status_of(text, &status), without < count ? -EPROTO : 0);
	}
	assert_int_equal(status.uid, 5);
	assert_int_equal(status.sleeps, 9);
}

static void a_long_status_without_groups_is_an_error(void **state)
{
	static char text[20000];
	struct thread_status status;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(status_of(text, &status), -EPROTO);
}

/* ---- the cgroup --------------------------------------------------------------------- */

static void the_line_of_version_2_is_found(void **state)
{
	static const struct {
		const char *text, *path;
	} cases[] = {
		{ "0::/a/b\n", "/a/b" },
		{ "12:cpu:/x\n0::/a 0::b\n", "/a 0::b" },
		{ "0::/\n1:name=systemd:/y\n", "/" },
		{ "10::/x\n2:cpu:/0::/y\n", "" },
		{ "", "" },
	};
	char place[] = "/tmp/test-proc-XXXXXX", path[PROC_CGROUP_SIZE];
	int dir, fd, err;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(place));
	dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(proc_cgroup(dir, path), -ENOENT);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fd = openat(dir, "cgroup", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, cases[i].text, strlen(cases[i].text)),
				 strlen(cases[i].text));
		close(fd);
		err = proc_cgroup(dir, path);
		assert_int_equal(err, 0);
		assert_string_equal(path, cases[i].path);
	}
	unlinkat(dir, "cgroup", 0);
	close(dir);
	rmdir(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_groups_hide_no_other_line),
		cmocka_unit_test(a_spinner_with_many_groups_is_caught),
		cmocka_unit_test(a_status_without_ids_is_an_error),
		cmocka_unit_test(a_long_status_without_groups_is_an_error),
		cmocka_unit_test(the_line_of_version_2_is_found),
	};

	return cmocka_run_group_tests_name("proc_files", tests, NULL, NULL);
}
