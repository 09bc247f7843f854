/* SPDX-License-Identifier: GPL-2.0-only */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "threads.h"

/* The thread that has a CPU. */
struct cpu {
	bool known;		/* false: it has no event yet, or some are missing */
	struct thread *current; /* NULL: idle */
};

struct replay {
	struct replay_calls calls;
	struct threads threads;
	struct cpu *cpus;
	size_t cpu_count;
	maze_u64 last_ns; /* the latest time of an event */
	maze_u32 losses;
	maze_u32 main_names; /* changes of the name of a main thread */
	struct replay_totals totals;
	int err; /* of on_record() */
};

struct replay *replay_new(const struct replay_calls *calls)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (replay)
		replay->calls = *calls;
	return replay;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	threads_free(&replay->threads);
	free(replay->cpus);
	free(replay);
}

struct replay_totals replay_totals(const struct replay *replay)
{
	return replay->totals;
}

/* ---- verdicts -------------------------------------------------------------------------- */

static void report(struct replay *replay, const struct thread *thread, maze_u32 stage,
		   const struct maze_tally *tally, maze_u64 time_ns)
{
	const struct maze_policy *policy = &thread->watch->policy;
	bool soft = stage == MAZE_FIRED_SOFT;
	struct maze_record record = {
		.boot_ns = time_ns,
		.limit_ns = soft ? policy->soft_ns : policy->hard_ns,
		.tag = thread->watch->tag,
		.pid = thread->pid ? thread->pid : thread->tid,
		.tid = thread->tid,
		.uid = MAZE_UID_UNKNOWN,
		.cpu = thread->cpu,
		.event = soft ? MAZE_EVENT_SOFT : MAZE_EVENT_HARD,
		.signal = soft ? policy->soft_signal : policy->hard_signal,
		.flags = MAZE_RECORD_SHADOW,
	};

	/* What other signals do is unknown. */
	if (record.signal == MAZE_SIGKILL)
		record.flags |= MAZE_RECORD_FATAL;
	memcpy(record.comm, thread->name, sizeof(record.comm));
	maze_record_tally(&record, tally);
	if (!replay->err)
		replay->err = replay->calls.on_record(replay->calls.record_arg, &record);
}

/* Steps the account at a CPU time of the thread, and reports what is due. */
static void step(struct replay *replay, struct thread *thread, const struct maze_sample *sample,
		 maze_u64 time_ns)
{
	const struct maze_policy *policy = &thread->watch->policy;
	const struct maze_account before = thread->account;
	struct maze_verdict verdict = maze_step(policy, &thread->account, sample);

	if (replay->calls.on_step)
		replay->calls.on_step(replay->calls.step_arg,
				      &(struct replay_step){ policy, sample, &before,
							     &thread->account, &verdict });
	thread->next_ns = verdict.next_ns;
	if (verdict.due & MAZE_FIRED_SOFT)
		report(replay, thread, MAZE_FIRED_SOFT, &verdict.tally, time_ns);
	if (verdict.due & MAZE_FIRED_HARD)
		report(replay, thread, MAZE_FIRED_HARD, &verdict.tally, time_ns);
}

/*
 * Steps the account at the end of `sample`, and before at each limit that the thread
 * reached since the last sample: there a timer would have expired.
 */
static void advance(struct replay *replay, struct thread *thread, const struct maze_sample *sample,
		    maze_u64 time_ns)
{
	struct maze_sample due = { .act = MAZE_RUNS };
	maze_u64 due_ns;

	if (!thread->watch)
		return;
	if (thread->losses != replay->losses) {
		thread->losses = replay->losses;
		maze_doubt(&thread->account, sample->runtime_ns);
	}
	while (thread->account.begun && thread->next_ns &&
	       sample->runtime_ns > thread->account.runtime_ns &&
	       sample->runtime_ns - thread->account.runtime_ns >= thread->next_ns) {
		due.runtime_ns = thread->account.runtime_ns + thread->next_ns;
		due_ns = thread->since_ns + (due.runtime_ns - thread->from_ns);
		step(replay, thread, &due, due_ns < time_ns ? due_ns : time_ns);
	}
	step(replay, thread, sample, time_ns);
}

/* ---- CPU time ---------------------------------------------------------------------------- */

static maze_u64 since_switch_in(const struct thread *thread, maze_u64 time_ns)
{
	return time_ns > thread->since_ns ? time_ns - thread->since_ns : 0;
}

