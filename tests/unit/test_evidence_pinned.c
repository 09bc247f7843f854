/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence of a pinned engine: the process that requested it may have ended, and the next
 * reader still gets the evidence taken meanwhile. In a BPF file system that only this
 * program sees.
 */
#include "engine/bpf/engine_bpf.h"
#include "evidence_case.h"
#include "private_mounts.h"

static bool pinned_here;

static int pin_engine(void **state)
{
	struct maze_error error = { "" };

	if (!private_mount("bpf", "/sys/fs/bpf", NULL)) {
		snprintf(why_not, sizeof(why_not), "%s", private_mounts_why);
		return must_run ? -1 : 0;
	}
	(void)state;
	pinned_here = true;
	if (!maze_open("bpf", MAZE_PINNED, &engine, &error))
		return 0;
	snprintf(why_not, sizeof(why_not), "%.500s", error.text);
	return must_run ? -1 : 0;
}

static int unload_engine(void **state)
{
	bool was_loaded;

	(void)state;
	maze_close(engine);
	return pinned_here ? maze_unload("bpf", &was_loaded, NULL) : 0;
}

/* A process that requests so many stacks, and is killed. */
static void request_and_die(maze_u32 stacks_max)
{
	struct maze_evidence_wants wants = { stacks_max, 2 * MS };
	struct maze_evidence *evidence;
	struct maze *maze;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (maze_open("bpf", MAZE_EXISTING, &maze, NULL) ||
		    maze_evidence_open(maze, &wants, &evidence, NULL))
			_exit(99);
		raise(SIGKILL);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The number of stacks that the engine has taken; a reader would request more. */
static maze_u64 stacks_taken(void)
{
	struct maze_error error = { "" };
	struct engine *pinned;
	maze_u64 taken;

	if (engine_bpf.open(ENGINE_EXISTING, &pinned, &error))
		fail_msg("%s", error.text);
	taken = __atomic_load_n(&pinned->state->evidence_heads[MAZE_EVIDENCE_STACKS],
				__ATOMIC_SEQ_CST);
	engine_bpf.close(pinned);
	return taken;
}

/* A child that runs until there are so many stacks of it, and a hard verdict. */
static void spin_unread(struct fixture *fixture, unsigned int stacks)
{
	struct maze_policy policy = limits(20, 100);
	maze_u64 before = stacks_taken();
	time_t until = time(NULL) + WAIT_SECONDS;

	policy.hard_signal = 0;
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	assert_true(await(fixture, 0, MAZE_EVENT_HARD));
	while (stacks_taken() < before + stacks) {
		assert_true(time(NULL) < until);
		usleep(1000);
	}
	kill(fixture->child, SIGKILL);
	assert_int_equal(waitpid(fixture->child, NULL, 0), fixture->child);
}

static size_t stacks_of_child(struct fixture *fixture)
{
	struct maze_stack stack;
	size_t count = 0;

	while (maze_evidence_next_stack(fixture->evidence, &stack))
		count += stack.pid == (maze_u32)fixture->child;
	return count;
}

static void evidence_outlives_its_requester(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_process_info process_info = { 0 };
	bool found = false;

	request_and_die(3);
	spin_unread(fixture, 3);
	assert_int_equal(maze_evidence_open(fixture->maze, NULL, &fixture->evidence, NULL), 0);
	assert_int_equal(stacks_of_child(fixture), 3);
	while (maze_evidence_next_process_info(fixture->evidence, &process_info))
		found |= process_info.pid == (maze_u32)fixture->child;
	assert_true(found);
	fixture->child = -1;
}

/* Requests of ended processes do not count beside those of running ones. */
static void the_next_requester_sets_new_values(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);

	request_and_die(9);
	request_and_die(2);
	spin_unread(fixture, 2);
	assert_int_equal(maze_evidence_open(fixture->maze, NULL, &fixture->evidence, NULL), 0);
	assert_int_equal(stacks_of_child(fixture), 2);
	fixture->child = -1;
}

/* A reader of one kind is woken while any of the other kind is unread. */
static void the_descriptor_is_readable_while_evidence_is_unread(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_evidence_wants wants = { 2, 2 * MS };
	struct maze_evidence *evidence;
	struct maze_process_info process_info;
	struct maze_stack stack;
	struct pollfd fd = { .events = POLLIN };

	assert_int_equal(maze_evidence_open(fixture->maze, &wants, &evidence, NULL), 0);
	spin_unread(fixture, 2);
	fd.fd = maze_evidence_fd(evidence);
	while (maze_evidence_next_stack(evidence, &stack))
		;
	assert_int_equal(poll(&fd, 1, 0), 1);
	while (maze_evidence_next_process_info(evidence, &process_info))
		;
	maze_evidence_next_stack(evidence, &stack);
	assert_int_equal(poll(&fd, 1, 0), 0);
	maze_evidence_close(evidence);
	fixture->child = -1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(evidence_outlives_its_requester),
		TEST(the_next_requester_sets_new_values),
		TEST(the_descriptor_is_readable_while_evidence_is_unread),
	};

	(void)argv;
	prepare(argc);
	return cmocka_run_group_tests(tests, pin_engine, unload_engine);
}
