/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A check of a watched process samples its threads, steps their accounts, executes the
 * verdicts and plans the next check.
 *
 * Invariant: a runtime is charged only if the number of sleeps, read AFTER it, shows that
 * no new episode has begun. The runtime at which an episode begins is read AFTER the
 * number of sleeps that shows its beginning. The time between the two reads may belong to
 * either episode, so it is never charged.
 *
 * A process that did not run costs one system call. A thread that ran costs one read of
 * about 1 us. A thread that has also left its CPU costs a second read of about 6 us, at
 * most once in a third of the interval between checks.
 */
#include "../../core/delivery.h"
#include "engine_poll.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * If the runtime of a TID grew by more than the wall time plus this, the TID now belongs
 * to another thread, because a thread other than the leader called execve(2). On a CPU
 * without a tick, the runtime may be updated only once a second.
 */
#define RUNTIME_LAG_NS (1500 * MAZE_NSEC_PER_MSEC)
/*
 * The CPU-time timer does not fire inside a system call. So the worker also checks this
 * long after the timer should have fired.
 */
#define OVERDUE_NS (5 * MAZE_NSEC_PER_MSEC)
/* A CPU-time timer that is set this far ahead does not fire before the planned check. */
#define TIMER_UNUSED_NS (4 * MAZE_NSEC_PER_SEC)
/* The files of a thread that has not run for this long are closed. */
#define KEPT_OPEN_NS MAZE_NSEC_PER_SEC
/*
 * The sleeps of a thread that has left its CPU are read when it has run for
 * 1/READ_SLEEPS_FRACTION of the interval between checks.
 */
#define READ_SLEEPS_FRACTION 3
/* If engine->crowded, a process that uses more than 1/CROWD_FRACTION of a CPU is busy. */
#define CROWD_FRACTION 16

struct maze_record poll_verdict_facts(const struct maze_policy *policy,
				      const struct maze_verdict *verdict, bool hard)
{
	struct maze_record facts = {
		.event = hard ? MAZE_EVENT_HARD : MAZE_EVENT_SOFT,
		.limit_ns = hard ? policy->hard_ns : policy->soft_ns,
		.signal = hard ? policy->hard_signal : policy->soft_signal,
	};

	maze_record_tally(&facts, &verdict->tally);
	return facts;
}

void poll_verdict_delivered(struct engine *engine, struct maze_record *facts,
			    struct maze_delivery *delivery, int err)
{
	if (err)
		maze_delivery_failed(delivery,
				     err == -ESRCH ? MAZE_NOT_SENT_EXITING : MAZE_NOT_SENT_OTHER);
	facts->flags = delivery->flags;
	facts->not_sent = delivery->not_sent;
	engine->counts.verdicts++;
	engine->counts.signals += !!(facts->flags & MAZE_RECORD_SENT);
}

/* Sends the signal of a stage and writes its record. */
static void act(struct engine *engine, const struct poll_process *process,
		struct poll_thread *thread, const struct maze_verdict *verdict, bool hard)
{
	struct maze_record facts = poll_verdict_facts(&thread->policy, verdict, hard);
	maze_u32 disposition = proc_thread_disposition(process->dir, thread->tid, facts.signal);
	struct maze_delivery delivery =
		maze_delivery(&thread->policy, hard, disposition,
			      poll_permits(engine, thread->tag, &thread->policy, hard,
					   (maze_u64)process->pid, process->dir));
	int err = delivery.withheld ? 0 : poll_deliver(process, thread, facts.signal);

	poll_verdict_delivered(engine, &facts, &delivery, err);
	proc_thread_comm(process->dir, thread->tid, thread->comm);
	facts.cpu = proc_thread_cpu(process->dir, thread->tid);
	poll_record(engine, process, thread, &facts);
}

bool poll_owner_differs(const struct poll_process *process, pid_t tid,
			const struct maze_policy *policy)
{
	maze_u32 owner = policy->owner;
	struct thread_status status;

	if (!(policy->flags & MAZE_POLICY_OWNED))
		return false;
	return proc_thread_status(process->dir, tid, &status) || status.uid != owner ||
	       status.euid != owner || status.suid != owner;
}

/*
 * A thread that is ending has no program any more, and may have run the spared one. Ask for
 * its own, because the main thread of a process can end long before others.
 */
static bool is_spared(const struct engine *engine, const struct poll_process *process, pid_t tid)
{
	char exe[64], target[1];

	if (!engine->spares)
		return false;
	snprintf(exe, sizeof(exe), "task/%d/exe", (int)tid);
	return proc_is_own_program(process->dir, exe) ||
	       (readlinkat(process->dir, exe, target, sizeof(target)) < 0 && errno == ENOENT);
}