/* The CPU time of a running thread, a lower bound: what the scheduler has booked, if known. */
static maze_u64 runtime_at(const struct thread *thread, maze_u64 time_ns)
{
	return thread->from_ns +
	       (thread->booked_ns ? thread->booked_ns : since_switch_in(thread, time_ns));
}

/* An upper bound. */
static maze_u64 runtime_by_clock(const struct thread *thread, maze_u64 time_ns)
{
	maze_u64 by_clock = thread->from_ns + since_switch_in(thread, time_ns);
	maze_u64 booked = runtime_at(thread, time_ns);

	return by_clock > booked ? by_clock : booked;
}

static void begin_run(struct replay *replay, struct thread *thread, unsigned int cpu,
		      maze_u64 time_ns)
{
	struct maze_sample sample = { .runtime_ns = thread->from_ns, .act = MAZE_RUNS };
	maze_u64 until_ns = thread->woken_ns ? thread->woken_ns : time_ns;

	replay->totals.threads += !thread->has_run;
	thread->has_run = true;
	thread->running = true;
	thread->cpu = cpu;
	thread->since_ns = time_ns;
	thread->booked_ns = 0;
	if (thread->slept_ns) {
		sample.act = MAZE_WAKES;
		sample.asleep_ns = until_ns > thread->slept_ns ? until_ns - thread->slept_ns : 0;
	}
	thread->slept_ns = thread->woken_ns = 0;
	if (sample.act == MAZE_WAKES || !thread->account.begun)
		advance(replay, thread, &sample, time_ns);
}

static enum maze_act act_of(const struct thread *thread, maze_u32 state)
{
	if (state == MAZE_TRACE_RUNNABLE)
		return MAZE_RUNS;
	if (state == MAZE_TRACE_WAITS_FOR_LOCK || (state == MAZE_TRACE_SLEEPS && thread->in_futex))
		return MAZE_LOCKS;
	return MAZE_SLEEPS;
}

/* `exact_ns` is the CPU time of the thread by the scheduler; 0: unknown. */
static void end_run(struct replay *replay, struct thread *thread, maze_u32 state, maze_u64 exact_ns,
		    maze_u64 time_ns)
{
	struct maze_sample sample = { .act = act_of(thread, state) };
	maze_u64 ran = runtime_at(thread, time_ns);

	if (exact_ns && thread->exact_ns && exact_ns >= thread->exact_ns)
		ran = thread->from_ns + (exact_ns - thread->exact_ns);
	sample.runtime_ns = ran;
	advance(replay, thread, &sample, time_ns);
	thread->exact_ns = exact_ns;
	thread->from_ns = ran;
	thread->booked_ns = 0;
	thread->running = false;
	if (thread->watch && sample.act != MAZE_RUNS &&
	    !maze_sleep_resets(&thread->watch->policy, sample.act))
		thread->slept_ns = time_ns ? time_ns : 1;
}

/* Discards what is not certain after a missed switch. */
static void doubt(struct thread *thread)
{
	maze_doubt(&thread->account, thread->from_ns);
	thread->running = false;
	thread->booked_ns = 0;
	thread->exact_ns = 0;
	thread->slept_ns = 0;
}

/* ---- threads ----------------------------------------------------------------------------- */

/* Chooses the watch of a thread anew. Another watch begins at its next sample. */
static void choose(struct replay *replay, struct thread *thread, const struct replay_watch *parent)
{
	const struct thread *first =
		thread->pid ? threads_find(&replay->threads, thread->pid) : NULL;
	struct replay_subject subject = {
		.tid = thread->tid,
		.pid = thread->pid,
		.name = thread->name,
		.main_name = first ? first->name : NULL,
		.now = thread->watch,
		.parent = parent,
	};
	const struct replay_watch *watch;

	thread->main_names = replay->main_names;
	if (thread->ended)
		return;
	watch = replay->calls.choose(replay->calls.choose_arg, &subject);
	if (watch == thread->watch)
		return;
	thread->watch = watch;
	thread->account = (struct maze_account){ 0 };
	thread->next_ns = 0;
	thread->losses = replay->losses;
	thread->slept_ns = 0;
}

static bool has_name(const struct thread *thread, const struct trace_name *name)
{
	return !memcmp(thread->name, name->at, name->length) && !thread->name[name->length];
}

