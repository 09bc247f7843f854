/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records context switches, starts, ends, names, wakeups and yields of all tasks. A kernel
 * thread is recorded as an idle CPU, because no engine watches it. Thread IDs are those of
 * the initial PID namespace. No event wakes the reader, because its wakeup and its switch
 * would be events too.
 */
#include "kernel_types.h"
#include <bpf/bpf_tracing.h>

#include "schedule.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SCHEDULE_RING_BYTES);
} schedule_events SEC(".maps");

/* Events of this CPU that found no room, and are not reported yet. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, maze_u32);
	__type(value, maze_u64);
} schedule_lost SEC(".maps");

static __always_inline bool is_seen(struct task_struct *task)
{
	return !(READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER));
}

static __always_inline maze_u32 tid_of(struct task_struct *task)
{
	return is_seen(task) ? READ(task, pid) : 0;
}

static __always_inline struct maze_trace_event *reserve(void)
{
	struct maze_trace_event *event = bpf_ringbuf_reserve(&schedule_events, sizeof(*event), 0);

	if (event)
		*event = (struct maze_trace_event){
			.time_ns = bpf_ktime_get_boot_ns(),
			.cpu = (maze_u16)bpf_get_smp_processor_id(),
		};
	return event;
}

/* The loss comes before the next event of its CPU. */
static __always_inline struct maze_trace_event *begin(enum maze_trace_kind kind)
{
	maze_u32 zero = 0;
	maze_u64 *lost = bpf_map_lookup_elem(&schedule_lost, &zero);
	struct maze_trace_event *event;

	if (!lost)
		return 0;
	if (*lost) {
		event = reserve();
		if (!event) {
			++*lost;
			return 0;
		}
		event->kind = MAZE_TRACE_LOST;
		event->number = *lost;
		*lost = 0;
		bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	}
	event = reserve();
	if (event)
		event->kind = (maze_u8)kind;
	else
		++*lost;
	return event;
}

/* As switch_out() in maze.bpf.c. */
static __always_inline enum maze_trace_state state_of(struct task_struct *task, bool preempt,
						      unsigned int state)
{
	if (state & TASK_DEAD)
		return MAZE_TRACE_ENDS;
	if (preempt || !(state & ~TASK_RTLOCK_WAIT))
		return MAZE_TRACE_RUNNABLE;
	if (bpf_core_field_exists(struct task_struct, __state) && !READ(task, __state))
		return MAZE_TRACE_RUNNABLE;
	if (state & TASK_STOPPED_OR_TRACED)
		return MAZE_TRACE_STOPS;
	return is_futex_call(call_number((struct pt_regs *)bpf_task_pt_regs(task)))
		       ? MAZE_TRACE_WAITS_FOR_LOCK
		       : MAZE_TRACE_SLEEPS;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(schedule__sched_switch, bool preempt, struct task_struct *prev,
	     struct task_struct *next, unsigned int prev_state)
{
	maze_u32 tid = tid_of(prev), other = tid_of(next);
	struct maze_trace_event *event;

	if (!tid && !other)
		return 0;
	event = begin(MAZE_TRACE_SWITCH);
	if (!event)
		return 0;
	event->tid = tid;
	event->other = other;
	if (tid) {
		event->runtime_ns = READ(prev, se.sum_exec_runtime);
		event->state = (maze_u8)state_of(prev, preempt, prev_state);
	}
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

/* `comm` is a name of the kernel, or the task's own. */
static __always_inline void record_name(struct task_struct *task, const char *comm)
{
	struct maze_trace_event *event = begin(MAZE_TRACE_NAME);

	if (!event)
		return;
	event->tid = READ(task, pid);
	event->pid = READ(task, tgid);
	event->time_ns = 0;
	event->number = 0;
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), comm);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(schedule__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct maze_trace_event *event;

	if (!is_seen(child))
		return 0;
	event = begin(MAZE_TRACE_FORK);
	if (!event)
		return 0;
	event->tid = tid_of(parent);
	event->other = READ(child, pid);
	event->pid = READ(child, tgid);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	record_name(child, child->comm);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(schedule__task_rename, struct task_struct *task, const char *comm)
{
	if (is_seen(task))
		record_name(task, comm);
	return 0;
}

static __always_inline int record_task(struct task_struct *task, enum maze_trace_kind kind)
{
	struct maze_trace_event *event = is_seen(task) ? begin(kind) : 0;

	if (!event)
		return 0;
	event->tid = READ(task, pid);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(schedule__sched_process_exit, struct task_struct *task)
{
	return record_task(task, MAZE_TRACE_EXIT);
}

/* When the task is in the queue of a CPU: the engine ends the sleep there, too. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(schedule__sched_wakeup, struct task_struct *task)
{
	return record_task(task, MAZE_TRACE_WAKE);
}

SEC("?tracepoint/syscalls/sys_enter_sched_yield")
int schedule__sys_enter_sched_yield(void *context)
{
	(void)context;
	return record_task(bpf_get_current_task_btf(), MAZE_TRACE_YIELD);
}
