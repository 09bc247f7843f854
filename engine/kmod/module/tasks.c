// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watched tasks are in a hash by task_struct. The hash is read under RCU, and written
 * under a lock per chain. The switch probe finds an entry with a few loads and no atomic
 * operation.
 *
 * Invariant: an entry is in the hash only while its task can still be switched in. The
 * exit probe removes it. tasks_watch() adds an entry, then checks whether the task is
 * exiting, because the exit probe may already have run. An entry is freed only after both
 * an RCU grace period and the delivery of its pending verdicts.
 */
#include <linux/hash.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "kmod.h"

/*
 * A fork takes its entry from a pool, because a fork on PREEMPT_RT cannot allocate. Below
 * POOL_LOW entries, a work item fills the pool up to POOL_FULL. POOL_LOW entries are
 * enough for the forks during the few ms of this work.
 */
#define POOL_FULL 1024
#define POOL_LOW 768

struct chain {
	struct hlist_head head;
	raw_spinlock_t lock;
};

static struct chain chains[MAZE_CHAINS];
static struct kmem_cache *cache;
static struct workqueue_struct *workers;
static atomic_t allocated;
atomic_t maze_watched;

static DEFINE_RAW_SPINLOCK(pool_lock);
static HLIST_HEAD(pool);
static unsigned int pooled;
static void (*deliver_fn)(struct irq_work *work);

static struct chain *chain_of(const struct task_struct *task)
{
	return &chains[hash_ptr(task, MAZE_TASK_BITS)];
}

/*
 * Adds the entry to the pool, or if the pool has `full` entries, frees it and may sleep.
 */
static void pool_put(struct maze_task *watched, unsigned int full)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pool_lock, flags);
	if (pooled < full) {
		hlist_add_head(&watched->chain, &pool);
		pooled++;
		watched = NULL;
	}
	raw_spin_unlock_irqrestore(&pool_lock, flags);
	if (!watched)
		return;
	kmem_cache_free(cache, watched);
	atomic_dec(&allocated);
}

static void fill_pool(struct work_struct *work)
{
	struct maze_task *watched;

	while (READ_ONCE(pooled) < POOL_FULL) {
		watched = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN);
		if (!watched)
			return;
		atomic_inc(&allocated);
		pool_put(watched, POOL_FULL);
	}
}

static DECLARE_WORK(pool_work, fill_pool);

static struct maze_task *pool_take(void)
{
	struct maze_task *watched = NULL;
	unsigned long flags;
	bool low;

	raw_spin_lock_irqsave(&pool_lock, flags);
	if (!hlist_empty(&pool)) {
		watched = hlist_entry(pool.first, struct maze_task, chain);
		hlist_del(&watched->chain);
		pooled--;
	}
	low = pooled < POOL_LOW;
	raw_spin_unlock_irqrestore(&pool_lock, flags);
	if (low)
		queue_work(workers, &pool_work);
	return watched;
}

static void free_entry(struct work_struct *work)
{
	struct maze_task *watched = container_of(to_rcu_work(work), struct maze_task, free);

	irq_work_sync(&watched->work);
	pool_put(watched, POOL_FULL);
}

void tasks_put(struct maze_task *watched)
{
	if (refcount_dec_and_test(&watched->refs))
		queue_rcu_work(workers, &watched->free);
}

static struct maze_task *new_entry(struct task_struct *task, bool may_sleep)
{
	struct maze_task *watched;

	watched = may_sleep ? NULL : pool_take();
	/*
	 * If a parent forks faster than the work fills the pool, its children must still
	 * be watched. A fork without PREEMPT_RT may allocate here, because only
	 * preemption is disabled.
	 */
	if (!watched && (may_sleep || !IS_ENABLED(CONFIG_PREEMPT_RT))) {
		watched =
			kmem_cache_alloc(cache, may_sleep ? GFP_KERNEL : GFP_NOWAIT | __GFP_NOWARN);
		if (watched)
			atomic_inc(&allocated);
	}
	if (!watched)
		return NULL;
	memset(watched, 0, sizeof(*watched));
	watched->task = task;
	raw_spin_lock_init(&watched->lock);
	refcount_set(&watched->refs, 1);
	INIT_RCU_WORK(&watched->free, free_entry);
	/*
	 * A signal can be sent from an irq_work without HARD. But on PREEMPT_RT such work
	 * runs in a thread of the CPU, which can be delayed too long (deliver.c).
	 */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		watched->work = IRQ_WORK_INIT_HARD(deliver_fn);
	else
		watched->work = IRQ_WORK_INIT(deliver_fn);
	return watched;
}

struct maze_task *tasks_find(const struct task_struct *task)
{
	struct maze_task *watched;

