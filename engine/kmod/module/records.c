// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records kept: two rings, of verdicts and of beginnings and ends of watches, so
 * that a storm of the latter overwrites no verdict. Writing never waits for a reader;
 * readers see by the numbers what they missed.
 */
#include <linux/cred.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "kmod.h"

/* As many as the bpf engine keeps. */
#define RING_LEN 4096
enum { RING_VERDICTS, RING_LIVES, RINGS };

struct ring {
	raw_spinlock_t lock;
	u64 head; /* number of the newest record */
	struct maze_record *slots;
};

static struct ring rings[RINGS] = {
	[RING_VERDICTS] = { .lock = __RAW_SPIN_LOCK_UNLOCKED(rings[RING_VERDICTS].lock) },
	[RING_LIVES] = { .lock = __RAW_SPIN_LOCK_UNLOCKED(rings[RING_LIVES].lock) },
};
/*
 * In memory of its own: a poll(2) or epoll(7) that once asked stays in the queue until
 * it leaves by itself, and that may be when the module and its data have long gone.
 */
static struct wait_queue_head *readers;
static bool hung_up;

static void wake_readers(struct irq_work *work)
{
	wake_up_interruptible_all(readers);
}

/* Whoever writes a record may not wake anybody itself. */
static struct irq_work bell = IRQ_WORK_INIT(wake_readers);

static void fill(struct maze_record *record, const struct task_struct *task)
{
	record->boot_ns = ktime_get_boot_fast_ns();
	if (!task)
		return;
	record->pid = task_tgid_nr((struct task_struct *)task);
	record->tid = task_pid_nr((struct task_struct *)task);
	record->uid = from_kuid(&init_user_ns, task_uid(task));
	/* May change under us, as it may for everybody who reads it. */
	strscpy_pad(record->comm, task->comm, sizeof(record->comm));
}

void records_write(const struct task_struct *task, const struct maze_record *facts)
{
	bool verdict = facts->event == MAZE_EVENT_SOFT || facts->event == MAZE_EVENT_HARD ||
		       facts->event == MAZE_EVENT_LOST;
	struct ring *ring = &rings[verdict ? RING_VERDICTS : RING_LIVES];
	struct maze_record record = *facts;
	unsigned long flags;

	fill(&record, task);
	raw_spin_lock_irqsave(&ring->lock, flags);
	record.seq = ++ring->head;
	ring->slots[(record.seq - 1) % RING_LEN] = record;
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	irq_work_queue(&bell);
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

void records_let_go(void)
{
	__wake_up(readers, TASK_NORMAL, 0, poll_to_key(EPOLLHUP | POLLFREE));
}

/* Who is in poll(2) has been woken, and leaves when it next runs: that is not waited for. */
static void free_readers(void)
{
	bool empty;

	if (!readers)
		return;
	/* With the lock, so that who has just left it is done with it. */
	spin_lock_irq(&readers->lock);
	empty = list_empty(&readers->head);
	spin_unlock_irq(&readers->lock);
	if (empty)
		kfree(readers);
	else
		pr_info("somebody still polls /proc/maze/events: %zu bytes are left to it\n",
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
	return READ_ONCE(rings[RING_VERDICTS].head) + READ_ONCE(rings[RING_LIVES].head);
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

	irq_work_sync(&bell);
	for (i = 0; i < RINGS; i++)
		vfree(rings[i].slots);
	free_readers();
}
