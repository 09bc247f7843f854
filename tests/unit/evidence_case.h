/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of evidence: an engine, a child that spins in a function of this
 * program, and so at a known location, and readers of its evidence.
 */
#ifndef MAZE_TEST_EVIDENCE_CASE_H
#define MAZE_TEST_EVIDENCE_CASE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "asleep.h"
#include "bounds.h"
#include "lib/maze.h"
#include "skip.h"

#define MS MAZE_NSEC_PER_MSEC
#define STACKS 2048 /* more than any test takes */

struct fixture {
	struct maze *maze;
	struct maze_reader *reader;
	struct maze_evidence *evidence;
	pid_t child;
	int go; /* a write starts the child */
	struct maze_stack *stacks;
	size_t stacks_count;
	struct maze_process_info process_infos[512];
	size_t process_infos_count;
	struct maze_record records[2048];
	size_t records_count;
};

/* The engine is required: a failure to load it is a failure of the test. */
static bool must_run;
/*
 * One engine for all tests: loading takes seconds on an emulated processor. NULL: cannot
 * run.
 */
static struct maze *engine;
static char why_not[512];

static inline int load_engine(void **state)
{
	struct maze_error error = { "" };

	(void)state;
	if (!maze_open("bpf", MAZE_PRIVATE, &engine, &error))
		return 0;
	snprintf(why_not, sizeof(why_not), "%.500s", error.text);
	return must_run ? -1 : 0;
}

static inline int drop_engine(void **state)
{
	(void)state;
	maze_close(engine);
	return 0;
}

/* The child's CPU clock when it was in the section of spin_for_ever(); shared memory. */
static volatile struct timespec *in_spin_since;
#define NOT_YET_S 1000000

static inline int set_up(void **state)
{
	struct fixture *fixture;

	*state = NULL;
	if (!engine)
		return 0;
	fixture = calloc(1, sizeof(*fixture));
	fixture->maze = engine;
	assert_int_equal(maze_reader_open(engine, false, &fixture->reader, NULL), 0);
	fixture->stacks = calloc(STACKS, sizeof(*fixture->stacks));
	fixture->child = -1;
	in_spin_since = mmap(NULL, sizeof(*in_spin_since), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(in_spin_since != MAP_FAILED);
	*state = fixture;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	if (!fixture)
		return 0;
	if (fixture->child > 0) {
		kill(fixture->child, SIGKILL);
		waitpid(fixture->child, NULL, 0);
	}
	maze_evidence_close(fixture->evidence);
	maze_reader_close(fixture->reader);
	munmap((void *)in_spin_since, sizeof(*in_spin_since));
	free(fixture->stacks);
	free(fixture);
	return 0;
}

static inline struct fixture *fixture_or_skip(void **state)
{
	if (!*state)
		skip_because("%s", why_not);
	return *state;
}

/* ---- the children -------------------------------------------------------------------- */

static inline maze_u64 cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

/* In a section of its own, so that its bounds are known. */
#define SPIN_SECTION __attribute__((noinline, section("maze_spin"), used))
extern const char __start_maze_spin[], __stop_maze_spin[];

/*
 * The system call is in the section too. So each stack that is taken at a later time of
 * that clock has its leaf there, whatever delays the way from the call to the loop.
 */
SPIN_SECTION static void spin_for_ever(void)
{
	long ret;

#if defined(__x86_64__)
	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(SYS_clock_gettime), "D"(CLOCK_THREAD_CPUTIME_ID), "S"(in_spin_since)
		     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x0 asm("x0") = CLOCK_THREAD_CPUTIME_ID;
	register volatile struct timespec *x1 asm("x1") = in_spin_since;
	register long x8 asm("x8") = SYS_clock_gettime;

	asm volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x8) : "memory");
	ret = x0;
#else
	ret = clock_gettime(CLOCK_THREAD_CPUTIME_ID, (struct timespec *)in_spin_since);
#endif
	(void)ret;
	for (;;)
		asm volatile("");
}

static inline void spin_ms(unsigned int ms)
{
	maze_u64 until = cpu_time() + ms * MS;

	while (cpu_time() < until)
		;
}

/*
 * Repeats until the kernel has counted a sleep: a timer may expire before the sleep
 * begins.
 */
static inline void nap(void)
{
	struct rusage before, now;

	getrusage(RUSAGE_THREAD, &before);
	do {
		usleep(2000);
		getrusage(RUSAGE_THREAD, &now);
	} while (now.ru_nvcsw == before.ru_nvcsw);
}

/* ---- the parent ------------------------------------------------------------------------ */

/* A child that waits for begin(). */
static inline void start(struct fixture *fixture, void (*program)(void))
{
	int go[2];
	char byte;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	in_spin_since->tv_sec = NOT_YET_S;
	fixture->child = fork();
	if (!fixture->child) {
		bound_child();
		if (read(go[0], &byte, 1) != 1)
			_exit(99);
		program();
		_exit(0);
	}
	assert_true(fixture->child > 0);
	close(go[0]);
	fixture->go = go[1];
}

