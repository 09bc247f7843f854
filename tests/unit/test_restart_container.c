/* SPDX-License-Identifier: GPL-2.0-only */
/* The action restart in a container: its first process is found, and ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include "../../daemon/actions/restart/container_first.h"
#include "restarting.h"

#define DOCKER "/docker-" ID ".scope"

static void end_by_signal(int signal)
{
	_exit(signal);
}

/* The first process of a PID namespace, with one child. Both wait for signals. */
static void be_first(int gate, bool handles_term)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (handles_term)
		signal(SIGTERM, end_by_signal);
	if (read(gate, &byte, 1) != 1)
		_exit(1);
	(void)!fork();
	for (;;)
		pause();
}

struct container {
	pid_t runtime, first, member, outside; /* in this PID namespace */
	int member_pidfd;
};

static bool find_member(pid_t pid, void *arg)
{
	struct container *container = arg;

	if (pid != container->first && pid != container->outside)
		container->member = pid;
	return true;
}

static bool has_member(int dir, struct container *container)
{
	cgroup_each_process(dir, find_member, container);
	return container->member > 0;
}

static void start_container(bool handles_term, pid_t outside, struct container *ret_container)
{
	struct container container = { .outside = outside };
	int gate[2], pids[2], dir;

	assert_int_equal(pipe2(gate, O_CLOEXEC) | pipe2(pids, O_CLOEXEC), 0);
	container.runtime = fork();
	assert_true(container.runtime >= 0);
	if (!container.runtime) {
		bound_child();
		if (unshare(CLONE_NEWPID))
			_exit(1);
		container.first = fork();
		if (!container.first)
			be_first(gate[0], handles_term);
		(void)!write(pids[1], &container.first, sizeof(container.first));
		waitpid(container.first, NULL, 0);
		_exit(0);
	}
	close(pids[1]);
	assert_int_equal(read(pids[0], &container.first, sizeof(pid_t)), sizeof(pid_t));
	close(pids[0]);
	enter_cgroup(&cgroups, make_path(DOCKER), container.first);
	assert_int_equal(write(gate[1], "", 1), 1);
	dir = cgroup_open(&cgroups, make_path(DOCKER));
	wait_until(has_member(dir, &container));
	close(dir);
	close(gate[0]);
	close(gate[1]);
	container.member_pidfd = pidfd_open(container.member, 0);
	assert_true(container.member_pidfd >= 0);
	*ret_container = container;
}

static void the_first_process_of_a_container_is_ended(void **state)
{
	static const struct {
		bool handles_term;
		const struct stage_actions *stage;
		const char *by;
	} cases[] = {
		{ true, &yes_stage, "SIGTERM" },
		{ false, &yes_stage, "SIGKILL" },
		{ true, &now_stage, "SIGKILL" },
	};
	struct acting *acting = *state;
	struct container container;
	struct maze_record record;
	struct victim outside;
	char line[192];
	size_t i;

	if (cgroups.fd < 0 || geteuid())
		skip_because("needs root, and cgroups of version 2");
	/* As one of `docker exec`: not of the PID namespace. Here it is also the oldest. */
	start_victim_in(DOCKER, &outside, &record);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start_container(cases[i].handles_term, outside.pid, &container);
		/* Only SIGTERM that is not handled waits for the end of the grace time. */
		reopen_with_grace(acting, cases[i].handles_term ? 60 * MAZE_NSEC_PER_SEC
								: 50 * MAZE_NSEC_PER_MSEC);
		record = record_of(container.member, container.member);
		record.flags |= MAZE_RECORD_SHADOW;
		act_on_restart(acting, &record, cases[i].stage, container.member_pidfd);
		snprintf(line, sizeof(line),
			 "shadow: would have ended process %d, the first of its container " ID,
			 container.first);
		assert_logged(acting, line);
		record.flags &= ~MAZE_RECORD_SHADOW;
		act_on_restart(acting, &record, cases[i].stage, container.member_pidfd);
		snprintf(line, sizeof(line),
			 "ended process %d, the first of its container " ID " of docker, by %s in ",
			 container.first, cases[i].by);
		run_until_logged(acting, line);
		waitpid(container.runtime, NULL, 0);
		close(container.member_pidfd);
	}
	assert_false(pidfd_has_ended(outside.pidfd));
	end_victim(&outside);
	assert_int_equal(fake.opened, 0);
}

static void without_a_pid_namespace_the_oldest_from_outside_is_the_first(void **state)
{
	struct acting *acting = *state;
	struct victim first, later;
	struct maze_record record;
	char line[64];

	start_victim_in(DOCKER, &first, &record);
	wait_for_later_start_times();
	start_victim_in(DOCKER, &later, &record);
	act_on_restart(acting, &record, &yes_stage, later.pidfd);
	snprintf(line, sizeof(line), "ended process %d, the first of its", first.pid);
	run_until_logged(acting, line);
	assert_false(pidfd_has_ended(later.pidfd));
	end_victim(&first);
	end_victim(&later);
}

/* A plain directory in place of the container's cgroup, with these PIDs in it. */
static void list_processes(struct acting *acting, const pid_t *pids, size_t count,
			   struct cgroup_fs *ret_fs)
{
	char path[160];
	FILE *file;

	ret_fs->fd = open(acting->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(ret_fs->fd >= 0);
	snprintf(path, sizeof(path), "%s" DOCKER, acting->directory);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s" DOCKER "/cgroup.procs", acting->directory);
	file = fopen(path, "we");
	assert_non_null(file);
	while (count--)
		fprintf(file, "%d\n", *pids++);
	assert_int_equal(fclose(file), 0);
}

/* As if the PID had been reused after the list was read. */
static void a_listed_process_that_is_not_in_the_container_is_refused(void **state)
{
	struct acting *acting = *state;
	struct maze_error error = { "" };
	struct cgroup_fs fs;
	struct victim other;
	pid_t pid;

	start_victim(&other);
	list_processes(acting, &other.pid, 1, &fs);
	assert_int_equal(container_first_open(&fs, DOCKER, &pid, &error), -ESRCH);
	assert_int_equal(pid, other.pid);
	cgroup_fs_close(&fs);
	end_victim(&other);
}

/* The first process may be among those that were not read. */
static void a_container_with_too_many_cgroups_has_no_first_process(void **state)
{
	struct acting *acting = *state;
	struct maze_error error = { "" };
	struct cgroup_fs fs;
	struct victim member;
	char path[192];
	pid_t pid;
	int i;

	start_victim(&member);
	list_processes(acting, &member.pid, 1, &fs);
	for (i = 0; i < CGROUP_WALK_DIRECTORIES_MAX; i++) {
		snprintf(path, sizeof(path), "%s" DOCKER "/%d", acting->directory, i);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_int_equal(container_first_open(&fs, DOCKER, &pid, &error), -E2BIG);
	cgroup_fs_close(&fs);
	end_victim(&member);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, start_restarting, stop_restarting)
	const struct CMUnitTest tests[] = {
		T(the_first_process_of_a_container_is_ended),
		T(without_a_pid_namespace_the_oldest_from_outside_is_the_first),
		T(a_listed_process_that_is_not_in_the_container_is_refused),
		T(a_container_with_too_many_cgroups_has_no_first_process),
	};

	if (cgroup_fs_open(&cgroups, NULL))
		cgroups.fd = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