static void step(struct engine *engine, struct poll_process *process, struct poll_thread *thread,
		 const struct maze_sample *sample)
{
	struct maze_verdict verdict = maze_step(&thread->policy, &thread->account, sample);

	thread->next_ns = verdict.next_ns;
	if (verdict.reset)
		poll_streaks_add(engine, process, thread, verdict.streak_ns, verdict.ended,
				 verdict.spent_ns);
	if (verdict.due && is_spared(engine, process, thread->tid)) {
		/* After an execve in this episode these stages are still due. */
		thread->account.fired &= ~verdict.due;
		if (!verdict.reset)
			thread->next_ns = POLL_SPARED_NS;
		return;
	}
	process->acted |= verdict.due != 0;
	if (verdict.due && poll_owner_differs(process, thread->tid, &thread->policy)) {
		poll_thread_ignore(engine, process, thread);
		return;
	}
	if (verdict.due & MAZE_FIRED_SOFT)
		act(engine, process, thread, &verdict, false);
	if (verdict.due & MAZE_FIRED_HARD)
		act(engine, process, thread, &verdict, true);
}

/*
 * The streaks that began and ended since the last step. How the CPU time of that time is
 * divided among them is unknown, so they count as equally long.
 */
static void add_unseen(struct engine *engine, struct poll_process *process,
		       struct poll_thread *thread, maze_u64 sleeps)
{
	maze_u64 number = sleeps > thread->sleeps ? sleeps - thread->sleeps : 1, ran_ns = 0;

	if (thread->times.runtime_ns > thread->account.runtime_ns)
		ran_ns = thread->times.runtime_ns - thread->account.runtime_ns;
	poll_streaks_add(engine, process, thread, ran_ns / number, number - 1, ran_ns);
}

/* Steps the account of a thread that slept. How much it ran before the sleep is unknown. */
static int slept(struct engine *engine, struct poll_process *process, struct poll_thread *thread,
		 maze_u64 sleeps)
{
	struct maze_sample sample = { .act = MAZE_SLEEPS };
	int err;

	err = proc_thread_times(process->dir, thread->tid, &thread->times_fd, thread->times_fd >= 0,
				&thread->times);
	if (err)
		return err;
	if (maze_sleep_resets(&thread->policy, MAZE_SLEEPS))
		add_unseen(engine, process, thread, sleeps);
	thread->sleeps = sleeps;
	thread->sleeps_read_ns = thread->unbroken_ns = sample.runtime_ns = thread->times.runtime_ns;
	/* The system call is unknown, so a recovery for locks resets at every sleep. */
	if (maze_sleep_resets(&thread->policy, MAZE_SLEEPS)) {
		maze_forgo(&thread->account, sample.runtime_ns);
	} else {
		/*
		 * Charge all runtime, then subtract all sleep. So a verdict may be late,
		 * but not early.
		 */
		sample.act = MAZE_WAKES;
		sample.asleep_ns = poll_sample_asleep_ns(thread, &thread->times);
	}
	step(engine, process, thread, &sample);
	return 0;
}

static bool is_another(const struct poll_thread *thread, const struct thread_times *times,
		       maze_u64 now)
{
	maze_u64 passed = now - thread->sampled_ns;

	return times->runtime_ns < thread->times.runtime_ns ||
	       times->runtime_ns - thread->times.runtime_ns > passed + RUNTIME_LAG_NS;
}

/* Returns the CPU time until the next stage, or POLL_NEVER if no stage is left. */
static maze_u64 remaining(const struct poll_thread *thread)
{
	maze_u64 used = 0;

	if (!thread->next_ns)
		return POLL_NEVER;
	if (thread->times.runtime_ns > thread->account.runtime_ns)
		used = thread->times.runtime_ns - thread->account.runtime_ns;
	return thread->next_ns > used ? thread->next_ns - used : 1;
}

/*
 * Returns whether the number of sleeps must be read now. The first reason is that the
 * next charge may reach a limit. The second is that the thread rests, because one read
 * then shows its sleep before it runs again. The third is that the thread has run long
 * enough since unbroken_ns.
 */
static bool must_read_sleeps(const struct engine *engine, const struct poll_process *process,
			     const struct poll_thread *thread, bool rests)
{
	maze_u64 runtime_ns = thread->times.runtime_ns;

	if (thread->next_ns && runtime_ns >= thread->account.runtime_ns + thread->next_ns)
		return true;
	if (rests)
		return thread->sleeps_read_ns != runtime_ns;
	return runtime_ns - thread->unbroken_ns >=
	       pace_step_ns(process->limit_ns, PACE_CLOCK_PERCENT, engine->stretch) /
		       READ_SLEEPS_FRACTION;
}

/* Reads the number of sleeps after the times have been read, and steps the account. */
static int read_sleeps(struct engine *engine, struct poll_process *process,
		       struct poll_thread *thread)
{
	struct maze_sample sample = { .act = MAZE_RUNS, .runtime_ns = thread->times.runtime_ns };
	maze_u64 arrivals = thread->times.arrivals;
	struct thread_status status;
	int err = poll_sample_status(engine, process, thread, &status);

	if (err)
		return err;
	thread->uid = status.uid;
	/*
	 * Keep the number of arrivals from before the read of the sleeps. A later sleep
	 * increases the number of arrivals, so the next check detects that sleep.
	 */
	thread->arrivals = arrivals;
	if (status.sleeps != thread->sleeps)
		return slept(engine, process, thread, status.sleeps);
	thread->sleeps_read_ns = thread->unbroken_ns = sample.runtime_ns;
	step(engine, process, thread, &sample);
	return 0;
}

