/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A look at a watched thread: what /proc says becomes a sample for core/step.h, and
 * what that finds due is done.
 *
 * Always: the runtime that is charged was read BEFORE the number of sleeps that
 * says it lies in one episode, and the runtime that an episode begins with was read
 * AFTER the number of sleeps that says it began. So of the time in between, which
 * could lie on either side of a sleep, nothing is ever charged.
 *
 * Costs, for a process that did not run: one system call. For a thread that ran without
 * having left its CPU: one read of about 1 us. Else a second read of about 6 us, once
 * in a third of a step. Both files are kept open.
 */
#include "../../core/delivery.h"
#include "engine_poll.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * More runtime than wall time has passed means that a number has come to another
 * thread (execve by a thread other than the first). Half a second over, because on a
 * CPU without a tick the runtime may be booked once a second.
 */
#define BOOKING_LAG_NS (1500 * MAZE_NSEC_PER_MSEC)
/* Where the timer did not fire although it should have: spinning inside a system call. */
#define OVERDUE_NS (5 * MAZE_NSEC_PER_MSEC)
/* A timer that is not to fire while the clock on the wall stands in for it. */
#define OUT_OF_THE_WAY_NS (4 * MAZE_NSEC_PER_SEC)
/* So many files are kept open from look to look; beyond, they are opened each time. */
#define KEPT_OPEN_MAX 256
/* Of a thread that has not run for so long, none is. */
#define KEPT_OPEN_NS MAZE_NSEC_PER_SEC
/* The part of a step after which a thread that has left its CPU is asked whether it slept. */
#define ASK_FRACTION 3
/* A CPU used by processes of which each uses less than this part is used by a crowd. */
#define CROWD_FRACTION 16

maze_u64 poll_count(const struct poll_thread *thread)
{
	const struct maze_account *account = &thread->account;

	/* What it ran later may lie in another episode. */
	if (thread->unbroken_ns <= account->runtime_ns)
		return account->count_ns;
	return account->count_ns + thread->unbroken_ns - account->runtime_ns;
}

/* Wall time in which a thread can sleep: no clock is slewed in it, and suspend is in. */
static maze_u64 awake_and_asleep_ns(void)
{
	return now_ns(CLOCK_MONOTONIC_RAW) + (now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC));
}

/*
 * How long it was not runnable since the last sample, for a finite recovery: what of
 * the time since the watch began was neither running nor waiting for a CPU, less
 * what was forgiven already. A wait is booked when it ends, so what looks like sleep
 * for a while is taken back by later samples. Steal looks like sleep: late, not early.
 */
static maze_u64 newly_asleep_ns(struct poll_thread *thread, const struct thread_times *times)
{
	maze_u64 passed = awake_and_asleep_ns() - thread->first_ns;
	maze_u64 busy = times->runtime_ns - thread->first.runtime_ns +
			(times->waited_ns - thread->first.waited_ns);
	maze_u64 asleep = passed > busy ? passed - busy : 0, fresh;

	if (asleep <= thread->forgiven_ns)
		return 0;
	fresh = asleep - thread->forgiven_ns;
	thread->forgiven_ns = asleep;
	return fresh;
}

int poll_look_begin(struct poll_process *process, struct poll_thread *thread, bool born)
{
	struct maze_sample sample = { .act = MAZE_RUNS };
	struct thread_status status;
	struct maze_verdict verdict;
	int err;

	err = proc_thread_status(process->dir, thread->tid, &status);
	if (!err)
		err = proc_thread_times(process->dir, thread->tid, &thread->times_fd,
					thread->times_fd >= 0, &thread->times);
	if (err)
		return err;
	proc_thread_comm(process->dir, thread->tid, thread->comm);
	thread->sleeps = status.sleeps;
	thread->asked_ns = thread->unbroken_ns = thread->times.runtime_ns;
	/* It may have slept and come back between the two reads. */
	thread->arrivals = POLL_NEVER;
	thread->uid = status.uid;
	thread->looked_ns = now_ns(CLOCK_MONOTONIC);
	thread->ran_ns = 0;
	thread->first = thread->times;
	thread->first_ns = awake_and_asleep_ns();
	thread->forgiven_ns = 0;
	memset(&thread->account, 0, sizeof(thread->account));
	/* Who was born watched and has never slept is in its first episode since its birth. */
	sample.runtime_ns = born && !status.sleeps ? 0 : thread->times.runtime_ns;
	verdict = maze_step(&thread->policy, &thread->account, &sample);
	thread->next_ns = verdict.next_ns;
	return 0;
}

