/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts the system calls of up to CALL_SLOTS threads. This is a BPF object of its own.
 * While it is attached, each system call of every task runs both handlers, so these
 * compare the task's number first.
 *
 * A slice begins and ends at the first event after an update of the thread's runtime. At
 * that moment the runtime is exact, up to the time between two events. Between two
 * updates it is up to a tick old.
 */
#include "kernel_types.h"
#include <bpf/bpf_tracing.h>

#include "system_calls.h"

/* Without an update for this time, as on nohz_full CPUs, the slice begins inexactly. */
#define UPDATE_WAIT_NS (40ULL * 1000 * 1000)
#define ERRNO_MAX 4095
#define X32_BIT 0x40000000U

char LICENSE[] SEC("license") = "GPL";

const volatile struct call_descriptors call_descriptors = {};
/* One cache line, which is shared by all CPUs and rarely written. 0: unused. */
maze_u32 call_numbers[CALL_SLOTS] __attribute__((aligned(64))) = {};
struct call_slot call_slots[CALL_SLOTS] = {};
struct call_thread call_thread = {};

/* Flavors of the kernel's types: CO-RE ignores the part after "___". */
struct pt_regs___arguments {
#if defined(__TARGET_ARCH_x86)
	unsigned long bx, di;
#elif defined(__TARGET_ARCH_arm64)
	maze_u64 orig_x0;
#endif
} __attribute__((preserve_access_index));

struct thread_info___flags {
	unsigned long flags;
} __attribute__((preserve_access_index));

struct task_struct___flags {
	struct thread_info___flags thread_info;
} __attribute__((preserve_access_index));

static __always_inline bool is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	/* TS_COMPAT */
	return bpf_core_field_exists(struct task_struct, thread_info.status) &&
	       (READ(task, thread_info.status) & 2);
#elif defined(__TARGET_ARCH_arm64)
	struct task_struct___flags *flags = (void *)task;

	return BPF_CORE_READ(flags, thread_info.flags) & (1UL << 22); /* TIF_32BIT */
#endif
}

static __always_inline long number_of(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (long)READ(regs, orig_ax);
#elif defined(__TARGET_ARCH_arm64)
	return READ(regs, syscallno);
#endif
}

/* A number that no call has must not look like that of a 32-bit call. */
static __always_inline maze_u32 call_of(struct task_struct *task, long number)
{
	maze_u32 call = (maze_u32)number & ~(X32_BIT | CALL_COMPAT);

	return is_compat(task) ? call | CALL_COMPAT : call;
}

/* The first argument, if it is a descriptor. */
static __always_inline int descriptor_of(struct pt_regs *regs, maze_u32 call)
{
	struct pt_regs___arguments *arguments = (void *)regs;
	bool compat = call & CALL_COMPAT;
	const volatile maze_u64 *words = compat ? call_descriptors.compat : call_descriptors.native;
	maze_u32 number = call & ~CALL_COMPAT;

	if (number >= CALL_NUMBERS || !(words[number / 64] >> (number % 64) & 1))
		return 0;
#if defined(__TARGET_ARCH_x86)
	return (int)(compat ? BPF_CORE_READ(arguments, bx) : BPF_CORE_READ(arguments, di));
#elif defined(__TARGET_ARCH_arm64)
	return (int)BPF_CORE_READ(arguments, orig_x0);
#endif
}

/* The slot of a thread; CALL_SLOTS: none. */
static __always_inline maze_u32 find_slot(maze_u32 thread)
{
	maze_u32 i;

#pragma unroll
	for (i = 0; i < CALL_SLOTS; i++)
		if (call_numbers[i] == thread)
			return i;
	return CALL_SLOTS;
}

/* Linux 6.1 forgets the bound of an index that the compiler spills as 32 bits. */
static __always_inline maze_u64 bounded(maze_u64 index)
{
	asm volatile("%0 &= %1" : "+r"(index) : "i"(CALL_SLOTS - 1));
	return index;
}

/*
 * User space first clears the thread and then waits for `busy`. So either it waits for
 * this handler, or this handler finds the thread cleared.
 */
static __always_inline struct call_slot *acquire(maze_u32 index, maze_u32 thread)
{
	struct call_slot *slot;

	if (index >= CALL_SLOTS)
		return 0;
	slot = &call_slots[bounded(index)];
	__sync_lock_test_and_set(&slot->busy, 1);
	if (*(volatile maze_u32 *)&call_numbers[bounded(index)] == thread)
		return slot;
	__sync_lock_test_and_set(&slot->busy, 0);
	return 0;
}

