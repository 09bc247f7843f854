/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Process infos and stacks of runaway threads: they have the right process and the right
 * location.
 */
#include "evidence_case.h"

#include <sys/pidfd.h>

#include "base/proc_files.h"

/* The child's account of the call, in its CPU time. */
struct call {
	maze_u64 begin_ns;
	maze_u64 end_ns; /* 0: it has not returned */
};
static struct call *call;

/* A call that takes seconds and never sleeps: a gigabyte of random bytes into one buffer. */
static void read_noise(void)
{
	static char buffer[1 << 20];
	struct iovec pieces[1024];
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC), i;

	for (i = 0; i < 1024; i++)
		pieces[i] = (struct iovec){ buffer, sizeof(buffer) };
	__atomic_store_n(&call->begin_ns, cpu_time(), __ATOMIC_SEQ_CST);
	if (readv(fd, pieces, 1024) <= 0)
		_exit(99);
	__atomic_store_n(&call->end_ns, cpu_time(), __ATOMIC_SEQ_CST);
	spin_for_ever();
}

/*
 * By the child's account. The count began some time after its CPU clock did, so it is
 * smaller by at most begin_ns.
 */
static bool was_in_call(const struct maze_stack *stack)
{
	maze_u64 end_ns = __atomic_load_n(&call->end_ns, __ATOMIC_SEQ_CST);

	return stack->count_ns > call->begin_ns &&
	       (!end_ns || stack->count_ns + call->begin_ns < end_ns);
}

/* Its start time from /proc. */
static maze_u64 start_of(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0), dir = proc_open_process(pid, pidfd);
	maze_u64 start_ns;

	assert_true(dir >= 0);
	start_ns = proc_start_ns(dir);
	close(dir);
	close(pidfd);
	return start_ns;
}

static void a_soft_verdict_has_a_process_info_and_a_stack(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 0);
	const struct maze_process_info *process_info = fixture->process_infos;
	const struct maze_stack *stack = fixture->stacks;
	const struct maze_record *record;
	char path[512] = "", args[2048];
	maze_u64 start_ns;
	ssize_t size;
	int fd;

	want(fixture, 1, 0);
	start(fixture, spin_for_ever);
	begin(fixture, &policy);
	assert_true(await(fixture, 1, MAZE_EVENT_SOFT));
	record = find_record(fixture, MAZE_EVENT_SOFT);
	assert_int_equal(fixture->process_infos_count, 1);
	assert_true(process_info->pid == record->pid && process_info->tid == record->tid);
	assert_true(process_info->episode == record->episode && process_info->tag == 77);
	assert_true(process_info->uid == getuid() && process_info->ppid == (maze_u32)getpid());
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	/* In a chroot, the kernel's path begins at the machine's root. */
	assert_true(strlen(process_info->exe) >= strlen(path));
	assert_string_equal(process_info->exe + strlen(process_info->exe) - strlen(path), path);
	assert_string_equal(process_info->comm, record->comm);
	fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size = read(fd, args, sizeof(args));
	close(fd);
	assert_int_equal(process_info->args_size, size);
	assert_memory_equal(process_info->args, args, size);
	assert_true(process_info->start_ns < process_info->boot_ns);
	/* /proc has it in ticks, rounded down. */
	start_ns = start_of(fixture->child);
	assert_true(process_info->start_ns >= start_ns);
	assert_true(process_info->start_ns < start_ns + MAZE_NSEC_PER_SEC / sysconf(_SC_CLK_TCK));
	assert_true(process_info->cgroup > 0);

	assert_true(stack->pid == record->pid && stack->tid == record->tid && stack->tag == 77);
	assert_true(stack->episode == record->episode && stack->number == 0);
	assert_true(stack->count_ns == record->count_ns && stack->boot_ns <= record->boot_ns);
	assert_true(leaf_is_the_spin(stack));
	assert_int_equal(stack->user[0].kind, MAZE_FRAME_FILE);
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

/* The symbols of /proc/kallsyms in order; none where it hides addresses. */
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

/* The name of the kernel's function at that address; "": unknown. */
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

static struct symbol *symbols;
static size_t symbols_count;

/* Whether the stack has such a function; any function if names are hidden. */
static bool has_kernel_function(const struct maze_stack *stack, const char *part)
{
	unsigned int i;

	if (!symbols)
		symbols = kernel_symbols(&symbols_count);
	for (i = 0; i < stack->kernel_frames; i++)
		if (strstr(kernel_function(symbols, symbols_count, stack->kernel[i]), part))
			return true;
	return !symbols_count && stack->kernel_frames;
}

/*
 * Whether the stack has the functions that took it. After an interrupt at whose end the
 * thread was preempted, they are below the schedule() that the thread has just returned
 * from.
 */
static bool has_taker(const struct maze_stack *stack)
{
	bool scheduled = false;
	const char *name;
	unsigned int i;

	for (i = 0; i < stack->kernel_frames; i++) {
		name = kernel_function(symbols, symbols_count, stack->kernel[i]);
		scheduled |= strstr(name, "schedule") || strstr(name, "finish_task_switch");
		if (!strstr(name, "softirq") && !strstr(name, "hrtimer") &&
		    (scheduled || !strstr(name, "sysvec")))
			continue;
		for (i = 0; i < stack->kernel_frames; i++)
			print_message("# frame %u: %s\n", i,
				      kernel_function(symbols, symbols_count, stack->kernel[i]));
		return true;
	}
	return false;
}

static void a_loop_in_a_system_call_has_kernel_frames(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct maze_policy policy = limits(50, 0);
	unsigned int i, in_call = 0, bare = 0;

	call = mmap(NULL, sizeof(*call), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(call != MAP_FAILED);
	want(fixture, 20, 5 * MS);
	start(fixture, read_noise);
	begin(fixture, &policy);
	assert_true(await(fixture, 20, MAZE_EVENT_SOFT));
	for (i = 0; i < 20; i++) {
		const struct maze_stack *stack = &fixture->stacks[i];

		if (!was_in_call(stack))
			continue;
		in_call++;
		assert_true(stack->flags & MAZE_STACK_IN_KERNEL);
		assert_true(has_kernel_function(stack, "do_readv") && stack->user_frames);
		if (stack->flags & MAZE_STACK_TAKER_ON_TOP)
			continue;
		bare++;
		assert_false(has_taker(stack));
	}
	munmap(call, sizeof(*call));
	print_message("# %u of 20 stacks in the call, %u bare\n", in_call, bare);
	assert_true(in_call > 0);
#if defined(__x86_64__)
	assert_true(bare > 0);
#endif
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_soft_verdict_has_a_process_info_and_a_stack),
		TEST(a_loop_in_a_system_call_has_kernel_frames),
	};

	(void)argv;
	prepare(argc);
	return cmocka_run_group_tests(tests, load_engine, drop_engine);
}
