// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends the signal and writes the record of a verdict. A verdict occurs under the
 * runqueue lock or in hard interrupt context, where no signal can be sent. So irq_work
 * delivers the verdict in a later interrupt.
 *
 * On PREEMPT_RT, irq_work in hard interrupt context cannot send a signal either. The
 * per-CPU threads of irq_work would wait behind the real-time task that is to be
 * signalled. So on PREEMPT_RT, a kthread of high priority, which can run on any CPU,
 * sends the signals.
 */
#include <linux/cred.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>

#include "../../../core/delivery.h"
#include "kmod.h"

/* A copy of pending verdicts and the policy, which may change during delivery. */
struct queued_verdicts {
	struct maze_policy policy;
	struct maze_tally tally;
	u64 tag;
	u32 stages;
	u32 cpu;
};

/*
 * Returns true if the policy has an owner and the real, effective or saved UID differs.
 */
static bool owner_differs(const struct task_struct *task, const struct maze_policy *policy)
{
	kuid_t owner = make_kuid(&init_user_ns, policy->owner);
	const struct cred *cred;
	bool differs;

	if (!(policy->flags & MAZE_POLICY_OWNED))
		return false;
	rcu_read_lock();
	cred = __task_cred(task);
	differs = !uid_eq(cred->uid, owner) || !uid_eq(cred->euid, owner) ||
		  !uid_eq(cred->suid, owner);
	rcu_read_unlock();
	return differs;
}

/*
 * Returns the task's disposition of the signal. The sighand is SLAB_TYPESAFE_BY_RCU, so
 * it may belong to another process after the last thread has exited. To detect that, the
 * function reads the pointer again after it has read the handler.
 */
static u32 disposition_of(struct task_struct *task, u32 signal)
{
	const struct sighand_struct *sighand;
	u32 found = MAZE_DISPOSITION_KNOWN;
	__sighandler_t handler;

	if (!signal)
		return 0;
	rcu_read_lock();
	sighand = rcu_dereference(task->sighand);
	handler = sighand ? READ_ONCE(sighand->action[signal - 1].sa.sa_handler) : SIG_DFL;
	if (!sighand || rcu_access_pointer(task->sighand) != sighand)
		found = 0;
	rcu_read_unlock();
	if (!found)
		return 0;
	if (handler == SIG_IGN)
		found |= MAZE_DISPOSITION_IGNORED;
	else if (handler != SIG_DFL)
		found |= MAZE_DISPOSITION_CAUGHT;
	if (sigismember(&task->blocked, (int)signal))
		found |= MAZE_DISPOSITION_BLOCKED;
	/* The reference to the task also keeps its signal_struct allocated. */
	if (READ_ONCE(task->signal->flags) & SIGNAL_UNKILLABLE)
		found |= MAZE_DISPOSITION_INIT;
	return found;
}

/* The kernel accepts a signal for an exiting thread, but the signal has no effect. */
static int send(struct task_struct *task, u32 signal, bool to_process)
{
	if (task->flags & PF_EXITING)
		return -ESRCH;
	return to_process ? kill_pid(task_tgid(task), (int)signal, 1)
			  : send_sig((int)signal, task, 1);
}

static void deliver_stage(struct task_struct *task, const struct queued_verdicts *verdicts,
			  bool hard)
{
	const struct maze_policy *policy = &verdicts->policy;
	struct maze_record facts = records_of_verdict(policy, &verdicts->tally, hard);
	struct maze_delivery delivery =
		maze_delivery(policy, hard, disposition_of(task, facts.signal),
			      allow_permits(task, verdicts->tag, policy, hard));
	bool to_process = policy->flags & MAZE_POLICY_TO_PROCESS;
	int err = delivery.withheld ? 0 : send(task, facts.signal, to_process);

	if (err)
		maze_delivery_failed(&delivery,
				     err == -ESRCH ? MAZE_NOT_SENT_EXITING : MAZE_NOT_SENT_OTHER);
	facts.tag = verdicts->tag;
	facts.cpu = verdicts->cpu;
	facts.flags = delivery.flags;
	facts.not_sent = delivery.not_sent;
	records_write(task, &facts);
}

