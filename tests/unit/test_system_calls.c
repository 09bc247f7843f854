/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts of system calls in a slice, against programs that keep an account of their own:
 * a program notes the time after each call, so the calls in the slice are known to one.
 */
#include "call_programs.h"

#include "../../core/system_calls.h"
#include "../../engine/bpf/system_calls.h"

static int clear_account(void **state)
{
	(void)state;
	account->count = 0;
	return 0;
}

static int stop_child(void **state)
{
	(void)state;
	if (loop_running)
		loop_stop(loop_running);
	return 0;
}

static int begin(pid_t pid)
{
	struct maze_error error = { "" };
	int slot = call_counter_begin(counter, pid, now_ns(CLOCK_BOOTTIME), LIMIT_NS, &error);

	if (slot < 0)
		fail_msg("%s", error.text);
	return slot;
}

static struct call_slice take(pid_t pid, int slot)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	struct call_slice slice;

	while (!call_counter_take(counter, slot, pid, now_ns(CLOCK_BOOTTIME), false, &slice)) {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		poll(NULL, 0, 5);
	}
	assert_true(slice.cpu_ns >= LIMIT_NS);
	return slice;
}

static struct call_slice slice_of(void (*program)(void))
{
	pid_t pid = run(program);
	struct call_slice slice;
	clockid_t clock;
	maze_u64 before_ns;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	before_ns = now_ns(clock);
	slice = take(pid, begin(pid));
	/* Not by the wall clock: in an emulated machine the two clocks drift. */
	assert_true(slice.cpu_ns <= now_ns(clock) - before_ns);
	loop_stop(pid);
	print_message("# %llu calls in %llu ns of CPU time, %llu ns; inside %x\n", slice.calls,
		      slice.cpu_ns, slice.wall_ns, slice.inside);
	return slice;
}

/* NULL: the slice has none. */
static const struct call_row *row_of(const struct call_slice *slice, maze_u32 call, int result)
{
	size_t i;

	for (i = 0; i < slice->rows_count; i++)
		if (slice->rows[i].call == call && slice->rows[i].result == result)
			return &slice->rows[i];
	return NULL;
}

static const struct call_row *find_row(const struct call_slice *slice, maze_u32 call, int result)
{
	const struct call_row *row = row_of(slice, call, result);

	if (!row)
		fail_msg("no row of call %u with result %d among %u", call, result,
			 slice->rows_count);
	return row;
}

static maze_u64 noted_between(maze_u64 from, maze_u64 until)
{
	maze_u64 count = account->count, i = count > NOTES ? count - NOTES : 0, between = 0;

	assert_true(!i || account->times[i % NOTES] < from);
	for (; i < count; i++)
		between += account->times[i % NOTES] >= from && account->times[i % NOTES] <= until;
	return between;
}

static maze_u64 noted_in(const struct call_slice *slice)
{
	return noted_between(slice->boot_ns, slice->boot_ns + slice->wall_ns);
}

/*
 * Returns whether the program has made more than 100 of these calls in the slice, by its
 * notes. A pause of the machine may leave CPU time for fewer.
 */
static bool judge_calls(const struct call_slice *slice, maze_u32 call, int result)
{
	const struct call_row *row = row_of(slice, call, result);
	maze_u64 counted = row ? row->count : 0, noted = noted_in(slice);

	print_message("# %llu calls, noted %llu\n", counted, noted);
	assert_true(counted + 1 >= noted && counted <= noted + 1);
	return noted > 100;
}

static void counts_are_those_of_the_program(void **state)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	const struct call_row *reads, *writes;
	struct call_slice slice;

	(void)state;
	counter_or_skip();
	do {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		slice = slice_of(poll_a_pipe);
	} while (!judge_calls(&slice, SYS_write, 1));
	reads = find_row(&slice, SYS_read, -EAGAIN);
	writes = find_row(&slice, SYS_write, 1);
	assert_in_range(reads->count, writes->count - 1, writes->count + 1);
	assert_int_equal(writes->descriptor, account->fd);
	assert_true(writes->sum == (maze_u64)writes->count * WRITTEN);
	assert_true(writes->time_ns && reads->time_ns);
	assert_true(writes->time_ns + reads->time_ns <= slice.wall_ns);
	assert_true(slice.inside == CALL_NONE);
}

static struct call_slice ended_slice_of(void (*program)(void), maze_u64 until)
{
	pid_t pid = run(program);
	int slot = begin(pid);
	struct call_slice slice;

	while (bpf_calls_slot(counter, slot)->calls < 1000 &&
	       !bpf_calls_slot(counter, slot)->done) {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		poll(NULL, 0, 1);
	}
	assert_int_equal(
		call_counter_take(counter, slot, pid, now_ns(CLOCK_BOOTTIME), true, &slice), 1);
	loop_stop(pid);
	return slice;
}

