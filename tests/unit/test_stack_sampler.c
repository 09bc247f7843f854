/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stacks by perf events (lib/stack_sampler.h): of children that spin at a known location,
 * and of children that end.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* For a ring that the test writes. */
#include "../../lib/stack_sampler.c" /* NOLINT(bugprone-suspicious-include) */
#include "skip.h"

#define MS MAZE_NSEC_PER_MSEC
/* Bounds each wait for the next stack. */
#define WAIT_MS 60000
/* More than every possible process number. */
#define GONE 4194305
/* A stack of a spinning child takes 80 bytes at least. */
#define RING_STACKS_MAX (32768 / 80)

/* ---- children ----------------------------------------------------------------------- */

/* In a section of its own, so that its bounds are known. */
#define SPIN_SECTION __attribute__((noinline, section("maze_spin"), used))
extern const char __start_maze_spin[], __stop_maze_spin[];

SPIN_SECTION static void spin_for_ever(void)
{
	for (;;)
		asm volatile("");
}

static void read_for_ever(void)
{
	static char buffer[1 << 20];
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	while (zero >= 0 && read(zero, buffer, sizeof(buffer)) > 0)
		;
}

/* The child runs `program` when the first byte arrives, and then the next. */
static pid_t start(void (*program)(void), int *ret_go)
{
	int go[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		if (read(go[0], &byte, 1) == 1)
			program();
		_exit(0);
	}
	assert_true(pid > 0);
	close(go[0]);
	*ret_go = go[1];
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static struct stack_sampler *open_or_skip(pid_t pid, maze_u64 interval_ns)
{
	struct maze_error error = { "" };
	struct stack_sampler *sampler = NULL;
	int err = stack_sampler_open(pid, interval_ns, &sampler, &error);

	if (err) {
		end(pid);
		skip_because("%s", error.text);
	}
	return sampler;
}

/* The sampler is open before the program of the child begins. */
static struct stack_sampler *sample(void (*program)(void), maze_u64 interval_ns, pid_t *ret_pid)
{
	struct stack_sampler *sampler;
	int go;

	*ret_pid = start(program, &go);
	sampler = open_or_skip(*ret_pid, interval_ns);
	assert_int_equal(write(go, "", 1), 1);
	close(go);
	return sampler;
}

static void await(struct stack_sampler *sampler, struct maze_stack *ret_stack)
{
	struct pollfd fd = { .fd = stack_sampler_fd(sampler), .events = POLLIN };

	while (!stack_sampler_next(sampler, ret_stack))
		if (poll(&fd, 1, WAIT_MS) != 1 || stack_sampler_has_ended(sampler))
			fail_msg("no stack came");
}

static bool is_in_spin(const struct maze_stack *stack)
{
	return stack->user_frames && stack->user[0].kind == MAZE_FRAME_ADDRESS &&
	       stack->user[0].at >= (uintptr_t)__start_maze_spin &&
	       stack->user[0].at < (uintptr_t)__stop_maze_spin;
}

/* Skips the stacks of the child's way to its loop. */
static void await_spin(struct stack_sampler *sampler, struct maze_stack *ret_stack)
{
	do
		await(sampler, ret_stack);
	while (!is_in_spin(ret_stack));
}

static maze_u64 cpu_time_of(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return 0;
	return (maze_u64)used.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)used.tv_nsec;
}

static void await_cpu_time(pid_t pid, maze_u64 ns)
{
	const struct timespec pause = { .tv_nsec = (long)(5 * MS) };
	maze_u64 until = cpu_time_of(pid) + ns;
	int i;

	for (i = 0; i < 12000 && cpu_time_of(pid) < until; i++)
		nanosleep(&pause, NULL);
	assert_true(cpu_time_of(pid) >= until);
}

/* ---- stacks ------------------------------------------------------------------------- */

static void stacks_are_an_interval_of_cpu_time_apart(void **state)
{
	struct maze_stack stack, before;
	struct stack_sampler *sampler;
	pid_t pid;
	int i;

	(void)state;
	sampler = sample(spin_for_ever, 5 * MS, &pid);
	await_spin(sampler, &before);
	for (i = 0; i < 20; i++, before = stack) {
		await(sampler, &stack);
		assert_int_equal(stack.number, before.number + 1);
		assert_true(stack.boot_ns > before.boot_ns);
		assert_true(stack.count_ns > before.count_ns);
		assert_true(stack.count_ns >= stack.number * 5 * MS);
		if (!stack.kernel_frames)
			assert_true(is_in_spin(&stack));
		assert_int_equal(!!(stack.flags & MAZE_STACK_IN_KERNEL), !!stack.kernel_frames);
	}
	assert_int_equal(stack_sampler_lost(sampler), 0);
	stack_sampler_close(sampler);
	end(pid);
}