/* Returns whether something is new. `pid` 0 and an unknown name change nothing. */
static bool set_facts(struct replay *replay, struct thread *thread, const struct trace_name *name,
		      maze_u32 pid)
{
	bool changed = !thread->chosen;

	thread->chosen = true;
	if (name->at && !has_name(thread, name)) {
		memset(thread->name, 0, sizeof(thread->name));
		memcpy(thread->name, name->at, name->length);
		changed = true;
	}
	if (pid && pid != thread->pid) {
		thread->pid = pid;
		changed = true;
	}
	if (changed && thread->pid == thread->tid)
		replay->main_names++;
	return changed || (thread->pid && thread->main_names != replay->main_names);
}

/* Notes what an event tells about a thread. */
static void note(struct replay *replay, struct thread *thread, const struct trace_name *name,
		 maze_u32 pid)
{
	if (set_facts(replay, thread, name, pid))
		choose(replay, thread, NULL);
}

/* Returns NULL for the idle thread, and without memory, which is then in replay->err. */
static struct thread *get_thread(struct replay *replay, maze_u32 tid)
{
	struct thread *thread = tid ? threads_add(&replay->threads, tid) : NULL;

	if (tid && !thread)
		replay->err = -ENOMEM;
	return thread;
}

static struct cpu *get_cpu(struct replay *replay, unsigned int number)
{
	size_t count = replay->cpu_count;
	struct cpu *grown;

	if (number < count)
		return &replay->cpus[number];
	while (count <= number)
		count = count ? count * 2 : 64;
	grown = reallocarray(replay->cpus, count, sizeof(*grown));
	if (!grown) {
		replay->err = -ENOMEM;
		return NULL;
	}
	memset(grown + replay->cpu_count, 0, (count - replay->cpu_count) * sizeof(*grown));
	replay->cpus = grown;
	replay->cpu_count = count;
	return &grown[number];
}

/* ---- events ------------------------------------------------------------------------------ */

/* The switch-out of the thread was missed: reset rather than overcharge. */
static void take_cpu(struct replay *replay, struct thread *thread)
{
	struct cpu *cpu = &replay->cpus[thread->cpu];

	if (thread->running && cpu->current == thread)
		*cpu = (struct cpu){ 0 };
	doubt(thread);
}

/* The CPU is unknown, and the event shows that the thread has it. */
static void find_current(struct replay *replay, struct cpu *cpu, const struct trace_event *event)
{
	struct thread *thread = get_thread(replay, event->current);

	if (!thread)
		return;
	if (thread->running)
		take_cpu(replay, thread);
	note(replay, thread, &event->current_name, event->current_pid);
	begin_run(replay, thread, event->cpu, event->time_ns);
	*cpu = (struct cpu){ true, thread };
}

static void switch_from(struct replay *replay, struct cpu *cpu, const struct trace_event *event)
{
	struct thread *prev = cpu->current;

	if (!cpu->known || (prev ? prev->tid : 0) != event->tid) {
		replay->totals.missed += cpu->known;
		if (prev)
			take_cpu(replay, prev);
		prev = get_thread(replay, event->tid);
		if (!prev)
			return;
		take_cpu(replay, prev);
		note(replay, prev, &event->name, event->current_pid);
		begin_run(replay, prev, event->cpu, event->time_ns);
	}
	if (!prev)
		return;
	end_run(replay, prev, event->state, event->number, event->time_ns);
	if (event->state == MAZE_TRACE_ENDS)
		threads_remove(&replay->threads, prev);
	else
		note(replay, prev, &event->name,
		     event->current == event->tid ? event->current_pid : 0);
}

static void on_switch(struct replay *replay, struct cpu *cpu, const struct trace_event *event)
{
	struct thread *next;

	replay->totals.switches++;
	switch_from(replay, cpu, event);
	*cpu = (struct cpu){ .known = true };
	next = get_thread(replay, event->other);
	if (!next)
		return;
	if (next->running) {
		/* It still has another CPU, as far as is known. */
		replay->totals.missed++;
		take_cpu(replay, next);
	}
	note(replay, next, &event->other_name, 0);
	begin_run(replay, next, event->cpu, event->time_ns);
	cpu->current = next;
}

