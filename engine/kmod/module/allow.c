// SPDX-License-Identifier: GPL-2.0-only
/* Allowances (core/allowance.h) by tag. They are few, and read only at verdicts. */
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "kmod.h"

struct allowed {
	struct hlist_node chain;
	u64 tag;
	struct maze_allowance allowance;
};

static DEFINE_HASHTABLE(allowances, 8);
/* Protects the table. Taken alone, also in hard interrupt context. */
static DEFINE_RAW_SPINLOCK(lock);
static u32 count;

static struct allowed *find(u64 tag)
{
	struct allowed *allowed;

	hash_for_each_possible(allowances, allowed, chain,
			       tag) if (allowed->tag == tag) return allowed;
	return NULL;
}

bool allow_permits(const struct task_struct *task, u64 tag, const struct maze_policy *policy,
		   bool hard)
{
	struct maze_allowance *allowance;
	struct allowed *allowed;
	unsigned long flags;
	bool permits;

	raw_spin_lock_irqsave(&lock, flags);
	allowed = find(tag);
	allowance = allowed ? &allowed->allowance : NULL;
	permits = maze_allowance_permits(
		allowance, policy, hard,
		maze_allowance_key(allowance, (u64)task->tgid, records_cgroup_of(task)),
		READ_ONCE(task->group_leader)->start_boottime, ktime_get_boottime_ns());
	raw_spin_unlock_irqrestore(&lock, flags);
	return permits;
}

int allow_set(u64 tag, const struct maze_allowance *allowance)
{
	struct allowed *fresh, *now;
	unsigned long flags;
	int err = 0;

	if (!maze_allowance_valid(allowance))
		return -EINVAL;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	fresh->tag = tag;
	fresh->allowance = *allowance;
	raw_spin_lock_irqsave(&lock, flags);
	now = find(tag);
	if (now && !maze_allowance_stays(&now->allowance, allowance)) {
		now->allowance = *allowance;
	} else if (!now && count == MAZE_ALLOWANCES_MAX) {
		err = -E2BIG;
	} else if (!now) {
		hash_add(allowances, &fresh->chain, tag);
		fresh = NULL;
		count++;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	kfree(fresh);
	return err;
}

void allow_remove(u64 tag)
{
	struct allowed *allowed;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	allowed = find(tag);
	if (allowed) {
		hash_del(&allowed->chain);
		count--;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	kfree(allowed);
}

void allow_remove_all(void)
{
	struct allowed *allowed;
	struct hlist_node *next;
	unsigned int bucket;

	hash_for_each_safe(allowances, bucket, next, allowed, chain)
	{
		hash_del(&allowed->chain);
		kfree(allowed);
	}
	count = 0;
}
