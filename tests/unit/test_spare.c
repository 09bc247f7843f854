/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze_spare_program(): a process that runs this program gets no verdict, whatever it
 * uses; one that runs another program does, also for what it used before its execve. With
 * each engine that can run here.
 */
#include "poll_case.h"

#define LIMIT_NS (20 * MS)

static void spin_in_a_shell(void)
{
	execl("/bin/sh", "sh", "-c", "while :; do :; done", (char *)NULL);
	_exit(127);
}

/*
 * A part of it before the execve, in the same episode: pinned, because an execve may sleep
 * to move to another CPU.
 */
static void spin_and_execute_a_shell(void)
{
	struct timespec used;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while (used.tv_nsec < (long)(10 * LIMIT_NS) && !used.tv_sec);
	spin_in_a_shell();
}

/* Several times the limit. */
static void wait_until_used(pid_t pid, maze_u64 used_ns)
{
	struct timespec used = { 0 };
	clockid_t clock;
	int i;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	for (i = 0; i < WAIT_SECONDS * 100; i++) {
		assert_int_equal(clock_gettime(clock, &used), 0);
		if ((maze_u64)used.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)used.tv_nsec >= used_ns)
			return;
		usleep(10000);
	}
	fail_msg("process %d got no CPU within a minute", (int)pid);
}

static bool has_verdict(struct maze_reader *reader)
{
	struct maze_record record;
	bool found = false;

	while (maze_reader_next(reader, &record) == 1)
		found |= record.event == MAZE_EVENT_SOFT;
	return found;
}

/* Returns the verdict of a child that runs this. */
static struct maze_record verdict_of(struct maze *maze, struct maze_reader *reader,
				     void (*what)(void), const struct maze_policy *policy)
{
	struct maze_error error = { "" };
	struct child child = start(what);
	struct maze_record record;

	assert_int_equal(maze_watch(maze, child.pid, 0, policy, TAG, &error), 0);
	let_go(&child);
	do
		record = next_of(reader, MAZE_EVENT_SOFT);
	while (record.pid != (maze_u32)child.pid);
	kill(child.pid, SIGKILL);
	wait_for(child.pid);
	assert_int_equal(record.event, MAZE_EVENT_SOFT);
	return record;
}

static void only_another_program_is_judged(const char *engine)
{
	struct maze_policy policy = policy_of(LIMIT_NS, 0);
	struct maze_error error = { "" };
	struct maze_reader *reader;
	struct child same;
	struct maze *maze;

	/* Without a yield-probe service a verdict would wait for one. */
	policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	if (maze_open(engine, MAZE_PRIVATE, &maze, &error))
		skip_because("no engine: %s", error.text);
	assert_int_equal(maze_reader_open(maze, false, &reader, &error), 0);
	maze_spare_program(maze);
	same = start(spin);
	assert_int_equal(maze_watch(maze, same.pid, 0, &policy, TAG, &error), 0);
	let_go(&same);
	wait_until_used(same.pid, 10 * LIMIT_NS);
	assert_false(has_verdict(reader));
	kill(same.pid, SIGKILL);
	wait_for(same.pid);
	assert_string_equal(verdict_of(maze, reader, spin_in_a_shell, &policy).comm, "sh");
	/* This verdict can come within the execve, before the name of the shell. */
	verdict_of(maze, reader, spin_and_execute_a_shell, &policy);
	close_poll(maze, reader);
}

static void the_bpf_engine_spares_its_own_program(void **state)
{
	(void)state;
	only_another_program_is_judged("bpf");
}

static void the_poll_engine_spares_its_own_program(void **state)
{
	(void)state;
	only_another_program_is_judged("poll");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bpf_engine_spares_its_own_program),
		cmocka_unit_test(the_poll_engine_spares_its_own_program),
	};

	return cmocka_run_group_tests_name("spare", tests, NULL, NULL);
}
