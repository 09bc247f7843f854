/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Portraits and stacks of mazed threads: when they are taken, how many, and that they say
 * where the thread was. Each test has a child of its own, a fork of this program, whose
 * loops are functions of this file.
 */
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
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/maze.h"

#define MS MAZE_NSEC_PER_MSEC
#define STACKS 2048 /* more than any test has taken */

struct fixture {
	struct maze *maze;
	struct maze_reader *reader;
	struct maze_evidence *evidence;
	pid_t child;
	int go; /* written to: the child begins */
	struct maze_stack *stacks;
	size_t stacks_count;
	struct maze_portrait portraits[512];
	size_t portraits_count;
	struct maze_record records[2048];
	size_t records_count;
};

/* Asked for by name: then that it cannot run is a failure. */
static bool must_run;
/* One for all tests: to load it takes seconds on an emulated processor. NULL: cannot run. */
static struct maze *engine;

static int load_engine(void **state)
{
	struct maze_error error = { "" };

	(void)state;
	if (!maze_open("bpf", MAZE_PRIVATE, &engine, &error))
		return 0;
	print_message("bpf cannot run here: %s\n", error.text);
	return must_run ? -1 : 0;
}

static int drop_engine(void **state)
{
	(void)state;
	maze_close(engine);
	return 0;
}

static int set_up(void **state)
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
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
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
	free(fixture->stacks);
	free(fixture);
	return 0;
}

static struct fixture *fixture_or_skip(void **state)
{
	if (!*state)
		skip();
	return *state;
}

/* ---- what the children do ------------------------------------------------------------ */

static maze_u64 cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

/* In a section of its own, so that its bounds are known. */
#define SPIN_SECTION __attribute__((noinline, section("maze_spin"), used))
extern const char __start_maze_spin[], __stop_maze_spin[];

SPIN_SECTION static void spin_for_ever(void)
{
	for (;;)
		asm volatile("");
}

static void spin_ms(unsigned int ms)
{
	maze_u64 until = cpu_time() + ms * MS;

	while (cpu_time() < until)
		;
}

static void nap(void)
{
	usleep(2000);
}

static void spin_then_sleep_then_spin(void)
{
	spin_ms(500);
	nap();
	spin_ms(30); /* not up to the limit again */
}

static void spin_and_nap(void)
{
	for (;;) {
		spin_ms(1000);
		nap();
	}
}

static void three_hundred_episodes(void)
{
	int i;

	for (i = 0; i < 300; i++) {
		spin_ms(3);
		nap();
	}
}

/* Calls that take long and never sleep: zeros, a gigabyte at a time, into one buffer. */
static void read_zeros(void)
{
	static char buffer[1 << 20];
	struct iovec pieces[1024];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), i;

	for (i = 0; i < 1024; i++)
		pieces[i] = (struct iovec){ buffer, sizeof(buffer) };
	while (readv(fd, pieces, 1024) > 0)
		;
	_exit(99);
}

/* ---- and what the parent does ---------------------------------------------------------- */

/* A child that waits for begin(). */
static void start(struct fixture *fixture, void (*program)(void))
{
	int go[2];
	char byte;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	fixture->child = fork();
	if (!fixture->child) {
		alarm(60);
		if (read(go[0], &byte, 1) != 1)
			_exit(99);
		program();
		_exit(0);
	}
	assert_true(fixture->child > 0);
	close(go[0]);
	fixture->go = go[1];
}

static void begin(struct fixture *fixture, const struct maze_policy *policy)
{
	assert_int_equal(maze_watch(fixture->maze, fixture->child, 0, policy, 77, NULL), 0);
	assert_int_equal(write(fixture->go, "", 1), 1);
	close(fixture->go);
}

static struct maze_policy limits(unsigned int soft_ms, unsigned int hard_ms)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = soft_ms * MS;
	policy.hard_ns = hard_ms * MS;
	return policy;
}