/* What stands for a stage in its record, and what is done at it. */
static void act(struct engine *engine, const struct poll_process *process,
		struct poll_thread *thread, const struct maze_verdict *verdict, bool hard)
{
	const struct maze_policy *policy = &thread->policy;
	struct maze_record facts = {
		.event = hard ? MAZE_EVENT_HARD : MAZE_EVENT_SOFT,
		.limit_ns = hard ? policy->hard_ns : policy->soft_ns,
		.signal = hard ? policy->hard_signal : policy->soft_signal,
	};
	maze_u32 disposition = proc_thread_disposition(process->dir, thread->tid, facts.signal);
	struct maze_delivery delivery = maze_delivery(policy, hard, disposition);
	int err = delivery.withheld ? 0 : poll_deliver(process, thread, facts.signal);

	maze_record_tally(&facts, &verdict->tally);
	if (err)
		maze_delivery_failed(&delivery,
				     err == -ESRCH ? MAZE_NOT_SENT_EXITING : MAZE_NOT_SENT_OTHER);
	facts.flags = delivery.flags;
	facts.not_sent = delivery.not_sent;
	engine->counts.verdicts++;
	engine->counts.signals += !!(facts.flags & MAZE_RECORD_SENT);
	proc_thread_comm(process->dir, thread->tid, thread->comm);
	facts.cpu = proc_thread_cpu(process->dir, thread->tid);
	poll_record(engine, process, thread, &facts);
}

/* The task is not, or no longer, its owner's: what he asked for is not done to it. */
static bool changed_hands(const struct poll_process *process, const struct poll_thread *thread)
{
	maze_u32 owner = thread->policy.owner;
	struct thread_status status;

	if (!(thread->policy.flags & MAZE_POLICY_OWNED))
		return false;
	return proc_thread_status(process->dir, thread->tid, &status) || status.uid != owner ||
	       status.euid != owner || status.suid != owner;
}

static void step(struct engine *engine, struct poll_process *process, struct poll_thread *thread,
		 const struct maze_sample *sample)
{
	struct maze_verdict verdict = maze_step(&thread->policy, &thread->account, sample);

	thread->next_ns = verdict.next_ns;
	process->acted |= verdict.due != 0;
	if (verdict.due && engine->spares && proc_is_own_program(process->dir, "exe"))
		return;
	if (verdict.due && changed_hands(process, thread)) {
		poll_thread_ignore(engine, process, thread);
		return;
	}
	if (verdict.due & MAZE_FIRED_SOFT)
		act(engine, process, thread, &verdict, false);
	if (verdict.due & MAZE_FIRED_HARD)
		act(engine, process, thread, &verdict, true);
}

/* It slept since it was last asked; on which side of that its runtime lies is not known. */
static int slept(struct engine *engine, struct poll_process *process, struct poll_thread *thread,
		 maze_u64 sleeps)
{
	struct maze_sample sample = { .act = MAZE_SLEEPS };
	int err;

	err = proc_thread_times(process->dir, thread->tid, &thread->times_fd, thread->times_fd >= 0,
				&thread->times);
	if (err)
		return err;
	thread->sleeps = sleeps;
	thread->asked_ns = thread->unbroken_ns = sample.runtime_ns = thread->times.runtime_ns;
	/* Which call it slept in is not known, so a recovery for locks has any sleep reset. */
	if (maze_sleep_resets(&thread->policy, MAZE_SLEEPS)) {
		maze_forgo(&thread->account, sample.runtime_ns);
	} else {
		/* Charging all that ran before forgiving all that slept errs to the late side. */
		sample.act = MAZE_WAKES;
		sample.asleep_ns = newly_asleep_ns(thread, &thread->times);
	}
	step(engine, process, thread, &sample);
	return 0;
}

/*
 * Its end itself counts as a sleep, since there it leaves its CPU for good. Where it
 * slept otherwise since the last look, the count of that look is as good as any.
 */
void poll_look_last(const struct poll_process *process, struct poll_thread *thread)
{
	struct thread_times times;
	struct thread_status status;

	if (!proc_thread_times(process->dir, thread->tid, &thread->times_fd, thread->times_fd >= 0,
			       &times) &&
	    !proc_thread_status(process->dir, thread->tid, &status) &&
	    status.sleeps <= thread->sleeps + 1)
		thread->unbroken_ns = times.runtime_ns;
}