static void check_thread(struct engine *engine, struct poll_process *process,
			 struct poll_thread *thread, maze_u64 now)
{
	struct thread_times times;
	maze_u64 ran_ns;
	bool rests;
	int err = poll_sample_times(engine, process, thread, &times);

	/* Other errors, such as EMFILE, do not mean that the thread has ended. */
	thread->gone = err == -ESRCH;
	if (err)
		return;
	if (is_another(thread, &times, now)) {
		thread->gone = poll_sample_begin(process, thread, false) == -ESRCH;
		return;
	}
	ran_ns = times.runtime_ns - thread->times.runtime_ns;
	rests = !ran_ns ||
		(times.arrivals == thread->arrivals && ran_ns < (now - thread->sampled_ns) / 2);
	thread->sampled_ns = now;
	thread->times = times;
	if (ran_ns)
		thread->ran_ns = now;
	/* Without a new arrival on a CPU, the thread has run without a break. */
	if (times.arrivals == thread->arrivals)
		thread->unbroken_ns = times.runtime_ns;
	if (must_read_sleeps(engine, process, thread, rests))
		thread->gone = read_sleeps(engine, process, thread) == -ESRCH;
	if (now - thread->ran_ns > KEPT_OPEN_NS)
		poll_sample_close(engine, thread);
}

/* The CPU-time timer fires at a tick, just after the update of the runtime. */
static void set_timer(struct poll_process *process, maze_u64 until_ns)
{
	process->timer_ns = until_ns;
	poll_timer_set(process);
}

/* Whether checks of the process by wall time cost less than its timer. */
static bool is_busy(const struct engine *engine, maze_u64 used_ns, maze_u64 passed_ns)
{
	return used_ns > passed_ns / (engine->crowded ? CROWD_FRACTION : 2);
}

/*
 * Plans the next check. A thread uses no more CPU time than its process and no more than
 * the wall time. So no limit is reached before CPU time and wall time have both advanced
 * by left_ns.
 *
 * A process that mostly runs is checked by wall time. This costs less than a signal for
 * each check, because one wakeup serves all such processes. A process that mostly sleeps
 * is checked when its timer fires. While such a process rests, it costs one check, and
 * then nothing until the timer fires.
 */
static void plan(struct engine *engine, struct poll_process *process, maze_u64 now,
		 maze_u64 used_ns)
{
	maze_u64 step_ns = pace_step_ns(process->limit_ns, PACE_CLOCK_PERCENT, engine->stretch);
	maze_u64 passed_ns = now - process->checked_ns, left = process->left_ns;

	engine->busy_ns += used_ns;
	process->checked_ns = now;
	process->check_at = POLL_NEVER;
	if (left <= step_ns) {
		set_timer(process, process->cpu_ns + left);
		if (used_ns || process->unsettled)
			process->check_at = now + left + OVERDUE_NS;
	} else if (process->acted || process->unsettled || is_busy(engine, used_ns, passed_ns)) {
		/* A process is likely to sleep after a signal, so check it soon. */
		process->check_at = now + (process->acted ? step_ns / 2 : step_ns);
		if (process->timer_ns < process->cpu_ns + TIMER_UNUSED_NS / 2)
			set_timer(process, process->cpu_ns + TIMER_UNUSED_NS);
	} else {
		step_ns = pace_step_ns(process->limit_ns, PACE_TIMER_PERCENT, engine->stretch);
		set_timer(process, process->cpu_ns + (left < step_ns ? left : step_ns));
	}
}

void poll_check(struct engine *engine, struct poll_process *process)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC), rest;
	maze_u64 before_ns = process->cpu_ns;
	struct poll_thread *thread, *next;

	if (!process->threads && !process->whole)
		return;
	engine->has_checked = true;
	/*
	 * Read this clock before the threads, so that the next check counts all their
	 * time.
	 */
	process->cpu_ns = now_ns(process->clock);
	if (process->relist || proc_thread_links(process->dir) != process->links)
		poll_threads_list(engine, process);
	process->left_ns = POLL_NEVER;
	process->unsettled = process->keeps_files = process->acted = false;
	for (thread = process->threads; thread; thread = next) {
		next = thread->next;
		if (thread->ignored)
			continue;
		check_thread(engine, process, thread, now);
		if (thread->gone) {
			poll_thread_end(engine, process, thread, MAZE_EVENT_EXIT);
			continue;
		}
		rest = remaining(thread);
		process->left_ns = rest < process->left_ns ? rest : process->left_ns;
		process->unsettled |= thread->sleeps_read_ns != thread->times.runtime_ns;
		process->keeps_files |= thread->times_fd >= 0 || thread->status_fd >= 0;
	}
	plan(engine, process, now, process->cpu_ns - before_ns);
}

void poll_check_if_ran(struct engine *engine, struct poll_process *process)
{
	if (process->relist || process->unsettled || now_ns(process->clock) != process->cpu_ns)
		poll_check(engine, process);
	else
		plan(engine, process, now_ns(CLOCK_MONOTONIC), 0);
}