/* The ring has room for fewer stacks than this, so records wrap in it. */
static void the_ring_wraps(void **state)
{
	struct stack_sampler *sampler;
	struct maze_stack stack;
	unsigned int i, number;
	pid_t pid;

	(void)state;
	sampler = sample(spin_for_ever, MS, &pid);
	await_spin(sampler, &stack);
	number = stack.number;
	for (i = 0; i < 2 * RING_STACKS_MAX; i++) {
		await(sampler, &stack);
		assert_true(stack.kernel_frames || is_in_spin(&stack));
	}
	assert_int_equal(stack.number - number, i + stack_sampler_lost(sampler));
	stack_sampler_close(sampler);
	end(pid);
}

static void lost_stacks_are_counted_and_have_numbers(void **state)
{
	struct stack_sampler *sampler;
	struct maze_stack stack;
	unsigned int number, read = 0;
	maze_u64 lost;
	pid_t pid;

	(void)state;
	sampler = sample(spin_for_ever, MS, &pid);
	await_spin(sampler, &stack);
	number = stack.number;
	await_cpu_time(pid, 2 * RING_STACKS_MAX * MS);
	/* The kernel reports a loss with the next stack for which there is room. */
	while (!stack_sampler_lost(sampler)) {
		await(sampler, &stack);
		read++;
	}
	lost = stack_sampler_lost(sampler);
	assert_true(read <= 2 * RING_STACKS_MAX);
	assert_int_equal(stack.number - number, read + lost);
	stack_sampler_close(sampler);
	end(pid);
}

static void a_loop_in_a_system_call_has_kernel_frames(void **state)
{
	struct stack_sampler *sampler;
	struct maze_stack stack;
	unsigned int i, in_kernel = 0;
	bool sees;
	pid_t pid;

	(void)state;
	sampler = sample(read_for_ever, 5 * MS, &pid);
	sees = stack_sampler_sees_kernel(sampler);
	/* How many are in the loop's own code is a matter of chance. */
	for (i = 0; sees && i < 400 && in_kernel < 10; i++) {
		await(sampler, &stack);
		in_kernel += stack.kernel_frames && stack.user_frames;
	}
	stack_sampler_close(sampler);
	end(pid);
	if (!sees)
		skip_because("this user may not sample the kernel");
	assert_int_equal(in_kernel, 10);
}

static void the_end_of_the_thread_is_seen(void **state)
{
	struct pollfd fd = { .events = POLLIN };
	struct stack_sampler *sampler;
	struct maze_stack stack;
	pid_t pid;
	int i;

	(void)state;
	sampler = sample(spin_for_ever, 5 * MS, &pid);
	await_spin(sampler, &stack);
	assert_false(stack_sampler_has_ended(sampler));
	kill(pid, SIGKILL);
	fd.fd = stack_sampler_fd(sampler);
	for (i = 0; i < 1000 && !(fd.revents & POLLHUP); i++)
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	assert_true(stack_sampler_has_ended(sampler));
	while (stack_sampler_next(sampler, &stack))
		;
	stack_sampler_close(sampler);
	end(pid);
}

/* Writes a record into the ring at `at`, as the kernel does. Returns the next position. */
static maze_u64 put(struct stack_sampler *sampler, maze_u64 at, maze_u32 type, const void *body,
		    size_t size)
{
	struct perf_event_header header = { .type = type, .size = (maze_u16)(8 + size) };
	unsigned char bytes[256];
	size_t i;

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + 8, body, size);
	for (i = 0; i < header.size; i++)
		sampler->mapped[sampler->page + (at + i) % RING_SIZE] = bytes[i];
	return at + header.size;
}