static __always_inline void release(struct call_slot *slot)
{
	__sync_lock_test_and_set(&slot->busy, 0);
}

/* Begins or ends the slice if it is time. Returns whether it runs. */
static __always_inline bool runs(struct call_slot *slot, maze_u32 index, struct task_struct *task,
				 maze_u64 now)
{
	maze_u64 runtime = READ(task, se.sum_exec_runtime);

	slot->ended_ns = now;
	if (!slot->began_ns) {
		if (runtime == slot->booked_ns && now - slot->armed_ns < UPDATE_WAIT_NS)
			return false;
		slot->began_ns = now;
		slot->from_ns = slot->booked_ns = runtime;
		return true;
	}
	slot->booked_ns = runtime;
	if (runtime - slot->from_ns < slot->limit_ns)
		return true;
	slot->done = 1;
	call_numbers[bounded(index)] = 0;
	return false;
}

/* Global functions, because the verifier checks these once, and not for each slot. */
__noinline int calls_enter(maze_u32 index, maze_u32 thread, maze_u32 call, int descriptor)
{
	struct call_slot *slot = acquire(index, thread);
	maze_u64 now = bpf_ktime_get_boot_ns();

	if (!slot)
		return 0;
	slot->entered_ns = 0;
	if (runs(slot, index, bpf_get_current_task_btf(), now)) {
		slot->inside = call;
		slot->inside_descriptor = descriptor;
		slot->entered_ns = now;
	}
	release(slot);
	return 0;
}

static __always_inline void add(struct call_slot *slot, int result, maze_u64 time_ns, maze_u64 sum)
{
	maze_u32 call = slot->inside, at = call ^ (call >> 5), i;
	int descriptor = slot->inside_descriptor;
	struct call_row *row;

	at += (maze_u32)descriptor * 7 + (maze_u32)result * 11;
	slot->calls++;
	for (i = 0; i < CALL_SLOT_ROWS; i++) {
		row = &slot->rows[(at + i) % CALL_SLOT_ROWS];
		if (!row->count) {
			row->call = call;
			row->descriptor = descriptor;
			row->result = result;
		} else if (row->call != call || row->descriptor != descriptor ||
			   row->result != result) {
			continue;
		}
		row->count++;
		row->time_ns += time_ns;
		row->sum += sum;
		return;
	}
	slot->rest_calls++;
	slot->rest_time_ns += time_ns;
}

/*
 * A call that seccomp(2) or a tracer denies has an exit, but no event of an entry. It is
 * counted as if it had been entered at the last event.
 */
static __always_inline void enter_late(struct call_slot *slot, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	long number = number_of(regs);

	if (number < 0 || !slot->began_ns)
		return;
	slot->inside = call_of(task, number);
	slot->inside_descriptor = descriptor_of(regs, slot->inside);
	slot->entered_ns = slot->ended_ns;
}

__noinline int calls_exit(maze_u32 index, maze_u32 thread, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_slot *slot = acquire(index, thread);
	maze_u64 now = bpf_ktime_get_boot_ns();
	int class = result > 0;

	if (!slot)
		return 0;
	if (result < 0 && result >= -ERRNO_MAX)
		class = (int)result;
	else if (result < 0)
		class = 1; /* an address */
	if (!slot->entered_ns)
		enter_late(slot, task);
	if (slot->entered_ns)
		add(slot, class, now - slot->entered_ns, result > 0 ? (maze_u64)result : 0);
	slot->entered_ns = 0;
	runs(slot, index, task, now);
	release(slot);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(calls__sys_enter, struct pt_regs *regs, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u32 thread = READ(task, pid), index = find_slot(thread), call;

	if (index == CALL_SLOTS)
		return 0;
	call = call_of(task, number);
	calls_enter(index, thread, call, descriptor_of(regs, call));
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(calls__sys_exit, struct pt_regs *regs, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u32 thread = READ(task, pid), index = find_slot(thread);

	if (index != CALL_SLOTS)
		calls_exit(index, thread, result);
	return 0;
}

SEC("iter/task")
int calls__find(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct pt_regs *regs;
	long number;

	if (!task)
		return 0;
	call_thread.tasks++;
	if (READ(task, start_boottime) > call_thread.born_by_ns)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	number = number_of(regs);
	call_thread.runtime_ns = READ(task, se.sum_exec_runtime);
	call_thread.inside = number < 0 ? CALL_NONE : call_of(task, number);
	call_thread.inside_descriptor = descriptor_of(regs, call_thread.inside);
	call_thread.number = READ(task, pid);
	return 0;
}