static void want(struct fixture *fixture, maze_u32 stacks_max, maze_u64 interval_ns)
{
	struct maze_evidence_wants wants = { stacks_max, interval_ns };
	struct maze_error error = { "" };

	if (maze_evidence_open(fixture->maze, &wants, &fixture->evidence, &error))
		fail_msg("%s", error.text);
	/* That of tests before. */
	while (maze_evidence_next_portrait(fixture->evidence, fixture->portraits) ||
	       maze_evidence_next_stack(fixture->evidence, fixture->stacks))
		;
}

static void collect(struct fixture *fixture)
{
	struct maze_record record;

	while (fixture->evidence && fixture->portraits_count < 512 &&
	       maze_evidence_next_portrait(fixture->evidence,
					   &fixture->portraits[fixture->portraits_count]))
		fixture->portraits_count++;
	while (fixture->evidence && fixture->stacks_count < STACKS &&
	       maze_evidence_next_stack(fixture->evidence, &fixture->stacks[fixture->stacks_count]))
		fixture->stacks_count++;
	while (fixture->records_count < 2048 && maze_reader_next(fixture->reader, &record) == 1)
		fixture->records[fixture->records_count++] = record;
}

static const struct maze_record *find_record(struct fixture *fixture, enum maze_event event)
{
	size_t i;

	for (i = 0; i < fixture->records_count; i++)
		if (fixture->records[i].event == event &&
		    fixture->records[i].pid == (maze_u32)fixture->child)
			return &fixture->records[i];
	return NULL;
}

/* Reads what comes until there is so much of it, or 20 s have passed: false. */
static bool await(struct fixture *fixture, size_t stacks, enum maze_event event)
{
	struct pollfd fds[2] = { { .fd = maze_reader_fd(fixture->reader), .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };

	if (fixture->evidence)
		fds[1].fd = maze_evidence_fd(fixture->evidence);
	for (;;) {
		collect(fixture);
		if (fixture->stacks_count >= stacks && (!event || find_record(fixture, event)))
			return true;
		if (poll(fds, 2, 20000) > 0)
			continue;
		print_message("there are %zu stacks, %zu portraits, %zu records\n",
			      fixture->stacks_count, fixture->portraits_count,
			      fixture->records_count);
		return false;
	}
}

static void await_end(struct fixture *fixture)
{
	assert_true(waitpid(fixture->child, NULL, 0) == fixture->child);
	assert_true(await(fixture, 0, MAZE_EVENT_EXIT));
	collect(fixture);
}

/* Where an address of this program is in its file; 0: in none. */
static maze_u64 offset_in_file(const void *address)
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

static bool leaf_is_the_spin(const struct maze_stack *stack)
{
	maze_u64 at = stack->user[0].at;

	if (!stack->user_frames)
		return false;
	if (stack->user[0].kind == MAZE_FRAME_ADDRESS)
		return at >= (uintptr_t)__start_maze_spin && at < (uintptr_t)__stop_maze_spin;
	return stack->user[0].kind == MAZE_FRAME_FILE && at >= offset_in_file(__start_maze_spin) &&
	       at < offset_in_file(__start_maze_spin) +
			       (maze_u64)(__stop_maze_spin - __start_maze_spin);
}

static void a_soft_verdict_has_a_portrait_and_a_stack(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 0);
	const struct maze_portrait *portrait = fixture->portraits;
	const struct maze_stack *stack = fixture->stacks;
	const struct maze_record *record;
	char path[512] = "", args[2048];
	struct timespec now;
	ssize_t size;
	int fd;

	want(fixture, 1, 0);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	assert_true(await(fixture, 1, MAZE_EVENT_SOFT));
	record = find_record(fixture, MAZE_EVENT_SOFT);
	assert_int_equal(fixture->portraits_count, 1);
	assert_true(portrait->pid == record->pid && portrait->tid == record->tid);
	assert_true(portrait->episode == record->episode && portrait->tag == 77);
	assert_true(portrait->uid == getuid() && portrait->ppid == (maze_u32)getpid());
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_string_equal(portrait->exe, path);
	assert_string_equal(portrait->comm, record->comm);
	fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size = read(fd, args, sizeof(args));
	close(fd);
	assert_int_equal(portrait->args_size, size);
	assert_memory_equal(portrait->args, args, size);
	clock_gettime(CLOCK_BOOTTIME, &now);
	assert_true(portrait->start_ns < portrait->boot_ns);
	assert_true(portrait->boot_ns - portrait->start_ns < 20 * MAZE_NSEC_PER_SEC);
	assert_true(portrait->cgroup > 0);

	assert_true(stack->pid == record->pid && stack->tid == record->tid && stack->tag == 77);
	assert_true(stack->episode == record->episode && stack->number == 0);
	assert_true(stack->count_ns == record->count_ns && stack->boot_ns <= record->boot_ns);
	assert_true(leaf_is_the_spin(stack));
	assert_int_equal(stack->user[0].kind, MAZE_FRAME_FILE);
	assert_int_equal(stack->kernel_frames, 0);
	assert_false(stack->flags & (MAZE_STACK_IN_KERNEL | MAZE_STACK_TAKER_ON_TOP));
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
	/* 80 ms after the first: there would have been forty. */
	assert_true(await(fixture, 7, MAZE_EVENT_HARD));
	assert_int_equal(fixture->stacks_count, 7);
	assert_int_equal(fixture->portraits_count, 1);
	for (i = 0; i < 7; i++)
		assert_int_equal(fixture->stacks[i].number, i);
	assert_true(maze_evidence_lost(fixture->evidence) == 0);
}