static bool is_another(const struct poll_thread *thread, const struct thread_times *times,
		       maze_u64 now)
{
	maze_u64 passed = now - thread->looked_ns;

	return times->runtime_ns < thread->times.runtime_ns ||
	       times->runtime_ns - thread->times.runtime_ns > passed + BOOKING_LAG_NS;
}

/* CPU time until the next stage; POLL_NEVER: none is left. */
static maze_u64 remaining(const struct poll_thread *thread)
{
	maze_u64 used = 0;

	if (!thread->next_ns)
		return POLL_NEVER;
	if (thread->times.runtime_ns > thread->account.runtime_ns)
		used = thread->times.runtime_ns - thread->account.runtime_ns;
	return thread->next_ns > used ? thread->next_ns - used : 1;
}

void poll_look_close(struct engine *engine, struct poll_thread *thread)
{
	engine->open_fds -= (thread->times_fd >= 0) + (thread->status_fd >= 0);
	if (thread->times_fd >= 0)
		close(thread->times_fd);
	if (thread->status_fd >= 0)
		close(thread->status_fd);
	thread->times_fd = thread->status_fd = -1;
}

/* Whether a file that was opened for this look, or before, stays open. */
static bool keeps(const struct engine *engine, const struct poll_thread *thread, int fd)
{
	return fd >= 0 || (engine->open_fds < KEPT_OPEN_MAX && thread->looked_ns == thread->ran_ns);
}

static int read_times(struct engine *engine, const struct poll_process *process,
		      struct poll_thread *thread, struct thread_times *ret_times)
{
	bool kept = thread->times_fd >= 0;
	int err = proc_thread_times(process->dir, thread->tid, &thread->times_fd,
				    keeps(engine, thread, thread->times_fd), ret_times);

	engine->open_fds += !kept && thread->times_fd >= 0;
	return err;
}

static int read_status(struct engine *engine, const struct poll_process *process,
		       struct poll_thread *thread, struct thread_status *ret_status)
{
	bool kept = thread->status_fd >= 0;
	int err = proc_thread_status_kept(process->dir, thread->tid, &thread->status_fd,
					  keeps(engine, thread, thread->status_fd), ret_status);

	engine->open_fds += !kept && thread->status_fd >= 0;
	return err;
}

/*
 * Whether its sleeps must be read: before anything is charged that may be due; when it
 * has run far enough for a sleep to have begun an episode that is to be noticed; and
 * when it rests and has not come back since, for if it sleeps, that is known before it
 * runs again.
 */
static bool must_ask(const struct engine *engine, const struct poll_process *process,
		     const struct poll_thread *thread, bool rests)
{
	maze_u64 runtime_ns = thread->times.runtime_ns;

	if (thread->next_ns && runtime_ns >= thread->account.runtime_ns + thread->next_ns)
		return true;
	if (rests)
		return thread->asked_ns != runtime_ns;
	return runtime_ns - thread->unbroken_ns >=
	       pace_step_ns(process->limit_ns, PACE_CLOCK_PERCENT, engine->stretch) / ASK_FRACTION;
}

/* Reads the number of its sleeps, after its times, and steps its account. */
static int ask(struct engine *engine, struct poll_process *process, struct poll_thread *thread)
{
	struct maze_sample sample = { .act = MAZE_RUNS, .runtime_ns = thread->times.runtime_ns };
	maze_u64 arrivals = thread->times.arrivals;
	struct thread_status status;
	int err = read_status(engine, process, thread, &status);

	if (err)
		return err;
	thread->uid = status.uid;
	/* Of before its sleeps were read: where it sleeps after that, it arrives once more. */
	thread->arrivals = arrivals;
	if (status.sleeps != thread->sleeps)
		return slept(engine, process, thread, status.sleeps);
	thread->asked_ns = thread->unbroken_ns = sample.runtime_ns;
	step(engine, process, thread, &sample);
	return 0;
}

static void look_at_thread(struct engine *engine, struct poll_process *process,
			   struct poll_thread *thread, maze_u64 now)
{
	struct thread_times times;
	maze_u64 ran_ns;
	bool rests;
	int err = read_times(engine, process, thread, &times);

	/* Another error, as for want of files, does not mean that it has ended. */
	thread->gone = err == -ESRCH;
	if (err)
		return;
	if (is_another(thread, &times, now)) {
		thread->gone = poll_look_begin(process, thread, false) == -ESRCH;
		return;
	}
	ran_ns = times.runtime_ns - thread->times.runtime_ns;
	rests = !ran_ns ||
		(times.arrivals == thread->arrivals && ran_ns < (now - thread->looked_ns) / 2);
	thread->looked_ns = now;
	thread->times = times;
	if (ran_ns)
		thread->ran_ns = now;
	/* It has not come to a CPU again, so what it ran was in one go. */
	if (times.arrivals == thread->arrivals)
		thread->unbroken_ns = times.runtime_ns;
	if (must_ask(engine, process, thread, rests))
		thread->gone = ask(engine, process, thread) == -ESRCH;
	if (now - thread->ran_ns > KEPT_OPEN_NS)
		poll_look_close(engine, thread);
}