/* The program goes on while its counter is detached, which takes some ms. */
static void a_slice_that_is_ended_has_the_calls_until_then(void **state)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	struct call_slice slice;

	(void)state;
	counter_or_skip();
	do
		slice = ended_slice_of(poll_a_pipe, until);
	while (!judge_calls(&slice, SYS_write, 1));
}

static void a_thread_without_calls_has_none(void **state)
{
	struct call_slice slice;

	(void)state;
	counter_or_skip();
	slice = slice_of(spin);
	assert_int_equal(slice.calls, 0);
	assert_int_equal(slice.rows_count, 0);
	assert_true(slice.inside == CALL_NONE);
}

/* A pause of the machine in a short call ends with the call, before the second look. */
static void a_slice_without_events_needs_two_looks(void **state)
{
	const struct call_slot *running;
	maze_u64 end_ns;
	pid_t pid;
	int slot;

	(void)state;
	counter_or_skip();
	pid = run(spin);
	slot = begin(pid);
	running = bpf_calls_slot(counter, slot);
	end_ns = running->from_ns + LIMIT_NS;
	assert_false(bpf_calls_is_over(counter, slot, end_ns - 1));
	assert_false(bpf_calls_is_over(counter, slot, end_ns + 30 * MS));
	assert_false(bpf_calls_is_over(counter, slot, end_ns + 30 * MS));
	assert_true(bpf_calls_is_over(counter, slot, end_ns + 31 * MS));
	take(pid, slot);
	/* The slot is used again. */
	assert_int_equal(begin(pid), slot);
	assert_false(bpf_calls_is_over(counter, slot, running->from_ns + LIMIT_NS));
	take(pid, slot);
}

static void one_long_call_is_named(void **state)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	struct call_slice slice;
	pid_t pid;

	(void)state;
	counter_or_skip();
	account->fd = 0;
	pid = run(read_for_long);
	/* Until a slice is within one call. */
	do {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		slice = take(pid, begin(pid));
	} while (slice.calls || slice.inside != SYS_readv || slice.inside_ns < LIMIT_NS);
	assert_int_equal(slice.inside_descriptor, account->fd);
	assert_int_equal(slice.rows_count, 0);
}

static void combinations_without_a_row_are_counted(void **state)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS, sum = 0;
	struct call_slice slice;
	size_t i;

	(void)state;
	counter_or_skip();
	/* Between two notes are all combinations. A pause may leave a slice without them. */
	do {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		slice = slice_of(close_many_and_note);
	} while (noted_in(&slice) < 2);
	assert_int_equal(slice.rows_count, CALL_SLICE_ROWS);
	for (i = 0; i < CALL_SLICE_ROWS; i++) {
		sum += slice.rows[i].count;
		/* A machine may read the clock by a call. */
		if (slice.rows[i].call == SYS_clock_gettime)
			continue;
		assert_int_equal(slice.rows[i].call, SYS_close);
		assert_int_equal(slice.rows[i].result, -EBADF);
		assert_in_range(slice.rows[i].descriptor, 1000, 1099);
	}
	assert_true(slice.rest_calls > 0);
	assert_true(slice.calls == sum + slice.rest_calls);
}

static void denied_calls_are_counted(void **state)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	const struct call_row *row;
	struct call_slice slice;

	(void)state;
	counter_or_skip();
	do {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		slice = slice_of(shut_down_denied);
	} while (!judge_calls(&slice, SYS_shutdown, -EPERM));
	row = find_row(&slice, SYS_shutdown, -EPERM);
	assert_int_equal(row->descriptor, 55);
	assert_true(row->time_ns && row->time_ns <= slice.wall_ns);
}

/* A pause of the machine may leave a slice without calls. */
static struct call_slice slice_with_calls(void (*program)(void))
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	struct call_slice slice;

	do {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		slice = slice_of(program);
	} while (!slice.calls);
	return slice;
}

static void other_first_arguments_share_a_row(void **state)
{
	struct call_slice slice;

	(void)state;
	counter_or_skip();
	slice = slice_with_calls(look_for_processes);
	assert_int_equal(slice.rows_count, 1);
	assert_int_equal(slice.rows[0].call, SYS_sched_getscheduler);
	assert_int_equal(slice.rows[0].result, -ESRCH);
	assert_int_equal(slice.rows[0].descriptor, 0);
	assert_true(slice.rows[0].count == slice.calls);
}

