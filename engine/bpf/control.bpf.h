/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Iterator programs, which the kernel runs for each task when user space reads a file.
 * handle__control begins and ends watches according to `request`. handle__list and
 * handle__entries list the watches, handle__streaks the streaks that have not ended.
 */
#ifndef MAZE_BPF_CONTROL_BPF_H
#define MAZE_BPF_CONTROL_BPF_H

#include "verdict.bpf.h"

MAZE_INLINE struct maze_request *current_request(void)
{
	maze_u32 zero = 0;

	return bpf_map_lookup_elem(&request, &zero);
}

/* Whether the task may be watched; if not, counts the reason. */
MAZE_INLINE bool may_watch(struct task_struct *task, struct maze_request *req)
{
	struct maze_task *leader_state;

	if (READ(task, tgid) == 1 || process_number(task) == 1) {
		req->refused_init++;
		return false;
	}
	if (READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER)) {
		req->refused_kernel++;
		return false;
	}
	leader_state = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	if (leader_state && leader_state->role == MAZE_ROLE_SELF) {
		req->refused_self++;
		return false;
	}
	/* PF_EXITING is set before the exit handler runs, and is never cleared. */
	if (READ(task, flags) & PF_EXITING) {
		req->exiting++;
		return false;
	}
	return true;
}

MAZE_INLINE bool beyond_claim(struct maze_task *watched, struct maze_request *req)
{
	return (watched->tag ^ req->tag) & req->mask;
}

MAZE_INLINE bool same_policy(const struct maze_policy *a, const struct maze_policy *b)
{
	return a->soft_ns == b->soft_ns && a->hard_ns == b->hard_ns && a->recovery == b->recovery &&
	       a->flags == b->flags && a->soft_signal == b->soft_signal &&
	       a->hard_signal == b->hard_signal && a->owner == b->owner;
}

/* Whether the claim keeps this watch unchanged; counts such watches. */
MAZE_INLINE bool leave_alone(struct maze_task *watched, struct maze_request *req)
{
	if (watched->role != MAZE_ROLE_WATCHED || !req->mask)
		return false;
	if (beyond_claim(watched, req)) {
		req->left++;
		return true;
	}
	if (watched->tag == req->tag && same_policy(&watched->policy, &req->policy)) {
		req->kept++;
		return true;
	}
	return false;
}

/*
 * Begins a watch as a new storage element, which becomes visible as a whole. So the
 * switch handler on another CPU sees the old watch, none, or the new one, but no mixture.
 * The account begins at the first sample on the task's CPU.
 */
static __noinline int begin_watch(struct task_struct *task, struct maze_request *req)
{
	struct maze_task fresh = { .role = MAZE_ROLE_WATCHED }, *watched;
	maze_u32 cpu;

	if (!task || !req)
		return 0;
	if (!may_watch(task, req))
		return 0;
	fresh.policy = req->policy;
	fresh.tag = req->tag;
	fresh.nvcsw = voluntary_switches(task);

	watched = bpf_task_storage_get(&tasks, task, 0, 0);
	if (watched && leave_alone(watched, req))
		return 0;
	if (watched) {
		close_watch(task, watched);
		bpf_task_storage_delete(&tasks, task);
	}
	watched = bpf_task_storage_get(&tasks, task, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!watched) {
		req->no_memory++;
		return 0;
	}
	/* A streak needs the probe from its beginning, unlike a limit. */
	if (observes(watched) && needs_attached_probe(watched))
		need_yield_probe(watched);
	record_lifecycle(task, watched, MAZE_EVENT_WATCH, 0);
	req->done++;
	/*
	 * User space forces a switch on the CPUs of running_on, so that the account
	 * begins soon. Without these members it begins at the task's next switch.
	 */
	if (!bpf_core_field_exists(struct task_struct, thread_info.cpu) ||
	    !bpf_core_field_exists(struct task_struct, on_cpu))
		return 0;
	cpu = READ(task, thread_info.cpu);
	if (READ(task, on_cpu) && cpu < MAZE_CPUS_MAX)
		req->running_on[cpu / 64] |= 1ULL << (cpu % 64);
	return 0;
}