/*
 * Sets the process's CPU timer. It fires at a tick, right after the runtime has been
 * booked: no better moment to look.
 */
static void set_timer(struct poll_process *process, maze_u64 until_ns)
{
	struct itimerspec when = { .it_value = { (time_t)(until_ns / MAZE_NSEC_PER_SEC),
						 (long)(until_ns % MAZE_NSEC_PER_SEC) } };

	process->timer_ns = until_ns;
	/* Fails when the process has ended, of which its pidfd tells. */
	timer_settime(process->timer, TIMER_ABSTIME, &when, NULL);
}

/* Whether it uses so much CPU that a clock on the wall costs less than its timer. */
static bool is_busy(const struct engine *engine, maze_u64 used_ns, maze_u64 passed_ns)
{
	return used_ns > passed_ns / (engine->crowded ? CROWD_FRACTION : 2);
}

/*
 * When to look again. No thread uses more CPU than its process, nor than there is
 * time; so no limit can be passed before the process has used what is left of it,
 * and none before that much time has passed.
 *
 * A process that mostly runs is looked at by the clock on the wall, which costs less
 * than a signal for each look, is right for many threads too, and serves all such
 * processes in one wakeup. One that mostly sleeps is left to its timer, and costs
 * nothing until that fires; but before that it is looked at once while it rests.
 */
static void plan(struct engine *engine, struct poll_process *process, maze_u64 now,
		 maze_u64 used_ns)
{
	maze_u64 step_ns = pace_step_ns(process->limit_ns, PACE_CLOCK_PERCENT, engine->stretch);
	maze_u64 passed_ns = now - process->looked_ns, left = process->left_ns;

	engine->busy_ns += used_ns;
	process->looked_ns = now;
	process->look_at = POLL_NEVER;
	if (left <= step_ns) {
		set_timer(process, process->cpu_ns + left);
		if (used_ns || process->unsettled)
			process->look_at = now + left + OVERDUE_NS;
	} else if (process->acted || process->unsettled || is_busy(engine, used_ns, passed_ns)) {
		/* After a signal it is likely to sleep, and is best looked at while it does. */
		process->look_at = now + (process->acted ? step_ns / 2 : step_ns);
		if (process->timer_ns < process->cpu_ns + OUT_OF_THE_WAY_NS / 2)
			set_timer(process, process->cpu_ns + OUT_OF_THE_WAY_NS);
	} else {
		step_ns = pace_step_ns(process->limit_ns, PACE_TIMER_PERCENT, engine->stretch);
		set_timer(process, process->cpu_ns + (left < step_ns ? left : step_ns));
	}
}

void poll_look(struct engine *engine, struct poll_process *process)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC), rest;
	maze_u64 before_ns = process->cpu_ns;
	struct poll_thread *thread, *next;

	/* Before the threads, so that none of their time is left out of the next step. */
	process->cpu_ns = now_ns(process->clock);
	if (process->relist || proc_thread_links(process->dir) != process->links)
		poll_threads_list(engine, process);
	process->left_ns = POLL_NEVER;
	process->unsettled = process->keeps_files = process->acted = false;
	for (thread = process->threads; thread; thread = next) {
		next = thread->next;
		if (thread->ignored)
			continue;
		look_at_thread(engine, process, thread, now);
		if (thread->gone) {
			poll_thread_end(engine, process, thread, MAZE_EVENT_EXIT);
			continue;
		}
		rest = remaining(thread);
		process->left_ns = rest < process->left_ns ? rest : process->left_ns;
		process->unsettled |= thread->asked_ns != thread->times.runtime_ns;
		process->keeps_files |= thread->times_fd >= 0 || thread->status_fd >= 0;
	}
	plan(engine, process, now, process->cpu_ns - before_ns);
}

void poll_look_if_ran(struct engine *engine, struct poll_process *process)
{
	if (process->relist || process->unsettled || now_ns(process->clock) != process->cpu_ns)
		poll_look(engine, process);
	else
		plan(engine, process, now_ns(CLOCK_MONOTONIC), 0);
}