static void stacks_are_an_interval_of_cpu_time_apart(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(20, 0);
	size_t i, in_spin = 0;

	want(fixture, 40, 5 * MS);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	assert_true(await(fixture, 40, MAZE_EVENT_SOFT));
	for (i = 1; i < 40; i++)
		assert_true(fixture->stacks[i].count_ns >=
			    fixture->stacks[i - 1].count_ns + 5 * MS);
	for (i = 0; i < 40; i++)
		in_spin +=
			leaf_is_the_spin(&fixture->stacks[i]) && !fixture->stacks[i].kernel_frames;
	/* An interrupt may have come upon another one, or the way out of it. */
	assert_true(in_spin >= 38);
	/* Late by how the machine is loaded, but no interval is left out without need. */
	print_message("40 stacks 5 ms apart in %llu ms of CPU time\n",
		      (fixture->stacks[39].count_ns - fixture->stacks[0].count_ns) / MS);
}

static void a_sleep_ends_the_sampling(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(200, 0);
	size_t i;

	want(fixture, 1000, 5 * MS);
	start(fixture, spin_then_sleep_then_spin);
	begin(fixture, &policy);
	await_end(fixture);
	assert_true(fixture->stacks_count >= 2 && fixture->stacks_count <= 61);
	assert_int_equal(fixture->portraits_count, 1);
	for (i = 0; i < fixture->stacks_count; i++)
		assert_true(fixture->stacks[i].episode == fixture->portraits[0].episode);
}

static void each_episode_has_its_own(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(1, 0);
	size_t i, verdicts = 0;

	want(fixture, 1, 0);
	start(fixture, three_hundred_episodes);
	begin(fixture, &policy);
	assert_true(await(fixture, 100, MAZE_EVENT_SOFT));
	for (i = 1; i < 100; i++) {
		assert_true(fixture->stacks[i].episode > fixture->stacks[i - 1].episode);
		assert_int_equal(fixture->stacks[i].number, 0);
	}
	for (i = 0; i < fixture->records_count; i++)
		if (fixture->records[i].event == MAZE_EVENT_SOFT && verdicts < 100)
			assert_true(fixture->records[i].episode ==
				    fixture->portraits[verdicts++].episode);
	assert_int_equal(verdicts, 100);
}

static void nothing_is_taken_unless_asked(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(20, 60);

	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	await_end(fixture);
	assert_non_null(find_record(fixture, MAZE_EVENT_HARD));
	assert_int_equal(maze_evidence_open(fixture->maze, NULL, &fixture->evidence, NULL), 0);
	collect(fixture);
	assert_int_equal(fixture->stacks_count + fixture->portraits_count, 0);
	assert_true(maze_evidence_lost(fixture->evidence) == 0);
}

