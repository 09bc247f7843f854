// SPDX-License-Identifier: GPL-2.0-only
/*
 * What follows a verdict: the signal, then its record. Verdicts come up under the
 * runqueue's lock or in hard interrupt context, where no signal can be sent; so each
 * is handed to irq_work of its own, which runs in the next interrupt. On PREEMPT_RT a
 * signal cannot be sent from there either, and the threads that irq_work has there
 * would wait behind the very real-time task that is to be signalled: so a courier of
 * our own, a thread of high priority that any CPU may run, takes it from there.
 */
#include <linux/cred.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>

#include "../../../core/delivery.h"
#include "kmod.h"

static atomic64_t verdicts;
static atomic64_t signals;

/* The verdict as it was when it was handed over; policies may change meanwhile. */
struct handed {
	struct maze_policy policy;
	struct maze_tally tally;
	u64 tag;
	u32 stages;
	u32 cpu;
};

/* The task is not, or no longer, its owner's: what he asked for is not done to it. */
static bool changed_hands(const struct task_struct *task, const struct maze_policy *policy)
{
	kuid_t owner = make_kuid(&init_user_ns, policy->owner);
	const struct cred *cred;
	bool changed;

	if (!(policy->flags & MAZE_POLICY_OWNED))
		return false;
	rcu_read_lock();
	cred = __task_cred(task);
	changed = !uid_eq(cred->uid, owner) || !uid_eq(cred->euid, owner) ||
		  !uid_eq(cred->suid, owner);
	rcu_read_unlock();
	return changed;
}

/*
 * How the task treats the signal. The table of handlers goes when its last thread has ended
 * and may be another process's then (SLAB_TYPESAFE_BY_RCU), so it is asked for once more.
 */
static u32 treats(struct task_struct *task, u32 signal)
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
	/* The reference to the task is one to this, too. */
	if (READ_ONCE(task->signal->flags) & SIGNAL_UNKILLABLE)
		found |= MAZE_DISPOSITION_INIT;
	return found;
}

/* 0 when the kernel took it. An exiting thread takes signals, but returns to no handler. */
static int send(struct task_struct *task, u32 signal, bool to_process)
{
	if (task->flags & PF_EXITING)
		return -ESRCH;
	return to_process ? kill_pid(task_tgid(task), (int)signal, 1)
			  : send_sig((int)signal, task, 1);
}

static void act(struct task_struct *task, const struct handed *handed, bool hard)
{
	const struct maze_policy *policy = &handed->policy;
	struct maze_record facts = {
		.event = hard ? MAZE_EVENT_HARD : MAZE_EVENT_SOFT,
		.limit_ns = hard ? policy->hard_ns : policy->soft_ns,
		.signal = hard ? policy->hard_signal : policy->soft_signal,
		.tag = handed->tag,
		.cpu = handed->cpu,
	};
	struct maze_delivery delivery = maze_delivery(policy, hard, treats(task, facts.signal));
	bool to_process = policy->flags & MAZE_POLICY_TO_PROCESS;
	int err = delivery.withheld ? 0 : send(task, facts.signal, to_process);

	maze_record_tally(&facts, &handed->tally);
	if (err)
		maze_delivery_failed(&delivery,
				     err == -ESRCH ? MAZE_NOT_SENT_EXITING : MAZE_NOT_SENT_OTHER);
	facts.flags = delivery.flags;
	facts.not_sent = delivery.not_sent;
	atomic64_inc(&verdicts);
	if (facts.flags & MAZE_RECORD_SENT)
		atomic64_inc(&signals);
	records_write(task, &facts);
}

void deliver_drop(struct maze_task *watched)
{
	const struct maze_policy *policy = &watched->policy;
	struct maze_record facts = {
		.tag = watched->tag,
		.cpu = watched->cpu,
		.not_sent = MAZE_NOT_SENT_WATCH_ENDED,
	};
	u32 stage;

	maze_record_tally(&facts, &watched->pending_tally);
	for (stage = MAZE_FIRED_SOFT; stage <= MAZE_FIRED_HARD; stage <<= 1) {
		if (!(watched->pending & stage))
			continue;
		facts.event = stage == MAZE_FIRED_SOFT ? MAZE_EVENT_SOFT : MAZE_EVENT_HARD;
		facts.limit_ns = stage == MAZE_FIRED_SOFT ? policy->soft_ns : policy->hard_ns;
		facts.signal = stage == MAZE_FIRED_SOFT ? policy->soft_signal : policy->hard_signal;
		atomic64_inc(&verdicts);
		records_write(watched->task, &facts);
	}
	watched->pending = 0;
}

