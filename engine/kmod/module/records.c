// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps two rings of records. Verdicts and lifecycle events of watches have separate
 * rings, so that lifecycle events never overwrite a verdict. The writer never waits for a
 * reader. A reader computes from the record numbers how many records it missed.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "kmod.h"

/* Number of records in a ring, the same as in the bpf engine. */
#define RING_LEN 4096
enum { RING_VERDICTS, RING_LIFECYCLE, RINGS };

struct ring {
	raw_spinlock_t lock;
	u64 head; /* number of the newest record */
	struct maze_record *slots;
};

static struct ring rings[RINGS] = {
	[RING_VERDICTS] = { .lock = __RAW_SPIN_LOCK_UNLOCKED(rings[RING_VERDICTS].lock) },
	[RING_LIFECYCLE] = { .lock = __RAW_SPIN_LOCK_UNLOCKED(rings[RING_LIFECYCLE].lock) },
};
/*
 * This queue is allocated separately, because a task in poll(2) may leave the queue after
 * the module is unloaded.
 */
static struct wait_queue_head *readers;
static bool hung_up;
/* The lock of RING_VERDICTS protects writes to these counters. */
static u64 verdicts, signals;

static void wake_readers(struct irq_work *work)
{
	wake_up_interruptible_all(readers);
}

/* irq_work wakes readers, because the contexts that write records cannot wake tasks. */
static struct irq_work notify = IRQ_WORK_INIT(wake_readers);

u64 records_cgroup_of(const struct task_struct *task)
{
	u64 id = 0;

#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	id = cgroup_id(rcu_dereference(task->cgroups)->dfl_cgrp);
	rcu_read_unlock();
#endif
	return id;
}

static void fill(struct maze_record *record, const struct task_struct *task)
{
	record->boot_ns = ktime_get_boot_fast_ns();
	if (!task)
		return;
	record->pid = task_tgid_nr((struct task_struct *)task);
	record->tid = task_pid_nr((struct task_struct *)task);
	record->uid = from_kuid(&init_user_ns, task_uid(task));
	record->cgroup_id = records_cgroup_of(task);
	/* No lock protects comm here, so the name may change during the copy. */
	strscpy_pad(record->comm, task->comm, sizeof(record->comm));
}

struct maze_record records_of_verdict(const struct maze_policy *policy,
				      const struct maze_tally *tally, bool hard)
{
	struct maze_record facts = {
		.event = hard ? MAZE_EVENT_HARD : MAZE_EVENT_SOFT,
		.limit_ns = hard ? policy->hard_ns : policy->soft_ns,
		.signal = hard ? policy->hard_signal : policy->soft_signal,
	};

	maze_record_tally(&facts, tally);
	return facts;
}

void records_write(const struct task_struct *task, const struct maze_record *facts)
{
	bool verdict = facts->event == MAZE_EVENT_SOFT || facts->event == MAZE_EVENT_HARD;
	bool lifecycle = !verdict && facts->event != MAZE_EVENT_LOST;
	struct ring *ring = &rings[lifecycle ? RING_LIFECYCLE : RING_VERDICTS];
	struct maze_record record = *facts;
	unsigned long flags;

	fill(&record, task);
	raw_spin_lock_irqsave(&ring->lock, flags);
	record.seq = ++ring->head;
	ring->slots[(record.seq - 1) % RING_LEN] = record;
	if (verdict) {
		verdicts++;
		signals += !!(record.flags & MAZE_RECORD_SENT);
	}
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	irq_work_queue(&notify);
}

void records_cursor_init(struct records_cursor *cursor, bool from_oldest)
{
	u64 head;
	int i;

	cursor->lost = 0;
	for (i = 0; i < RINGS; i++) {
		head = READ_ONCE(rings[i].head);
		cursor->next[i] = head + 1;
		if (from_oldest)
			cursor->next[i] = head > RING_LEN ? head - RING_LEN + 1 : 1;
	}
}

static bool peek(struct records_cursor *cursor, int i, struct maze_record *ret_record)
{
	struct ring *ring = &rings[i];
	unsigned long flags;
	bool have;

	raw_spin_lock_irqsave(&ring->lock, flags);
	if (cursor->next[i] + RING_LEN <= ring->head) {
		cursor->lost += ring->head - RING_LEN + 1 - cursor->next[i];
		cursor->next[i] = ring->head - RING_LEN + 1;
	}
	have = cursor->next[i] <= ring->head;
	if (have)
		*ret_record = ring->slots[(cursor->next[i] - 1) % RING_LEN];
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return have;
}

bool records_next(struct records_cursor *cursor, struct maze_record *ret_record)
{
	struct maze_record record;
	int i, first = -1;

	for (i = 0; i < RINGS; i++) {
		if (!peek(cursor, i, &record))
			continue;
		if (first < 0 || record.boot_ns < ret_record->boot_ns) {
			first = i;
			*ret_record = record;
		}
	}
	if (cursor->lost) {
		memset(ret_record, 0, sizeof(*ret_record));
		ret_record->event = MAZE_EVENT_LOST;
		ret_record->lost = cursor->lost;
		ret_record->boot_ns = ktime_get_boottime_ns();
		cursor->lost = 0;
		return true;
	}
	if (first >= 0)
		cursor->next[first]++;
	return first >= 0;
}

bool records_ready(const struct records_cursor *cursor)
{
	int i;

	for (i = 0; i < RINGS; i++)
		if (cursor->next[i] <= READ_ONCE(rings[i].head))
			return true;
	return cursor->lost;
}

struct wait_queue_head *records_wait(void)
{
	return readers;
}

void records_hang_up(void)
{
	WRITE_ONCE(hung_up, true);
	wake_up_interruptible_all(readers);
}

void records_detach_pollers(void)
{
	__wake_up(readers, TASK_NORMAL, 0, poll_to_key(EPOLLHUP | POLLFREE));
}

/*
 * Frees the queue if no task in poll(2) is left in it. The function does not wait for
 * such a task, because the task leaves the queue only when it next runs.
 */
static void free_readers(void)
{
	bool empty;

	if (!readers)
		return;
	/*
	 * A task that has just left the queue may still hold the lock. Wait for its
	 * release.
	 */
	spin_lock_irq(&readers->lock);
	empty = list_empty(&readers->head);
	spin_unlock_irq(&readers->lock);
	if (empty)
		kfree(readers);
	else
		pr_info("/proc/maze/events is still being polled: %zu bytes are not freed\n",
			sizeof(*readers));
}

bool records_hung_up(void)
{
	return READ_ONCE(hung_up);
}

size_t records_bytes(void)
{
	return RINGS * RING_LEN * sizeof(struct maze_record);
}

u64 records_count(void)
{
	return READ_ONCE(rings[RING_VERDICTS].head) + READ_ONCE(rings[RING_LIFECYCLE].head);
}

u64 records_verdicts(void)
{
	return READ_ONCE(verdicts);
}

u64 records_signals(void)
{
	return READ_ONCE(signals);
}

int records_init(void)
{
	int i;

	readers = kmalloc(sizeof(*readers), GFP_KERNEL);
	if (!readers)
		return -ENOMEM;
	init_waitqueue_head(readers);
	for (i = 0; i < RINGS; i++) {
		rings[i].slots = vzalloc(RING_LEN * sizeof(struct maze_record));
		if (!rings[i].slots) {
			records_done();
			return -ENOMEM;
		}
	}
	return 0;
}

void records_done(void)
{
	int i;

	irq_work_sync(&notify);
	for (i = 0; i < RINGS; i++)
		vfree(rings[i].slots);
	free_readers();
}
