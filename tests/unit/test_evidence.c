/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Process infos and stacks of runaway threads: when the engine takes them, and how many.
 */
#include "evidence_case.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lib/runs.h"

static void spin_then_sleep_then_spin(void)
{
	spin_ms(150);
	nap();
	spin_ms(30); /* never up to the limit again */
}

static void a_hundred_episodes(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		spin_ms(3);
		nap();
	}
}

/* Rounds with fewer stacks than are kept; a byte from the parent starts each round. */
static int rounds[2];

static void spin_in_rounds(void)
{
	char byte;

	do {
		/* A slow machine needs many rounds. */
		bound_child();
		spin_ms(300);
	} while (write(rounds[1], "", 1) == 1 && read(rounds[1], &byte, 1) == 1);
}

static void end_of_round(void)
{
	char byte;

	assert_int_equal(read(rounds[0], &byte, 1), 1);
}

static void without_a_request_nothing_is_taken(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(20, 60);

	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	await_end(fixture);
	assert_non_null(find_record(fixture, MAZE_EVENT_HARD));
	assert_int_equal(maze_evidence_open(fixture->maze, NULL, &fixture->evidence, NULL), 0);
	collect(fixture);
	assert_int_equal(fixture->stacks_count + fixture->process_infos_count, 0);
	assert_true(maze_evidence_lost(fixture->evidence) == 0);
}

static void stacks_stop_at_their_maximum(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(20, 100);
	size_t i;

	policy.hard_signal = 0;
	want(fixture, 7, 2 * MS);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	/* 80 ms after the first stack; without the maximum there would be forty. */
	assert_true(await(fixture, 7, MAZE_EVENT_HARD));
	assert_int_equal(fixture->stacks_count, 7);
	assert_int_equal(fixture->process_infos_count, 1);
	for (i = 0; i < 7; i++)
		assert_int_equal(fixture->stacks[i].number, i);
	assert_true(maze_evidence_lost(fixture->evidence) == 0);
}

static void stacks_are_an_interval_of_cpu_time_apart(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(20, 0);
	size_t i, in_kernel = 0;

	want(fixture, 40, 5 * MS);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	assert_true(await(fixture, 40, MAZE_EVENT_SOFT));
	for (i = 1; i < 40; i++)
		assert_true(fixture->stacks[i].count_ns >=
			    fixture->stacks[i - 1].count_ns + 5 * MS);
	/*
	 * An interrupt may have come on top of another one, or on its return path, but
	 * not always.
	 */
	for (i = 0; i < 40; i++) {
		assert_true(leaf_is_the_spin(&fixture->stacks[i]));
		assert_true(!fixture->stacks[i].kernel_frames ||
			    fixture->stacks[i].flags & MAZE_STACK_IN_KERNEL);
		in_kernel += fixture->stacks[i].kernel_frames > 0;
	}
	assert_true(in_kernel < 40);
}

static void a_sleep_ends_the_sampling(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(100, 0);
	size_t i;

	want(fixture, 1000, 2 * MS);
	start(fixture, spin_then_sleep_then_spin);
	begin(fixture, &policy);
	await_end(fixture);
	assert_true(fixture->stacks_count >= 1);
	/* The next episode has no stack before its verdict, however long it becomes here. */
	for (i = 0; i < fixture->stacks_count; i++)
		assert_true(fixture->stacks[i].count_ns >= policy.soft_ns);
}

static void each_episode_has_its_own(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(1, 0);
	size_t i, verdicts = 0;

	want(fixture, 1, 0);
	start(fixture, a_hundred_episodes);
	begin(fixture, &policy);
	/* The record of the last verdict may come after its stack. */
	await_end(fixture);
	assert_true(fixture->stacks_count >= 100);
	for (i = 1; i < 100; i++) {
		assert_true(fixture->stacks[i].episode > fixture->stacks[i - 1].episode);
		assert_int_equal(fixture->stacks[i].number, 0);
	}
	for (i = 0; i < fixture->records_count; i++)
		if (fixture->records[i].event == MAZE_EVENT_SOFT && verdicts < 100)
			assert_true(fixture->records[i].episode ==
				    fixture->process_infos[verdicts++].episode);
	assert_int_equal(verdicts, 100);
}