static __noinline int end_watch(struct task_struct *task, struct maze_request *req)
{
	struct maze_task *watched;

	if (!task || !req)
		return 0;
	watched = watched_task(task);
	if (!watched)
		return 0;
	if (beyond_claim(watched, req)) {
		req->left++;
		return 0;
	}
	close_watch(task, watched);
	record_lifecycle(task, watched, MAZE_EVENT_UNWATCH, 0);
	bpf_task_storage_delete(&tasks, task);
	req->done++;
	return 0;
}

SEC("iter/task")
int handle__control(struct bpf_iter__task *ctx)
{
	struct maze_request *req = current_request();
	struct task_struct *task = ctx->task;
	maze_u64 *ticket;

	if (!task || !req)
		return 0;
	if (req->kind == MAZE_REQUEST_UNWATCH_ALL)
		return end_watch(task, req);
	ticket = bpf_task_storage_get(&tickets, task->group_leader, 0, 0);
	if (!ticket || *ticket != req->ticket)
		return 0;
	if (req->kind == MAZE_REQUEST_WATCH)
		return begin_watch(task, req);
	if (req->kind == MAZE_REQUEST_UNWATCH)
		return end_watch(task, req);
	return 0;
}

SEC("iter/task")
int handle__list(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct maze_task *watched;
	struct maze_entry entry = {};

	if (!task || !untrusted(task)->bpf_storage)
		return 0;
	watched = listed_watch(task);
	if (!watched)
		return 0;
	entry.count_ns = listed_count(task, watched);
	entry.soft_ns = watched->policy.soft_ns;
	entry.hard_ns = watched->policy.hard_ns;
	entry.tag = watched->tag;
	entry.pid = process_number(task);
	entry.tid = thread_number(task);
	entry.uid = user_of(task);
	entry.recovery = watched->policy.recovery;
	entry.flags = watched->policy.flags;
	entry.soft_signal = watched->policy.soft_signal;
	entry.hard_signal = watched->policy.hard_signal;
	entry.fired = watched->account.fired;
	entry.episode = watched->account.episode;
	read_name(entry.comm, task);
	bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry));
	return 0;
}

SEC("iter/task")
int handle__streaks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct maze_running_streak running = {};
	struct maze_task *watched;
	maze_u32 number;

	if (!task)
		return 0;
	watched = listed_watch(task);
	if (!watched || !observes(watched))
		return 0;
	number = class_of(task, watched->tag);
	running.class_index = number ? number - 1 : MAZE_STREAK_OTHERS;
	running.streak_ns = listed_count(task, watched);
	if (running.streak_ns < watched->account.peak_ns)
		running.streak_ns = watched->account.peak_ns;
	running.pid = process_number(task);
	running.tid = thread_number(task);
	read_name(running.comm, task);
	bpf_seq_write(ctx->meta->seq, &running, sizeof(running));
	return 0;
}

/* Prints the list in the format of /proc/maze/entries of 2008, with times in ms. */
SEC("iter/task")
int handle__entries(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct maze_task *watched;
	maze_u64 count_ms;

	if (!task)
		return 0;
	if (READ(ctx->meta, seq_num) == 0)
		BPF_SEQ_PRINTF(seq,
			       "pid: count: soft-limit: hard-limit: soft-signal: hard-signal:\n");
	if (!untrusted(task)->bpf_storage)
		return 0;
	watched = listed_watch(task);
	if (!watched)
		return 0;
	count_ms = listed_count(task, watched) / MAZE_NSEC_PER_MSEC;
	BPF_SEQ_PRINTF(seq, "%u: %llu: %llu: %llu: %u: %u:\n", thread_number(task), count_ms,
		       watched->policy.soft_ns / MAZE_NSEC_PER_MSEC,
		       watched->policy.hard_ns / MAZE_NSEC_PER_MSEC, watched->policy.soft_signal,
		       watched->policy.hard_signal);
	return 0;
}

#endif