static void calls_of_32_bits_have_their_own_numbers(void **state)
{
	(void)state;
	counter_or_skip();
#if defined(__x86_64__)
	struct call_slice slice;
	int status;
	pid_t pid = fork();

	if (!pid) {
		/* cmocka would take the fault for the test's, and go on in the child. */
		signal(SIGSEGV, SIG_DFL);
		close_32();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		skip_because("this kernel has no 32-bit calls");
	slice = slice_with_calls(close_32);
	assert_int_equal(slice.rows_count, 1);
	assert_true(slice.rows[0].call == (6 | CALL_COMPAT));
	assert_string_equal(system_call_name(slice.rows[0].call), "close");
	assert_int_equal(slice.rows[0].descriptor, 77);
	assert_int_equal(slice.rows[0].result, -EBADF);
#else
	skip_because("this machine has no int 0x80");
#endif
}

static void concurrent_slices_share_the_attachment(void **state)
{
	struct maze_error error = { "" };
	int slots[CALL_SLOTS], i;
	struct call_slice slice;
	maze_u64 attached_ns;
	pid_t pid;

	(void)state;
	counter_or_skip();
	assert_int_equal(attached(), 0);
	pid = run(spin);
	for (i = 0; i < CALL_SLOTS; i++)
		slots[i] = begin(pid);
	assert_int_equal(attached(), 2);
	assert_int_equal(call_counter_begin(counter, pid, now_ns(CLOCK_BOOTTIME), LIMIT_NS, &error),
			 -EBUSY);
	for (i = 0; i < CALL_SLOTS; i++) {
		assert_int_equal(attached(), 2);
		assert_int_equal(call_counter_take(counter, slots[i], pid, now_ns(CLOCK_BOOTTIME),
						   true, &slice),
				 1);
	}
	assert_int_equal(attached(), 0);
	attached_ns = call_counter_attached_ns(counter);
	poll(NULL, 0, 2);
	assert_true(attached_ns && call_counter_attached_ns(counter) == attached_ns);
}

static void another_thread_of_that_number_is_not_counted(void **state)
{
	maze_u64 before = now_ns(CLOCK_BOOTTIME), runtime;
	pid_t pid;

	(void)state;
	counter_or_skip();
	pid = run(spin);
	assert_int_equal(call_counter_begin(counter, pid, before, LIMIT_NS, NULL), -ESRCH);
	assert_int_equal(call_counter_begin(counter, GONE, before, LIMIT_NS, NULL), -ESRCH);
	assert_int_equal(call_counter_runtime(counter, pid, before, &runtime), -ESRCH);
	assert_int_equal(call_counter_runtime(counter, pid, now_ns(CLOCK_BOOTTIME), &runtime), 0);
	assert_int_equal(attached(), 0);
}

/* A kernel before 6.1 visits all tasks instead of one, as all do for the number 0. */
static void an_iteration_over_all_tasks_is_an_error(void **state)
{
	maze_u64 runtime;

	(void)state;
	counter_or_skip();
	assert_int_equal(call_counter_runtime(counter, 0, now_ns(CLOCK_BOOTTIME), &runtime),
			 -EOPNOTSUPP);
}

static void a_kernel_without_types_is_an_error_of_the_kernel(void **state)
{
	struct call_counter *other = NULL;
	int err;

	(void)state;
	counter_or_skip();
	setenv("MAZE_KERNEL_BTF", "/dev/null", 1);
	err = call_counter_open(&other, NULL);
	unsetenv("MAZE_KERNEL_BTF");
	call_counter_close(other);
	assert_int_equal(err, -EOPNOTSUPP);
}

static void the_end_of_a_thread_ends_its_slice(void **state)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	struct call_slice slice;
	pid_t pid;
	int slot;

	(void)state;
	counter_or_skip();
	pid = run(spin);
	slot = begin(pid);
	loop_stop(pid);
	while (!call_counter_take(counter, slot, pid, now_ns(CLOCK_BOOTTIME), false, &slice))
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
	assert_int_equal(attached(), 0);
}

int main(int argc, char **argv)
{
	(void)argv;
	must_run = argc > 1;
#define SLICE(test) cmocka_unit_test_setup_teardown(test, clear_account, stop_child)
	const struct CMUnitTest tests[] = {
		SLICE(counts_are_those_of_the_program),
		SLICE(a_slice_that_is_ended_has_the_calls_until_then),
		SLICE(a_thread_without_calls_has_none),
		SLICE(a_slice_without_events_needs_two_looks),
		SLICE(one_long_call_is_named),
		SLICE(combinations_without_a_row_are_counted),
		SLICE(denied_calls_are_counted),
		SLICE(other_first_arguments_share_a_row),
		SLICE(calls_of_32_bits_have_their_own_numbers),
		SLICE(concurrent_slices_share_the_attachment),
		SLICE(another_thread_of_that_number_is_not_counted),
		SLICE(an_iteration_over_all_tasks_is_an_error),
		SLICE(a_kernel_without_types_is_an_error_of_the_kernel),
		SLICE(the_end_of_a_thread_ends_its_slice),
	};

	return cmocka_run_group_tests(tests, load_counter, drop_counter);
}