static void lost_stacks_are_counted(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(1, 0);
	struct maze_evidence *late;
	struct maze_stack stack;
	maze_u64 before;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, rounds), 0);
	want(fixture, 1000, MAZE_STACK_INTERVAL_MIN_NS);
	before = fixture->stacks[0].seq; /* number of the last stack read, 0: none */
	late = fixture->evidence;
	want(fixture, 1000, MAZE_STACK_INTERVAL_MIN_NS);
	start(fixture, spin_in_rounds);
	/* Then the end of the child ends a wait for its round. */
	close(rounds[1]);
	begin(fixture, &policy);
	/* There is room for 1024. */
	for (end_of_round(), collect(fixture); fixture->stacks_count < 1100; collect(fixture)) {
		assert_int_equal(write(rounds[0], "", 1), 1);
		end_of_round();
	}
	close(rounds[0]);
	kill(fixture->child, SIGKILL);
	assert_int_equal(waitpid(fixture->child, NULL, 0), fixture->child);
	assert_true(maze_evidence_lost(fixture->evidence) == 0);
	assert_int_equal(maze_evidence_next_stack(late, &stack), 1);
	assert_true(stack.seq > before + 75);
	assert_true(maze_evidence_lost(late) == stack.seq - before - 1);
	maze_evidence_close(late);
	/* A later reader starts with the kept stacks, and has lost none. */
	assert_int_equal(maze_evidence_open(fixture->maze, NULL, &late, NULL), 0);
	assert_int_equal(maze_evidence_next_stack(late, &stack), 1);
	assert_true(maze_evidence_lost(late) == 0);
	maze_evidence_close(late);
}

static void a_killed_process_has_evidence(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 51);

	want(fixture, 0, 0);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	await_end(fixture);
	assert_non_null(find_record(fixture, MAZE_EVENT_HARD));
	assert_int_equal(fixture->process_infos_count, 1);
	assert_true(fixture->stacks_count >= 1);
	assert_true(leaf_is_the_spin(&fixture->stacks[0]));
}

static void a_hard_stage_alone_has_evidence(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(0, 50);

	want(fixture, 5, 5 * MS);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	await_end(fixture);
	assert_int_equal(fixture->process_infos_count, 1);
	assert_true(fixture->stacks_count >= 1);
	assert_true(leaf_is_the_spin(&fixture->stacks[0]));
}

static void a_verdict_in_shadow_has_evidence_too(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(20, 30);

	policy.flags |= MAZE_POLICY_SHADOW;
	want(fixture, 5, 5 * MS);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	assert_true(await(fixture, 5, MAZE_EVENT_HARD));
	assert_int_equal(fixture->process_infos_count, 1);
	assert_int_equal(waitpid(fixture->child, NULL, WNOHANG), 0);
}

static void the_larger_number_and_the_smaller_interval_win(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_evidence_wants few = { 2, 3 * MS };
	struct maze_policy policy = limits(20, 0);
	struct maze_evidence *other;

	/* At that interval alone, nine stacks would take hours. */
	want(fixture, 9, 3600 * MAZE_NSEC_PER_SEC);
	assert_int_equal(maze_evidence_open(fixture->maze, &few, &other, NULL), 0);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	assert_true(await(fixture, 9, MAZE_EVENT_SOFT));
	maze_evidence_close(other);
}

static void requests_beyond_the_limits_are_refused(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_evidence_wants many = { MAZE_STACKS_MAX + 1, 0 }, dense = { 0, MS - 1 };
	struct maze_error error = { "" };

	assert_int_equal(maze_evidence_open(fixture->maze, &many, &fixture->evidence, &error),
			 -EINVAL);
	assert_string_equal(error.text, "1001 stacks for an episode are too many; at most 1000 are "
					"possible");
	assert_int_equal(maze_evidence_open(fixture->maze, &dense, &fixture->evidence, &error),
			 -EINVAL);
	assert_null(fixture->evidence);
}

#define RUNS_LIMIT_MS 100

/* The account of the thread that yields, in shared memory. */
struct switches {
	maze_u64 asleep;	/* its sleeps */
	maze_u64 noted_from_ns; /* from this CPU time on, each switch is noted as a run */
	maze_u64 first, last;	/* its switches at the first call since then, and the last */
};
static struct switches *switches;

static void count_switches(void)
{
	maze_u64 used_ns = cpu_time();
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	/* The first call, or a page fault that has slept, which begins another episode. */
	if (!switches->noted_from_ns || (maze_u64)usage.ru_nvcsw != switches->asleep)
		*switches =
			(struct switches){ .asleep = (maze_u64)usage.ru_nvcsw,
					   .noted_from_ns = cpu_time() + RUNS_LIMIT_MS / 2 * MS };
	if (used_ns < switches->noted_from_ns)
		return;
	switches->last = (maze_u64)usage.ru_nvcsw + (maze_u64)usage.ru_nivcsw;
	if (!switches->first)
		switches->first = switches->last;
}

/*
 * Two processes on one CPU, each of which gives it to the other. Beside spinners each yield
 * costs a wait for the CPU, so one that has had less than a twentieth of a CPU in a second
 * works between the yields, but so shortly that more runs than are kept fit into the limit.
 */
static void yield_for_ever(void)
{
	maze_u64 until_ns, spent_ns, began_ns = now_ns(CLOCK_MONOTONIC);
	static struct switches of_other;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(WAIT_SECONDS);
		switches = &of_other;
	}
	for (;;) {
		sched_yield();
		count_switches();
		spent_ns = now_ns(CLOCK_MONOTONIC) - began_ns;
		if (spent_ns < MAZE_NSEC_PER_SEC || cpu_time() > spent_ns / 20)
			continue;
		until_ns = cpu_time() + MS / 5;
		while (cpu_time() < until_ns)
			;
	}
}