struct symbol {
	maze_u64 at;
	char name[48];
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *first = a, *second = b;

	return first->at < second->at ? -1 : first->at > second->at;
}

/* What /proc/kallsyms has, in order; no symbols where it does not tell addresses. */
static struct symbol *kernel_symbols(size_t *ret_count)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	struct symbol *symbols = NULL;
	size_t count = 0, room = 0;
	char line[512], *end;
	maze_u64 at;

	while (file && fgets(line, sizeof(line), file)) {
		at = strtoull(line, &end, 16);
		if (!at || strlen(end) < 4)
			continue;
		if (count == room) {
			room = room ? room * 2 : 65536;
			symbols = realloc(symbols, room * sizeof(*symbols));
			assert_non_null(symbols);
		}
		symbols[count].at = at;
		snprintf(symbols[count].name, sizeof(symbols[count].name), "%.47s", end + 3);
		symbols[count++].name[strcspn(end + 3, "\n\t")] = '\0';
	}
	if (file)
		fclose(file);
	if (count)
		qsort(symbols, count, sizeof(*symbols), by_address);
	*ret_count = count;
	return symbols;
}

/* The name of the kernel's function there; "": it cannot be told. */
static const char *kernel_function(const struct symbol *symbols, size_t count, maze_u64 address)
{
	size_t low = 0, high = count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (symbols[middle].at <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? symbols[low - 1].name : "";
}

/* Is such a function in it? Where nobody may know their names, any will do. */
static bool has_kernel_function(const struct maze_stack *stack, const char *part)
{
	static struct symbol *symbols;
	static size_t count;
	unsigned int i;

	if (!symbols)
		symbols = kernel_symbols(&count);
	for (i = 0; i < stack->kernel_frames; i++)
		if (strstr(kernel_function(symbols, count, stack->kernel[i]), part))
			return true;
	return !count && stack->kernel_frames;
}

static void a_loop_in_a_system_call_has_kernel_frames(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 0);
	unsigned int i, in_read = 0, bare = 0;

	want(fixture, 20, 5 * MS);
	start(fixture, read_zeros);
	begin(fixture, &policy);
	assert_true(await(fixture, 20, MAZE_EVENT_SOFT));
	for (i = 0; i < 20; i++) {
		const struct maze_stack *stack = &fixture->stacks[i];

		if (!stack->kernel_frames)
			continue;
		assert_true(stack->flags & MAZE_STACK_IN_KERNEL);
		in_read += has_kernel_function(stack, "do_readv") && stack->user_frames;
		if (stack->flags & MAZE_STACK_TAKER_ON_TOP)
			continue;
		bare++;
		/* What has taken it is not in it. */
		if (!has_kernel_function(stack, "no function is called this"))
			assert_false(has_kernel_function(stack, "sysvec") ||
				     has_kernel_function(stack, "hrtimer"));
	}
	/* Between two calls it is in user code. */
	assert_in_range(in_read, 16, 20);
#if defined(__x86_64__)
	assert_in_range(bare, 16, 20);
#endif
}

static void lost_stacks_are_counted(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(1, 0);
	struct maze_evidence *late;
	struct maze_stack stack;
	maze_u64 before;

	want(fixture, 1000, MAZE_STACK_INTERVAL_MIN_NS);
	before = fixture->stacks[0].seq; /* the last that was there, 0: none */
	late = fixture->evidence;
	want(fixture, 1000, MAZE_STACK_INTERVAL_MIN_NS);
	start(fixture, spin_and_nap);
	begin(fixture, &policy);
	/* There is room for 1024. */
	assert_true(await(fixture, 1100, MAZE_EVENT_SOFT));
	kill(fixture->child, SIGKILL);
	assert_int_equal(waitpid(fixture->child, NULL, 0), fixture->child);
	assert_true(maze_evidence_lost(fixture->evidence) == 0);
	assert_int_equal(maze_evidence_next_stack(late, &stack), 1);
	assert_true(stack.seq > before + 75);
	assert_true(maze_evidence_lost(late) == stack.seq - before - 1);
	maze_evidence_close(late);
	/* Who comes later begins with what is kept, and has lost nothing. */
	assert_int_equal(maze_evidence_open(fixture->maze, NULL, &late, NULL), 0);
	assert_int_equal(maze_evidence_next_stack(late, &stack), 1);
	assert_true(maze_evidence_lost(late) == 0);
	maze_evidence_close(late);
}