static inline void begin(struct fixture *fixture, const struct maze_policy *policy)
{
	/* Otherwise that sleep ends an episode, which after a pause has had its own verdict. */
	wait_until(is_asleep_in(fixture->child, fixture->child, SYS_read));
	assert_int_equal(maze_watch(fixture->maze, fixture->child, 0, policy, 77, NULL), 0);
	assert_int_equal(write(fixture->go, "", 1), 1);
	close(fixture->go);
}

static inline struct maze_policy limits(unsigned int soft_ms, unsigned int hard_ms)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = soft_ms * MS;
	policy.hard_ns = hard_ms * MS;
	/* This test runs no yield-probe service, for which a verdict would wait. */
	policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	return policy;
}

static inline void want(struct fixture *fixture, maze_u32 stacks_max, maze_u64 interval_ns)
{
	struct maze_evidence_wants wants = { stacks_max, interval_ns };
	struct maze_error error = { "" };

	if (maze_evidence_open(fixture->maze, &wants, &fixture->evidence, &error))
		fail_msg("%s", error.text);
	/* The evidence of earlier tests. */
	while (maze_evidence_next_process_info(fixture->evidence, fixture->process_infos) ||
	       maze_evidence_next_stack(fixture->evidence, fixture->stacks))
		;
}

static inline void collect(struct fixture *fixture)
{
	struct maze_record record;

	while (fixture->evidence && fixture->process_infos_count < 512 &&
	       maze_evidence_next_process_info(
		       fixture->evidence, &fixture->process_infos[fixture->process_infos_count]))
		fixture->process_infos_count++;
	while (fixture->evidence && fixture->stacks_count < STACKS &&
	       maze_evidence_next_stack(fixture->evidence, &fixture->stacks[fixture->stacks_count]))
		fixture->stacks_count++;
	while (fixture->records_count < 2048 && maze_reader_next(fixture->reader, &record) == 1)
		fixture->records[fixture->records_count++] = record;
}

static inline const struct maze_record *find_record(struct fixture *fixture, enum maze_event event)
{
	size_t i;

	for (i = 0; i < fixture->records_count; i++)
		if (fixture->records[i].event == event &&
		    fixture->records[i].pid == (maze_u32)fixture->child)
			return &fixture->records[i];
	return NULL;
}

/* Reads until there is enough; false: nothing came for a minute. */
static inline bool await(struct fixture *fixture, size_t stacks, enum maze_event event)
{
	struct pollfd fds[2] = { { .fd = maze_reader_fd(fixture->reader), .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };

	if (fixture->evidence)
		fds[1].fd = maze_evidence_fd(fixture->evidence);
	for (;;) {
		collect(fixture);
		if (fixture->stacks_count >= stacks && (!event || find_record(fixture, event)))
			return true;
		if (poll(fds, 2, WAIT_SECONDS * 1000) > 0)
			continue;
		print_message("there are %zu stacks, %zu process_infos, %zu records\n",
			      fixture->stacks_count, fixture->process_infos_count,
			      fixture->records_count);
		return false;
	}
}

static inline void await_end(struct fixture *fixture)
{
	assert_true(waitpid(fixture->child, NULL, 0) == fixture->child);
	assert_true(await(fixture, 0, MAZE_EVENT_EXIT));
	collect(fixture);
}

/* The file offset of an address of this program; 0: there is none. */
static inline maze_u64 offset_in_file(const void *address)
{
	unsigned long from, to, offset, wanted = (unsigned long)address;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[1024];
	maze_u64 found = 0;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &from, &to, &offset) == 3 && wanted >= from &&
		    wanted < to)
			found = wanted - from + offset;
	if (maps)
		fclose(maps);
	return found;
}

/* By the child's account: a pause of the machine may take it to a limit before it spins. */
static inline bool leaf_is_the_spin(const struct maze_stack *stack)
{
	maze_u64 at = stack->user[0].at;

	if (stack->count_ns <
	    (maze_u64)in_spin_since->tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)in_spin_since->tv_nsec)
		return true;
	if (!stack->user_frames)
		return false;
	if (stack->user[0].kind == MAZE_FRAME_ADDRESS)
		return at >= (uintptr_t)__start_maze_spin && at < (uintptr_t)__stop_maze_spin;
	return stack->user[0].kind == MAZE_FRAME_FILE && at >= offset_in_file(__start_maze_spin) &&
	       at < offset_in_file(__start_maze_spin) +
			       (maze_u64)(__stop_maze_spin - __start_maze_spin);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* The first call of main(). */
static inline void prepare(int argc)
{
	/* With an argument the engine is required, as in a virtual machine. */
	must_run = argc > 1;
	/* Before a child exists: the child may reach a limit before its own code runs. */
	signal(SIGXCPU, SIG_IGN);
}

#endif