static void records_wrap_at_each_place_of_the_ring(void **state)
{
	struct {
		struct sample sample;
		maze_u64 frames[5];
	} body = { .frames = { (maze_u64)PERF_CONTEXT_KERNEL, 11, (maze_u64)PERF_CONTEXT_USER, 22,
			       33 } };
	struct {
		maze_u64 id, lost;
	} loss = { 1, 5 };
	struct stack_sampler sampler = { .page = 4096 };
	struct maze_stack stack;
	maze_u64 at, i;

	(void)state;
	sampler.mapped = calloc(1, sampler.page + RING_SIZE);
	for (i = 0; i < 100; i++) {
		at = sampler.tail = 7 * RING_SIZE - 8 * i;
		body.sample.time = 1000 + i;
		body.sample.cpu = 3;
		body.sample.count_ns = 2000 + i;
		body.sample.frames = 5;
		at = put(&sampler, at, PERF_RECORD_LOST, &loss, sizeof(loss));
		at = put(&sampler, at, PERF_RECORD_SAMPLE, &body, sizeof(body));
		/* More frames than the record has: not a stack. */
		body.sample.frames = 6;
		at = put(&sampler, at, PERF_RECORD_SAMPLE, &body, sizeof(body));
		control(&sampler)->data_head = at;
		assert_int_equal(stack_sampler_next(&sampler, &stack), 1);
		assert_int_equal(stack.boot_ns, 1000 + i);
		assert_int_equal(stack.count_ns, 2000 + i);
		assert_int_equal(stack.cpu, 3);
		assert_int_equal(stack.number, 5 + 6 * i);
		assert_int_equal(stack.kernel_frames, 1);
		assert_int_equal(stack.kernel[0], 11);
		assert_int_equal(stack.user_frames, 2);
		assert_int_equal(stack.user[1].at, 33);
		assert_int_equal(stack.flags, MAZE_STACK_IN_KERNEL);
		assert_int_equal(stack_sampler_next(&sampler, &stack), 0);
		assert_int_equal(control(&sampler)->data_tail, at);
		assert_int_equal(stack_sampler_lost(&sampler), 5 * (i + 1));
	}
	free(sampler.mapped);
}

/* ---- refusals ----------------------------------------------------------------------- */

static void a_thread_that_does_not_exist_is_refused(void **state)
{
	struct stack_sampler *sampler = NULL;
	struct maze_error error = { "" };
	int err = stack_sampler_open(GONE, MS, &sampler, &error);

	(void)state;
	if (err == -EACCES || err == -EPERM)
		skip_because("%s", error.text);
	assert_int_equal(err, -ESRCH);
	assert_string_equal(error.text, "cannot take stacks of thread 4194305 by a perf event: "
					"No such process");
	assert_null(sampler);
}

/* As an ordinary user, whom perf events may still be permitted. */
static bool become_ordinary(void)
{
	return geteuid() || !setresuid(65534, 65534, 65534);
}

static void the_thread_of_another_user_is_refused(void **state)
{
	struct stack_sampler *sampler = NULL;
	struct maze_error error = { "" };
	int status;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip_because("only root has another user's thread here");
	pid = fork();
	if (!pid) {
		if (!become_ordinary())
			_exit(2);
		if (stack_sampler_open(getppid(), MS, &sampler, &error) != -EACCES)
			_exit(3);
		_exit(strstr(error.text, "CAP_PERFMON") &&
				      strstr(error.text, "kernel.perf_event_paranoid")
			      ? 0
			      : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void too_much_locked_memory_has_an_error_of_its_own(void **state)
{
	const struct rlimit none = { 0, 0 };
	struct stack_sampler *sampler;
	int status, i, err = 0;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		if (!become_ordinary() || setrlimit(RLIMIT_MEMLOCK, &none))
			_exit(2);
		for (i = 0; !err && i < 512; i++)
			err = stack_sampler_open(getpid(), MAZE_NSEC_PER_SEC, &sampler, NULL);
		/* Enough memory may be permitted; then the limit on files comes first. */
		_exit(err == -ENOBUFS ? 0 : !err || err == -EMFILE || i == 1 ? 77 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 77)
		skip_because("perf events of an ordinary user are not limited, or not permitted");
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_are_an_interval_of_cpu_time_apart),
		cmocka_unit_test(the_ring_wraps),
		cmocka_unit_test(records_wrap_at_each_place_of_the_ring),
		cmocka_unit_test(lost_stacks_are_counted_and_have_numbers),
		cmocka_unit_test(a_loop_in_a_system_call_has_kernel_frames),
		cmocka_unit_test(the_end_of_the_thread_is_seen),
		cmocka_unit_test(a_thread_that_does_not_exist_is_refused),
		cmocka_unit_test(the_thread_of_another_user_is_refused),
		cmocka_unit_test(too_much_locked_memory_has_an_error_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