	hlist_for_each_entry_rcu(watched, &chain_of(task)->head, chain,
				 true) if (watched->task == task) return watched;
	return NULL;
}

static void write_lifecycle(const struct task_struct *task, const struct maze_task *watched,
			    enum maze_event event, u64 count_ns, u32 flags)
{
	/* A quiet watch still records the exit that follows a verdict. */
	bool wanted = !(READ_ONCE(watched->policy.flags) & MAZE_POLICY_QUIET) ||
		      (event == MAZE_EVENT_EXIT && READ_ONCE(watched->account.fired));
	struct maze_record facts = {
		.event = event,
		.count_ns = count_ns,
		.tag = watched->tag,
		.episode = watched->account.episode,
		.cpu = raw_smp_processor_id(),
		.flags = flags,
	};

	if (wanted)
		records_write(task, &facts);
}

/*
 * Records pending verdicts as not sent, because the watch ends. The task's lock is held.
 */
static void drop_pending(struct maze_task *watched)
{
	struct maze_record facts;
	u32 stage;

	for (stage = MAZE_FIRED_SOFT; stage <= MAZE_FIRED_HARD; stage <<= 1) {
		if (!(watched->pending & stage))
			continue;
		facts = records_of_verdict(&watched->policy, &watched->pending_tally,
					   stage == MAZE_FIRED_HARD);
		facts.tag = watched->tag;
		facts.cpu = watched->cpu;
		facts.not_sent = MAZE_NOT_SENT_WATCH_ENDED;
		records_write(watched->task, &facts);
	}
	watched->pending = 0;
}

/* Returns 0 if the request may replace this watch. The caller holds the lock. */
static int check_replaceable(const struct maze_task *watched,
			     const struct maze_watch_params *params)
{
	if (!params->mask)
		return 0;
	if ((watched->tag ^ params->tag) & params->mask)
		return -EEXIST;
	if (watched->tag == params->tag &&
	    !memcmp(&watched->policy, &params->policy, sizeof(params->policy)))
		return -EALREADY;
	return 0;
}

/*
 * Returns 0, -EEXIST (the mask does not cover the watch), -EALREADY (the watch stays
 * unchanged) or -ENOENT (the watch has ended).
 */
static int set_policy(struct maze_task *watched, const struct maze_watch_params *params,
		      bool is_new)
{
	unsigned long flags;
	int err = 0;

	/* A request set a watch of the child after the fork: inheritance keeps it. */
	if (!is_new && (params->flags & MAZE_RECORD_INHERITED))
		return -EALREADY;
	raw_spin_lock_irqsave(&watched->lock, flags);
	if (!is_new)
		err = watched->ended ? -ENOENT : check_replaceable(watched, params);
	watched->stamp = params->stamp;
	/* A watch that stays unchanged may have got its class before an execve. */
	if (!err || err == -EALREADY)
		streaks_set_class(watched, params->streak_class);
	if (err)
		goto out_unlock;
	if (!is_new)
		drop_pending(watched);
	watched->policy = params->policy;
	watched->tag = params->tag;
	/* The account begins at the next sample whose runtime is up to date. */
	memset(&watched->account, 0, sizeof(watched->account));
	watched->seen_clock = 0;
	watched->next_check_ns = 0;
	watched->yield_ns = 0;
	watched->left_clock = 0;
out_unlock:
	raw_spin_unlock_irqrestore(&watched->lock, flags);
	return err;
}

/* Adds the entry and returns NULL, or returns an entry that was added concurrently. */
static struct maze_task *hash_entry(struct maze_task *fresh)
{
	struct chain *chain = chain_of(fresh->task);
	struct maze_task *there;
	unsigned long flags;

	raw_spin_lock_irqsave(&chain->lock, flags);
	there = tasks_find(fresh->task);
	if (!there)
		hlist_add_head_rcu(&fresh->chain, &chain->head);
	raw_spin_unlock_irqrestore(&chain->lock, flags);
	return there;
}

static int add(struct task_struct *task, const struct maze_watch_params *params)
{
	struct maze_task *fresh, *there;
	int err = -ENOSPC;

	if (atomic_inc_return(&maze_watched) > READ_ONCE(maze_max_entries))
		goto out_count;
	err = -ENOMEM;
	fresh = new_entry(task, params->may_sleep);
	if (!fresh)
		goto out_count;
	err = set_policy(fresh, params, true);
	rcu_read_lock();
	there = hash_entry(fresh);
	if (there)
		err = set_policy(there, params, false);
	rcu_read_unlock();
	if (!there)
		return 0;
	/* A fork on PREEMPT_RT cannot free memory, so the pool takes every entry. */
	pool_put(fresh, params->may_sleep ? POOL_FULL : UINT_MAX);
out_count:
	atomic_dec(&maze_watched);
	return err;
}

