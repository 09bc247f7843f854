/* SPDX-License-Identifier: GPL-2.0-only */
/* The action restart in a container: its first process is found, and ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

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

static void start_container(bool handles_term, pid_t outside, struct container *ret_container)
{
	struct container container = { .outside = outside };
	int gate[2], pids[2], dir;

	assert_int_equal(pipe2(gate, O_CLOEXEC) | pipe2(pids, O_CLOEXEC), 0);
	container.runtime = fork();
	assert_true(container.runtime >= 0);
	if (!container.runtime) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(240);
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
	while (!container.member)
		cgroup_each_process(dir, find_member, &container);
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
	while (boot_now_ns() < first.began_ns + 50 * MAZE_NSEC_PER_MSEC)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	start_victim_in(DOCKER, &later, &record);
	act_on_restart(acting, &record, &yes_stage, later.pidfd);
	snprintf(line, sizeof(line), "ended process %d, the first of its", first.pid);
	run_until_logged(acting, line);
	assert_false(pidfd_has_ended(later.pidfd));
	end_victim(&first);
	end_victim(&later);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, start_restarting, stop_restarting)
	const struct CMUnitTest tests[] = {
		T(the_first_process_of_a_container_is_ended),
		T(without_a_pid_namespace_the_oldest_from_outside_is_the_first),
	};

	if (cgroup_fs_open(&cgroups, NULL))
		cgroups.fd = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