static void take(struct maze_task *watched, struct handed *ret_handed)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&watched->lock, flags);
	*ret_handed = (struct handed){
		.policy = watched->policy,
		.tally = watched->pending_tally,
		.tag = watched->tag,
		.stages = watched->pending,
		.cpu = watched->cpu,
	};
	watched->pending = 0;
	raw_spin_unlock_irqrestore(&watched->lock, flags);
}

static void act_on_all(struct maze_task *watched)
{
	struct task_struct *task = watched->task;
	struct handed handed;

	take(watched, &handed);
	if (handed.stages && changed_hands(task, &handed.policy)) {
		tasks_end_if(task, MAZE_EVENT_UNWATCH, &handed.policy);
		return;
	}
	if (handed.stages & MAZE_FIRED_SOFT)
		act(task, &handed, false);
	if (handed.stages & MAZE_FIRED_HARD)
		act(task, &handed, true);
}

static void let_go(struct maze_task *watched)
{
	put_task_struct(watched->task);
	tasks_put(watched);
}

static LLIST_HEAD(waiting);
static struct task_struct *courier;

static int carry(void *unused)
{
	struct maze_task *watched, *next;
	struct llist_node *all;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		all = llist_del_all(&waiting);
		if (!all && kthread_should_stop())
			break;
		if (!all) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		llist_for_each_entry_safe(watched, next, llist_reverse_order(all), handed)
		{
			/* From here on a further verdict comes with a place of its own. */
			clear_bit_unlock(0, &watched->carried);
			act_on_all(watched);
			let_go(watched);
		}
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* In an interrupt; on PREEMPT_RT one in which no lock may be slept for. */
static void hand_over(struct irq_work *work)
{
	struct maze_task *watched = container_of(work, struct maze_task, work);

	if (!IS_ENABLED(CONFIG_PREEMPT_RT)) {
		act_on_all(watched);
		let_go(watched);
	} else if (test_and_set_bit_lock(0, &watched->carried)) {
		/* What came up now goes with what has not been fetched yet. */
		let_go(watched);
	} else {
		llist_add(&watched->handed, &waiting);
		wake_up_process(courier);
	}
}

int deliver_start(void)
{
	/* Above what an application may take to be the top, below the kernel's own. */
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = MAX_RT_PRIO - 2,
	};

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return 0;
	courier = kthread_run(carry, NULL, "maze-courier");
	if (IS_ERR(courier))
		return PTR_ERR(courier);
	sched_setattr_nocheck(courier, &attr);
	return 0;
}

void deliver_stop(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kthread_stop(courier);
}

static void deliver(struct maze_task *watched, const struct maze_verdict *verdict)
{
	/* It was taken out of the hash, and perhaps nobody waits for it any more. */
	if (watched->ended || !refcount_inc_not_zero(&watched->refs))
		return;
	watched->pending |= verdict->due;
	watched->pending_tally = verdict->tally;
	watched->cpu = smp_processor_id();
	get_task_struct(watched->task);
	if (irq_work_queue(&watched->work))
		return;
	/* Still on its way from before, with references of its own. */
	put_task_struct(watched->task);
	tasks_put(watched);
}

void judge(struct maze_task *watched, struct maze_sample *sample)
{
	struct maze_verdict verdict;

	sample->yield_ns = watched->yield_ns;
	verdict = maze_step(&watched->policy, &watched->account, sample);
	watched->next_ns = maze_next_sample(&watched->policy, verdict.next_ns);
	if (verdict.due)
		deliver(watched, &verdict);
}

void deliver_init(struct maze_task *watched)
{
	/* What is not hard may take the locks of a signal, but on PREEMPT_RT waits for a thread. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		watched->work = IRQ_WORK_INIT_HARD(hand_over);
	else
		watched->work = IRQ_WORK_INIT(hand_over);
}

void deliver_done(struct maze_task *watched)
{
	irq_work_sync(&watched->work);
}

u64 deliver_verdicts(void)
{
	return atomic64_read(&verdicts);
}

u64 deliver_signals(void)
{
	return atomic64_read(&signals);
}