static void take_pending(struct maze_task *watched, struct queued_verdicts *ret_verdicts)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&watched->lock, flags);
	*ret_verdicts = (struct queued_verdicts){
		.policy = watched->policy,
		.tally = watched->pending_tally,
		.tag = watched->tag,
		.stages = watched->pending,
		.cpu = watched->cpu,
	};
	watched->pending = 0;
	raw_spin_unlock_irqrestore(&watched->lock, flags);
}

static void deliver_pending(struct maze_task *watched)
{
	struct task_struct *task = watched->task;
	struct queued_verdicts verdicts;

	take_pending(watched, &verdicts);
	if (verdicts.stages && owner_differs(task, &verdicts.policy)) {
		tasks_end_if(task, MAZE_EVENT_UNWATCH, &verdicts.policy);
		return;
	}
	if (verdicts.stages & MAZE_FIRED_SOFT)
		deliver_stage(task, &verdicts, false);
	if (verdicts.stages & MAZE_FIRED_HARD)
		deliver_stage(task, &verdicts, true);
}

static void put(struct maze_task *watched)
{
	put_task_struct(watched->task);
	tasks_put(watched);
}

static LLIST_HEAD(queue);
static struct task_struct *delivery_kthread;

static int run_delivery(void *unused)
{
	struct maze_task *watched, *next;
	struct llist_node *all;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		all = llist_del_all(&queue);
		if (!all && kthread_should_stop())
			break;
		if (!all) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		llist_for_each_entry_safe(watched, next, llist_reverse_order(all), queue_node)
		{
			/* From here on, a new verdict queues the entry again. */
			clear_bit_unlock(0, &watched->queued);
			deliver_pending(watched);
			put(watched);
		}
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* On PREEMPT_RT this runs in a hard interrupt, where no sleeping lock may be taken. */
void deliver_verdict(struct irq_work *work)
{
	struct maze_task *watched = container_of(work, struct maze_task, work);

	if (!IS_ENABLED(CONFIG_PREEMPT_RT)) {
		deliver_pending(watched);
		put(watched);
	} else if (test_and_set_bit_lock(0, &watched->queued)) {
		/* The entry is still queued, so the kthread takes both verdicts. */
		put(watched);
	} else {
		llist_add(&watched->queue_node, &queue);
		wake_up_process(delivery_kthread);
	}
}

int deliver_start(void)
{
	/* Applications use priorities below 98, and the kernel's own threads use 99. */
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = MAX_RT_PRIO - 2,
	};

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return 0;
	delivery_kthread = kthread_run(run_delivery, NULL, "maze-delivery");
	if (IS_ERR(delivery_kthread))
		return PTR_ERR(delivery_kthread);
	sched_setattr_nocheck(delivery_kthread, &attr);
	return 0;
}

void deliver_stop(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kthread_stop(delivery_kthread);
}

static void queue_verdict(struct maze_task *watched, const struct maze_verdict *verdict)
{
	/* An entry that was removed from the hash may have no references left. */
	if (watched->ended || !refcount_inc_not_zero(&watched->refs))
		return;
	watched->pending |= verdict->due;
	watched->pending_tally = verdict->tally;
	watched->cpu = smp_processor_id();
	get_task_struct(watched->task);
	/*
	 * irq_work_queue() returns false if an earlier verdict is still queued. That
	 * verdict holds its own references, so drop the new ones.
	 */
	if (!irq_work_queue(&watched->work))
		put(watched);
}

void judge(struct maze_task *watched, struct maze_sample *sample)
{
	struct maze_verdict verdict;
	bool noted;

	sample->yield_ns = watched->yield_ns;
	/* The kprobe has added the streak that ends with this yield. */
	noted = sample->act == MAZE_YIELDS && sample->yield_ns > watched->account.yield_ns;
	step_account(&watched->policy, &watched->account, sample, &verdict);
	if (verdict.reset && watched->streak_class)
		streaks_add(watched, verdict.ended && !noted ? verdict.streak_ns : 0,
			    verdict.spent_ns);
	watched->next_check_ns = maze_next_sample(&watched->policy, verdict.next_ns);
	if (verdict.due)
		queue_verdict(watched, &verdict);
}