/* Two events can tell of the same new thread. The second one comes before its first run. */
static void on_fork(struct replay *replay, const struct trace_event *event)
{
	struct thread *child = threads_find(&replay->threads, event->other), *parent;
	maze_u32 pid = event->other_pid;

	if (child && child->has_run) {
		take_cpu(replay, child);
		threads_remove(&replay->threads, child);
	}
	parent = get_thread(replay, event->tid);
	child = get_thread(replay, event->other);
	if (!parent || !child)
		return;
	note(replay, parent, &event->name, event->current == event->tid ? event->current_pid : 0);
	if (event->thread)
		pid = parent->pid;
	set_facts(replay, child, &event->other_name, pid);
	choose(replay, child, parent->watch);
}

static void on_end(struct replay *replay, struct thread *thread, maze_u64 time_ns)
{
	struct maze_sample sample = { .runtime_ns = runtime_at(thread, time_ns), .act = MAZE_RUNS };

	advance(replay, thread, &sample, time_ns);
	thread->watch = NULL;
	thread->ended = true;
}

/* The CPU time before a yield is at most that by the clock, so it never counts after it. */
static void on_yield(struct replay *replay, struct thread *thread, maze_u64 time_ns)
{
	struct maze_sample sample = {
		.runtime_ns = runtime_at(thread, time_ns),
		.yield_ns = runtime_by_clock(thread, time_ns),
		.act = MAZE_RUNS,
	};

	advance(replay, thread, &sample, time_ns);
}

static void on_lost(struct replay *replay, struct cpu *cpu, const struct trace_event *event)
{
	replay->totals.lost += event->number ? event->number : 1;
	replay->losses++;
	if (cpu->current)
		take_cpu(replay, cpu->current);
	*cpu = (struct cpu){ 0 };
}

static void on_name(struct replay *replay, const struct trace_event *event)
{
	struct thread *thread = get_thread(replay, event->tid);
	struct maze_sample sample = { .act = MAZE_RUNS };

	if (!thread)
		return;
	if (thread->running && event->time_ns) {
		sample.runtime_ns = runtime_at(thread, event->time_ns);
		advance(replay, thread, &sample, event->time_ns);
	}
	note(replay, thread, &event->name, event->pid);
}

/* Events that change nothing but the thread `tid`, if it is known. */
static void on_thread(struct replay *replay, struct thread *thread, const struct trace_event *event)
{
	/* Of sched_waking and sched_wakeup, the later one: then it is in the queue of a CPU. */
	if (event->kind == MAZE_TRACE_WAKE && thread->slept_ns)
		thread->woken_ns = event->time_ns;
	if (!thread->running)
		return;
	if (event->kind == MAZE_TRACE_EXIT)
		on_end(replay, thread, event->time_ns);
	else if (event->kind == MAZE_TRACE_YIELD)
		on_yield(replay, thread, event->time_ns);
	else if (event->kind == TRACE_RUNTIME)
		thread->booked_ns += event->number;
	if (event->kind == TRACE_CALL || event->kind == MAZE_TRACE_YIELD)
		thread->in_futex = event->futex;
}

int replay_event(struct replay *replay, const struct trace_event *event)
{
	struct cpu *cpu = get_cpu(replay, event->cpu);
	struct thread *thread;

	if (!cpu)
		return replay->err;
	if (event->time_ns > replay->last_ns)
		replay->last_ns = event->time_ns;
	if (event->kind == MAZE_TRACE_SWITCH) {
		on_switch(replay, cpu, event);
		return replay->err;
	}
	if (event->kind == MAZE_TRACE_LOST) {
		on_lost(replay, cpu, event);
		return replay->err;
	}
	if (!cpu->known && event->current)
		find_current(replay, cpu, event);
	if (event->kind == MAZE_TRACE_FORK)
		on_fork(replay, event);
	else if (event->kind == MAZE_TRACE_NAME)
		on_name(replay, event);
	else if ((thread = threads_find(&replay->threads, event->tid)))
		on_thread(replay, thread, event);
	return replay->err;
}

/* Charges the threads that still run up to the end of the trace. */
int replay_end(struct replay *replay)
{
	struct maze_sample sample = { .act = MAZE_RUNS };
	struct thread *thread;
	size_t i;

	for (i = 0; i < replay->cpu_count; i++) {
		thread = replay->cpus[i].current;
		if (!thread)
			continue;
		sample.runtime_ns = runtime_at(thread, replay->last_ns);
		advance(replay, thread, &sample, replay->last_ns);
	}
	return replay->err;
}