static void evidence_is_there_though_killed(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 51);

	want(fixture, 0, 0);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	await_end(fixture);
	assert_non_null(find_record(fixture, MAZE_EVENT_HARD));
	assert_int_equal(fixture->portraits_count, 1);
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
	assert_int_equal(fixture->portraits_count, 1);
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
	assert_int_equal(fixture->portraits_count, 1);
	assert_int_equal(waitpid(fixture->child, NULL, WNOHANG), 0);
}

static void the_larger_number_and_the_smaller_interval_hold(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_evidence_wants few = { 2, 3 * MS };
	struct maze_policy policy = limits(20, 0);
	struct maze_evidence *other;

	want(fixture, 9, 50 * MS);
	assert_int_equal(maze_evidence_open(fixture->maze, &few, &other, NULL), 0);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	assert_true(await(fixture, 9, MAZE_EVENT_SOFT));
	assert_true(fixture->stacks[8].count_ns < fixture->stacks[0].count_ns + 8 * 50 * MS);
	maze_evidence_close(other);
}

static void what_is_beyond_the_limits_is_refused(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_evidence_wants many = { MAZE_STACKS_MAX + 1, 0 }, dense = { 0, MS - 1 };
	struct maze_error error = { "" };

	assert_int_equal(maze_evidence_open(fixture->maze, &many, &fixture->evidence, &error),
			 -EINVAL);
	assert_string_equal(error.text, "1001 stacks are more than can be taken of one episode; "
					"at most 1000 are");
	assert_int_equal(maze_evidence_open(fixture->maze, &dense, &fixture->evidence, &error),
			 -EINVAL);
	assert_null(fixture->evidence);
}

static void another_engine_says_that_it_takes_none(void **state)
{
	struct maze_error error = { "" };
	struct maze_evidence *evidence;
	struct maze *maze;

	(void)state;
	assert_int_equal(maze_open("poll", MAZE_PRIVATE, &maze, NULL), 0);
	assert_int_equal(maze_evidence_open(maze, NULL, &evidence, &error), -EOPNOTSUPP);
	assert_string_equal(
		error.text,
		"the poll engine takes no stacks of mazed threads; the bpf engine does");
	maze_close(maze);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		/* The first: from then on somebody has asked. */
		TEST(nothing_is_taken_unless_asked),
		TEST(a_soft_verdict_has_a_portrait_and_a_stack),
		TEST(stacks_stop_at_their_maximum),
		TEST(stacks_are_an_interval_of_cpu_time_apart),
		TEST(a_sleep_ends_the_sampling),
		TEST(each_episode_has_its_own),
		TEST(a_loop_in_a_system_call_has_kernel_frames),
		TEST(lost_stacks_are_counted),
		TEST(evidence_is_there_though_killed),
		TEST(a_hard_stage_alone_has_evidence),
		TEST(a_verdict_in_shadow_has_evidence_too),
		TEST(the_larger_number_and_the_smaller_interval_hold),
		TEST(what_is_beyond_the_limits_is_refused),
		cmocka_unit_test(another_engine_says_that_it_takes_none),
	};

	/* In a machine that must have the engine: test_evidence bpf. */
	(void)argv;
	must_run = argc > 1;
	/* Before there is a child: it may be mazed before it has done anything itself. */
	signal(SIGXCPU, SIG_IGN);
	return cmocka_run_group_tests(tests, load_engine, drop_engine);
}