/* Returns whether there were more runs than are kept, by the account of the child. */
static bool judge_runs(struct fixture *fixture)
{
	const struct maze_record *verdict = find_record(fixture, MAZE_EVENT_HARD);
	const struct maze_record *end = find_record(fixture, MAZE_EVENT_EXIT);
	maze_u64 noted = switches->last - switches->first, yields = 0;
	struct maze_last_runs runs;
	const struct maze_run *run;
	int err;

	assert_non_null(verdict);
	assert_non_null(end);
	err = evidence_runs(fixture->evidence, verdict->pid, verdict->tid, verdict->episode, &runs);
	/* While it ended, it slept and was near its limit again: those runs took the place. */
	if (err == -ENOENT && end->episode != verdict->episode) {
		print_message("# episode %u ended in episode %u\n", verdict->episode, end->episode);
		return false;
	}
	assert_int_equal(err, 0);
	/* And the one of the verdict. */
	assert_true(runs.earlier + runs.count >= noted + 1);
	if (noted >= MAZE_RUNS_MAX) {
		assert_int_equal(runs.count, MAZE_RUNS_MAX);
		assert_true(runs.earlier > 0);
	}
	for (run = runs.run; run < &runs.run[runs.count - 1]; run++) {
		assert_true(run->end == MAZE_RUN_YIELDED || run->end == MAZE_RUN_PREEMPTED);
		assert_true(run->from_ns <= run->to_ns && run->to_ns <= run[1].to_ns);
		assert_true(run->runtime_ns <= run[1].runtime_ns);
		yields += run->end == MAZE_RUN_YIELDED;
		/* Each switch has its run; whether the last one is a switch is not known. */
		if (run < &runs.run[runs.count - 2])
			assert_int_equal(run[1].nvcsw + run[1].nivcsw,
					 run->nvcsw + run->nivcsw + 1);
	}
	assert_int_equal(run->end, MAZE_RUN_VERDICT);
	assert_true(run->to_ns <= verdict->boot_ns && run->runtime_ns >= verdict->count_ns);
	if (noted >= MAZE_RUNS_MAX)
		assert_true(yields > 0);
	assert_int_equal(evidence_runs(fixture->evidence, verdict->pid, verdict->tid,
				       verdict->episode + 1, &runs),
			 -ENOENT);
	return noted >= MAZE_RUNS_MAX;
}

static void the_last_runs_are_kept(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_SECONDS * MAZE_NSEC_PER_SEC;
	struct maze_policy policy = limits(0, RUNS_LIMIT_MS);

	policy.flags &= ~MAZE_POLICY_INHERIT;
	switches = mmap(NULL, sizeof(*switches), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	assert_true(switches != MAP_FAILED);
	want(fixture, 1, 20 * MS);
	/* In a pause of the machine, a child reaches its limit with fewer runs. */
	do {
		if (now_ns(CLOCK_MONOTONIC) >= until)
			skip_because("no child had so many runs within its limit");
		*switches = (struct switches){ 0 };
		start(fixture, yield_for_ever);
		begin(fixture, &policy);
		await_end(fixture);
	} while (!judge_runs(fixture));
	munmap(switches, sizeof(*switches));
}

static void another_engine_reports_that_it_takes_none(void **state)
{
	struct maze_error error = { "" };
	struct maze_evidence *evidence;
	struct maze *maze;

	(void)state;
	assert_int_equal(maze_open("poll", MAZE_PRIVATE, &maze, NULL), 0);
	assert_int_equal(maze_evidence_open(maze, NULL, &evidence, &error), -EOPNOTSUPP);
	assert_string_equal(error.text, "the poll engine takes no stacks; the bpf engine does");
	maze_close(maze);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		/* The first request for evidence, which stays in force. */
		TEST(without_a_request_nothing_is_taken),
		TEST(stacks_stop_at_their_maximum),
		TEST(stacks_are_an_interval_of_cpu_time_apart),
		TEST(a_sleep_ends_the_sampling),
		TEST(each_episode_has_its_own),
		TEST(lost_stacks_are_counted),
		TEST(a_killed_process_has_evidence),
		TEST(a_hard_stage_alone_has_evidence),
		TEST(a_verdict_in_shadow_has_evidence_too),
		TEST(the_larger_number_and_the_smaller_interval_win),
		TEST(the_last_runs_are_kept),
		TEST(requests_beyond_the_limits_are_refused),
		cmocka_unit_test(another_engine_reports_that_it_takes_none),
	};

	(void)argv;
	prepare(argc);
	return cmocka_run_group_tests(tests, load_engine, drop_engine);
}