static int replace_or_add(struct task_struct *task, const struct maze_watch_params *params)
{
	struct maze_task *watched;
	int err = -ENOENT;

	rcu_read_lock();
	watched = tasks_find(task);
	if (watched)
		err = set_policy(watched, params, false);
	rcu_read_unlock();
	return err == -ENOENT ? add(task, params) : err;
}

int tasks_watch(struct task_struct *task, const struct maze_watch_params *params)
{
	struct maze_task *watched;
	int err;

	do
		err = replace_or_add(task, params);
	while (err == -ENOENT);
	if (err)
		return err == -EALREADY ? 0 : err;
	rcu_read_lock();
	watched = tasks_find(task);
	if (watched)
		write_lifecycle(task, watched, MAZE_EVENT_WATCH, 0, params->flags);
	rcu_read_unlock();
	/* Pairs with do_exit(), which sets PF_EXITING before the exit probe runs. */
	smp_mb();
	if (!(READ_ONCE(task->flags) & PF_EXITING))
		return 0;
	tasks_end(task, MAZE_EVENT_EXIT);
	return -ESRCH;
}

/*
 * Ends the watch and returns its final count. The caller holds the chain's and the task's
 * lock, so no policy is set at the same time.
 */
static u64 mark_ended(struct maze_task *watched, enum maze_event event)
{
	u64 runtime_ns = watched->task->se.sum_exec_runtime;
	u64 count_ns = watched->account.count_ns;

	watched->ended = true;
	watched->streak_class = 0;
	if (event == MAZE_EVENT_UNWATCH)
		drop_pending(watched);
	/* Adds the CPU time since the last step, without the last tick of a running task. */
	if (watched->account.begun && runtime_ns > watched->account.runtime_ns)
		count_ns += runtime_ns - watched->account.runtime_ns;
	return count_ns;
}

bool tasks_end_if(struct task_struct *task, enum maze_event event, const struct maze_policy *policy)
{
	struct chain *chain = chain_of(task);
	struct maze_task *watched;
	unsigned long flags;
	u64 count_ns = 0;

	raw_spin_lock_irqsave(&chain->lock, flags);
	watched = tasks_find(task);
	if (watched) {
		raw_spin_lock(&watched->lock);
		if (!policy || !memcmp(&watched->policy, policy, sizeof(*policy)))
			count_ns = mark_ended(watched, event);
		raw_spin_unlock(&watched->lock);
	}
	if (watched && !watched->ended)
		watched = NULL;
	if (watched)
		hlist_del_rcu(&watched->chain);
	raw_spin_unlock_irqrestore(&chain->lock, flags);
	if (!watched)
		return false;
	atomic_dec(&maze_watched);
	write_lifecycle(task, watched, event, count_ns, 0);
	tasks_put(watched);
	return true;
}

bool tasks_end(struct task_struct *task, enum maze_event event)
{
	return tasks_end_if(task, event, NULL);
}

void tasks_each(unsigned int chain, void (*each)(struct maze_task *watched, void *arg), void *arg)
{
	struct maze_task *watched;

	rcu_read_lock();
	hlist_for_each_entry_rcu(watched, &chains[chain].head, chain) each(watched, arg);
	rcu_read_unlock();
}

size_t tasks_bytes(void)
{
	return (size_t)atomic_read(&allocated) * sizeof(struct maze_task) + sizeof(chains);
}

int tasks_init(void (*deliver)(struct irq_work *work))
{
	unsigned int i;

	deliver_fn = deliver;
	for (i = 0; i < MAZE_CHAINS; i++)
		raw_spin_lock_init(&chains[i].lock);
	cache = KMEM_CACHE(maze_task, 0);
	if (!cache)
		return -ENOMEM;
	/* With normal priority, user threads that fork and exit could starve the work. */
	workers = alloc_workqueue("maze", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!workers) {
		kmem_cache_destroy(cache);
		return -ENOMEM;
	}
	fill_pool(NULL);
	return 0;
}

static void end_watch(struct maze_task *watched, void *arg)
{
	tasks_end(watched->task, MAZE_EVENT_UNWATCH);
}

void tasks_drop_all(void)
{
	unsigned int i;

	for (i = 0; i < MAZE_CHAINS; i++) {
		tasks_each(i, end_watch, NULL);
		cond_resched();
	}
}

void tasks_done(void)
{
	struct maze_task *watched;
	struct hlist_node *next;

	/* First wait for all grace periods, then for the work that they queued. */
	rcu_barrier();
	cancel_work_sync(&pool_work);
	destroy_workqueue(workers);
	hlist_for_each_entry_safe(watched, next, &pool, chain) kmem_cache_free(cache, watched);
	kmem_cache_destroy(cache);
}
