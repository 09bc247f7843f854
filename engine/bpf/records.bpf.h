/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes records. Each log is a ring of numbered slots, and its writers never wait.
 * Record n overwrites slot (n - 1) % MAZE_LOG_LEN. Each reader keeps its own position and
 * sees from the numbers which records it missed. A slot's seq is 0 while the slot is
 * written.
 */
#ifndef MAZE_BPF_RECORDS_BPF_H
#define MAZE_BPF_RECORDS_BPF_H

#include "maps.bpf.h"
#include "numbers.bpf.h"

/* 1: the rest of the mask has no reader. */
static long notify_one(maze_u32 index, maze_u32 *mask)
{
	maze_u32 rest = *mask >> index;
	maze_u64 one = 1;
	void *ring;

	if (rest & 1) {
		ring = bpf_map_lookup_elem(&wakeups, &index);
		if (ring)
			bpf_ringbuf_output(ring, &one, sizeof(one), 0);
	}
	return rest <= 1;
}

/*
 * Wakes the readers in the mask. If a reader's ring is full, that reader has a wakeup
 * pending already. Each wakeup costs an interrupt of this CPU.
 *
 * All functions whose names begin with maze_ are global, not static. The verifier checks
 * a global function once per program, but a static one on each path to it. With static
 * functions the load would take several times as long.
 */
__noinline int maze_notify(maze_u32 mask)
{
	if (mask)
		bpf_loop(MAZE_READERS_MAX, notify_one, &mask, 0);
	return 0;
}

MAZE_INLINE maze_u32 thread_number(struct task_struct *task)
{
	return thread_number_at(task, state.pid_level);
}

MAZE_INLINE maze_u32 process_number(struct task_struct *task)
{
	return process_number_at(task, state.pid_level);
}

MAZE_INLINE bool has_user(void)
{
	return bpf_core_field_exists(struct task_struct, real_cred) &&
	       bpf_core_field_exists(struct cred, uid.val);
}

/* Returns the task's real user ID; ~0: unknown. */
MAZE_INLINE maze_u32 user_of(struct task_struct *task)
{
	return has_user() ? READ(untrusted(task)->real_cred, uid.val) : ~0U;
}

/* Returns the inode number of the task's control group (version 2); 0: unknown. */
MAZE_INLINE maze_u64 cgroup_of(struct task_struct *task)
{
	if (!has_cgroups() || !bpf_core_field_exists(struct cgroup, kn) ||
	    !bpf_core_field_exists(struct kernfs_node, id))
		return 0;
	return PROBE(BPF_CORE_READ(task, cgroups, dfl_cgrp, kn), id);
}

MAZE_INLINE void read_name(char *ret_name, struct task_struct *task)
{
	ret_name[0] = '\0';
	if (bpf_core_field_exists(struct task_struct, comm))
		bpf_probe_read_kernel_str(ret_name, 16, task->comm);
}

MAZE_INLINE struct maze_record *claim_slot(maze_u32 log, maze_u64 *ret_seq)
{
	maze_u64 seq = __sync_fetch_and_add(&state.heads[log & 1], 1) + 1;
	maze_u32 slot = (seq - 1) % MAZE_LOG_LEN;
	struct maze_record *record;

	if (log == MAZE_LOG_VERDICTS)
		record = bpf_map_lookup_elem(&verdict_log, &slot);
	else
		record = bpf_map_lookup_elem(&lifecycle_log, &slot);
	if (record)
		*(volatile maze_u64 *)&record->seq = 0;
	*ret_seq = seq;
	return record;
}

/* The task of a record, and the fields that are not read from the task. No padding. */
struct record_facts {
	struct task_struct *task; /* an address: the verifier forgets its type in a call */
	maze_u64 tag;
	struct maze_tally tally;
	maze_u64 limit_ns;
	maze_u32 flags;
	unsigned char event;
	unsigned char signal;
	unsigned char not_sent;
	unsigned char lost;
};

/* maze_notify() follows. Not static: see there. */
__noinline int maze_write_record(struct record_facts *facts, maze_u32 log)
{
	maze_u32 level = state.pid_level;
	struct maze_record *record;
	struct task_struct *task;
	maze_u64 seq = 0;

	if (!facts)
		return 0;
	task = facts->task;
	record = claim_slot(log, &seq);
	if (!record)
		return 0;
	record->boot_ns = bpf_ktime_get_boot_ns();
	maze_record_tally(record, &facts->tally);
	record->limit_ns = facts->limit_ns;
	record->lost = facts->lost;
	record->tag = facts->tag;
	record->pid = probed_process_number_at(task, level);
	record->tid = probed_thread_number_at(task, level);
	record->uid = has_user() ? PROBE(BPF_CORE_READ(task, real_cred), uid.val) : ~0U;
	record->cgroup_id = cgroup_of(task);
	record->cpu = bpf_get_smp_processor_id();
	record->event = facts->event;
	record->signal = facts->signal;
	record->flags = facts->flags;
	record->not_sent = facts->not_sent;
	read_name(record->comm, task);
	/* This atomic store comes last: a reader that sees `seq` sees all fields. */
	__sync_lock_test_and_set(&record->seq, seq);
	return 0;
}

MAZE_INLINE void record_lifecycle(struct task_struct *task, struct maze_task *watched,
				  maze_u16 event, maze_u32 flags)
{
	struct record_facts facts = {
		.task = task,
		.tag = watched->tag,
		.tally.count_ns = watched->account.count_ns,
		.tally.episode = watched->account.episode,
		.event = event,
		.flags = flags,
	};

	/* A quiet watch records only an exit, and only if the episode has a verdict. */
	if ((watched->policy.flags & MAZE_POLICY_QUIET) &&
	    !(event == MAZE_EVENT_EXIT && watched->account.fired))
		return;
	maze_write_record(&facts, MAZE_LOG_LIFECYCLE);
	maze_notify(state.notify_records);
}

#endif
