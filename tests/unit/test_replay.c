/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random schedules, written in each format of a trace, and replayed. A model runs beside
 * them: it moves the time in steps of 50 us and adds them to the count of each thread that
 * has a CPU, so it knows no switch-in, no timer and no sample. Both must have the same
 * verdicts. All times are multiples of 100 us, and so a limit is reached exactly.
 *
 * MAZE_SEED=N chooses the schedules; a failure prints its seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "random.h"
#include "replay_case.h"

#define STEP_NS 50000ULL
#define CPUS 3
#define THREADS 8
#define TID(n) (100U + (maze_u32)(n))
#define EVENTS 3000
#define SCHEDULES 60
#define VERDICTS_MAX 20000

enum format { PERF, TRACE_CMD, COMPACT, FORMATS };

enum where { GONE, OFF, RUNS, ASLEEP };

struct model_thread {
	enum where where;
	maze_u64 count, used, asleep, slept_at, woken_at;
	maze_u32 sleeps, episode;
	bool soft, hard; /* had in this episode */
	bool recovers;	 /* its sleep is no reset */
	bool in_futex, in_call;
};

struct verdict {
	maze_u64 time_ns, count_ns, used_ns, asleep_ns;
	maze_u32 tid, event, sleeps, episode;
};

struct verdicts {
	struct verdict items[VERDICTS_MAX];
	size_t count;
};

struct schedule {
	struct replay_watch watch;
	enum format format;
	FILE *out;
	maze_u64 now_ns;
	struct model_thread threads[THREADS];
	int current[CPUS]; /* -1: idle */
	struct verdicts expected, got;
};

/* ---- the model ----------------------------------------------------------------------- */

static void begin_episode(struct model_thread *thread)
{
	thread->count = thread->used = thread->asleep = 0;
	thread->sleeps = 0;
	thread->episode++;
	thread->soft = thread->hard = false;
}

static void expect(struct schedule *schedule, int n, maze_u32 event)
{
	const struct model_thread *thread = &schedule->threads[n];

	assert_true(schedule->expected.count < VERDICTS_MAX);
	schedule->expected.items[schedule->expected.count++] = (struct verdict){
		schedule->now_ns, thread->count, thread->used,	 thread->asleep,
		TID(n),		  event,	 thread->sleeps, thread->episode,
	};
}

static void pass(struct schedule *schedule, maze_u64 ns)
{
	const struct maze_policy *policy = &schedule->watch.policy;
	struct model_thread *thread;
	int cpu, n;

	for (; ns; ns -= STEP_NS) {
		schedule->now_ns += STEP_NS;
		for (cpu = 0; cpu < CPUS; cpu++) {
			n = schedule->current[cpu];
			if (n < 0)
				continue;
			thread = &schedule->threads[n];
			thread->count += STEP_NS;
			thread->used += STEP_NS;
			if (policy->soft_ns && !thread->soft && thread->count >= policy->soft_ns) {
				thread->soft = true;
				expect(schedule, n, MAZE_EVENT_SOFT);
			}
			if (policy->hard_ns && !thread->hard && thread->count >= policy->hard_ns) {
				thread->hard = true;
				expect(schedule, n, MAZE_EVENT_HARD);
			}
		}
	}
}

static void model_sleep(struct schedule *schedule, struct model_thread *thread)
{
	maze_u32 recovery = schedule->watch.policy.recovery;

	thread->where = ASLEEP;
	thread->slept_at = schedule->now_ns;
	thread->woken_at = 0;
	thread->recovers = recovery != MAZE_RECOVERY_INF &&
			   (!(recovery & MAZE_RECOVERY_LOCK) || thread->in_futex);
	if (!thread->recovers)
		begin_episode(thread);
}

static void model_run(struct schedule *schedule, struct model_thread *thread)
{
	maze_u64 slept, off;

	if (thread->where == ASLEEP && thread->recovers && thread->count) {
		slept = (thread->woken_at ? thread->woken_at : schedule->now_ns) - thread->slept_at;
		off = slept * maze_recovery_ratio(schedule->watch.policy.recovery) /
		      MAZE_RECOVERY_ONE;
		thread->sleeps++;
		thread->asleep += slept;
		if (off >= thread->count)
			begin_episode(thread);
		else
			thread->count -= off;
	}
	thread->where = RUNS;
}

/* ---- the trace ------------------------------------------------------------------------ */

static const char *name_of(int n)
{
	/* Names that look like fields. */
	static const char *const names[THREADS] = {
		"plain", "a b", "x prev_pid=7", "y:5 [120]", "[001] 2.000000:", "==> z:1", "", "q ",
	};

	return n < 0 ? "swapper/0" : names[n];
}

static maze_u32 tid_of(int n)
{
	return n < 0 ? 0 : TID(n);
}

static void put(struct schedule *schedule, const struct maze_trace_event *event)
{
	assert_int_equal(fwrite(event, sizeof(*event), 1, schedule->out), 1);
}

/* Writes the begin of a line, by the thread that has the CPU. */
static void put_head(struct schedule *schedule, int cpu, const char *event)
{
	int n = schedule->current[cpu];

	fprintf(schedule->out,
		schedule->format == PERF ? "%16s %7u [%03d] %5llu.%09llu: %s: "
					 : "%16s-%-7u [%03d] %5llu.%09llu: %s: ",
		name_of(n), tid_of(n), cpu, schedule->now_ns / MAZE_NSEC_PER_SEC,
		schedule->now_ns % MAZE_NSEC_PER_SEC, event);
}

static void put_event(struct schedule *schedule, int cpu, maze_u8 kind, int n, int other,
		      maze_u8 state)
{
	struct maze_trace_event event = {
		.time_ns = schedule->now_ns,
		.tid = tid_of(n),
		.other = tid_of(other),
		.cpu = (maze_u16)cpu,
		.kind = kind,
		.state = state,
	};

	put(schedule, &event);
}

static void put_switch(struct schedule *schedule, int cpu, int next, bool sleeps, bool ends)
{
	int prev = schedule->current[cpu];
	bool lock = sleeps && schedule->threads[prev].in_futex;
	const char *state = ends ? "X" : sleeps ? "S" : prev < 0 || roll(2) ? "R" : "R+";

	if (schedule->format == COMPACT) {
		put_event(schedule, cpu, MAZE_TRACE_SWITCH, prev, next,
			  ends	 ? MAZE_TRACE_ENDS
			  : lock ? MAZE_TRACE_WAITS_FOR_LOCK
				 : sleeps);
		return;
	}
	put_head(schedule, cpu, schedule->format == PERF ? "sched:sched_switch" : "sched_switch");
	fprintf(schedule->out,
		schedule->format == PERF
			? "prev_comm=%s prev_pid=%u prev_prio=120 prev_state=%s ==> "
			  "next_comm=%s next_pid=%u next_prio=-1\n"
			: "%s:%u [120] %s ==> %s:%u [-1]\n",
		name_of(prev), tid_of(prev), state, name_of(next), tid_of(next));
}

static void put_call(struct schedule *schedule, int cpu, const char *call)
{
	put_head(schedule, cpu, call);
	fputs(roll(2) ? "\n" : "uaddr: 0x1\n", schedule->out);
}

static void put_yield(struct schedule *schedule, int cpu)
{
	if (schedule->format == COMPACT)
		put_event(schedule, cpu, MAZE_TRACE_YIELD, schedule->current[cpu], -1, 0);
	else
		put_call(schedule, cpu, "syscalls:sys_enter_sched_yield");
}

static void put_wake(struct schedule *schedule, int cpu, int n)
{
	if (schedule->format == COMPACT) {
		put_event(schedule, cpu, MAZE_TRACE_WAKE, n, -1, 0);
		return;
	}
	put_head(schedule, cpu, "sched_wakeup");
	fprintf(schedule->out,
		schedule->format == PERF ? "comm=%s pid=%u prio=120 target_cpu=001\n"
					 : "%s:%u [120] CPU:001\n",
		name_of(n), tid_of(n));
}

static void put_fork(struct schedule *schedule, int cpu, int n)
{
	if (schedule->format == COMPACT) {
		put_event(schedule, cpu, MAZE_TRACE_FORK, schedule->current[cpu], n, 0);
		return;
	}
	put_head(schedule, cpu, "task_newtask");
	fprintf(schedule->out, "pid=%u comm=%s clone_flags=1200000 oom_score_adj=0\n", tid_of(n),
		name_of(n));
	put_head(schedule, cpu, "sched_process_fork");
	fprintf(schedule->out, "comm=%s pid=%u child_comm=%s child_pid=%u\n",
		name_of(schedule->current[cpu]), tid_of(schedule->current[cpu]), name_of(n),
		tid_of(n));
}

/* ---- a random schedule ------------------------------------------------------------------ */

/* Returns a thread that is there and has no CPU, or -1. */
static int pick(struct schedule *schedule, bool asleep)
{
	int n = (int)roll(THREADS), i;

	for (i = 0; i < THREADS; i++, n = (n + 1) % THREADS)
		if (schedule->threads[n].where == ASLEEP ||
		    (!asleep && schedule->threads[n].where == OFF))
			return n;
	return -1;
}

static void do_switch(struct schedule *schedule, int cpu)
{
	int prev = schedule->current[cpu], next = roll(4) ? pick(schedule, false) : -1;
	struct model_thread *thread = prev < 0 ? NULL : &schedule->threads[prev];
	bool ends = thread && !roll(30), sleeps = thread && !ends && roll(3) == 0;

	if (thread && schedule->format != COMPACT) {
		if (sleeps && roll(2)) {
			thread->in_futex = true;
			put_call(schedule, cpu, "sys_enter_futex");
		} else if (thread->in_futex) {
			thread->in_futex = false;
			put_call(schedule, cpu, "sys_exit_futex");
		}
	} else if (thread) {
		thread->in_futex = roll(2);
	}
	put_switch(schedule, cpu, next, sleeps, ends);
	if (ends)
		*thread = (struct model_thread){ .where = GONE };
	else if (sleeps)
		model_sleep(schedule, thread);
	else if (thread)
		thread->where = OFF;
	schedule->current[cpu] = next;
	if (next >= 0)
		model_run(schedule, &schedule->threads[next]);
}

static void do_yield(struct schedule *schedule, int cpu)
{
	struct model_thread *thread = &schedule->threads[schedule->current[cpu]];

	put_yield(schedule, cpu);
	if (schedule->format != COMPACT)
		thread->in_futex = false;
	if (thread->count && !(schedule->watch.policy.flags & MAZE_POLICY_YIELD_COUNTS))
		begin_episode(thread);
}

static void do_wake(struct schedule *schedule, int cpu)
{
	int n = pick(schedule, true);

	if (n < 0)
		return;
	put_wake(schedule, cpu, n);
	schedule->threads[n].woken_at = schedule->now_ns;
}

static void do_fork(struct schedule *schedule, int cpu)
{
	int n;

	for (n = 0; n < THREADS && schedule->threads[n].where != GONE; n++)
		;
	if (n == THREADS)
		return;
	put_fork(schedule, cpu, n);
	schedule->threads[n].where = OFF;
}

static void do_something(struct schedule *schedule)
{
	int cpu = (int)roll(CPUS);

	pass(schedule, 2 * STEP_NS * roll(40));
	if (schedule->current[cpu] < 0 || roll(2))
		do_switch(schedule, cpu);
	else if (!roll(3))
		do_yield(schedule, cpu);
	else if (!roll(2))
		do_wake(schedule, cpu);
	else
		do_fork(schedule, cpu);
}

static void random_policy(struct maze_policy *policy)
{
	maze_u32 ratio = (maze_u32)(MAZE_RECOVERY_ONE / 2 << roll(3));

	policy->soft_ns = roll(4) ? MAZE_NSEC_PER_MSEC * (1 + roll(20)) : 0;
	policy->hard_ns = roll(4) || !policy->soft_ns
				  ? policy->soft_ns + MAZE_NSEC_PER_MSEC * (1 + roll(20))
				  : 0;
	policy->recovery = roll(3) ? ratio : MAZE_RECOVERY_INF;
	if (policy->recovery != MAZE_RECOVERY_INF && roll(2))
		policy->recovery |= MAZE_RECOVERY_LOCK;
	policy->flags = MAZE_POLICY_INHERIT | (roll(2) ? MAZE_POLICY_YIELD_COUNTS : 0);
}

/* ---- the replay ----------------------------------------------------------------------------- */

static const struct replay_watch *choose(void *arg, const struct replay_subject *subject)
{
	(void)subject;
	return arg;
}

static int keep(void *arg, const struct maze_record *record)
{
	struct verdicts *got = arg;

	assert_true(got->count < VERDICTS_MAX);
	got->items[got->count++] = (struct verdict){
		record->boot_ns, record->count_ns, record->used_ns, record->asleep_ns,
		record->tid,	 record->event,	   record->sleeps,  record->episode,
	};
	return 0;
}

static void replay(struct schedule *schedule, int fd)
{
	struct replay_calls calls = {
		.choose = choose,
		.on_record = keep,
		.choose_arg = &schedule->watch,
		.record_arg = &schedule->got,
	};

	assert_int_equal(replay_all(&calls, fd, "trace").missed, 0);
}

static int in_order(const void *left, const void *right)
{
	const struct verdict *a = left, *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->tid != b->tid ? (int)a->tid - (int)b->tid : (int)a->event - (int)b->event;
}

static void compare(struct schedule *schedule, maze_u64 seed)
{
	struct verdicts *sides[] = { &schedule->expected, &schedule->got };
	size_t i;

	for (i = 0; i < 2; i++)
		qsort(sides[i]->items, sides[i]->count, sizeof(struct verdict), in_order);
	for (i = 0; i < sides[0]->count && i < sides[1]->count; i++)
		if (memcmp(&sides[0]->items[i], &sides[1]->items[i], sizeof(struct verdict)) != 0)
			fail_msg(
				"MAZE_SEED=%llu: verdict %zu: thread %u at %llu ns has count %llu, "
				"and in the replay thread %u at %llu ns has %llu",
				seed, i, sides[0]->items[i].tid, sides[0]->items[i].time_ns,
				sides[0]->items[i].count_ns, sides[1]->items[i].tid,
				sides[1]->items[i].time_ns, sides[1]->items[i].count_ns);
	if (sides[0]->count != sides[1]->count)
		fail_msg("MAZE_SEED=%llu: %zu verdicts, and %zu in the replay", seed,
			 sides[0]->count, sides[1]->count);
}

static size_t try_schedule(enum format format, maze_u64 seed)
{
	struct maze_trace_header header = { MAZE_TRACE_MAGIC, MAZE_TRACE_VERSION,
					    sizeof(struct maze_trace_event), 0, 0 };
	struct schedule *schedule = calloc(1, sizeof(*schedule));
	int fd = memfd_create("trace", MFD_CLOEXEC), i;
	size_t count;

	assert_non_null(schedule);
	random_state = seed;
	random_policy(&schedule->watch.policy);
	schedule->format = format;
	schedule->now_ns = MAZE_NSEC_PER_SEC;
	schedule->out = fdopen(dup(fd), "w");
	assert_non_null(schedule->out);
	if (format == COMPACT)
		fwrite(&header, sizeof(header), 1, schedule->out);
	for (i = 0; i < CPUS; i++)
		schedule->current[i] = -1;
	for (i = 0; i < THREADS; i++)
		schedule->threads[i].where = i < THREADS / 2 ? OFF : GONE;
	for (i = 0; i < EVENTS; i++)
		do_something(schedule);
	do_switch(schedule, 0);
	fclose(schedule->out);
	replay(schedule, fd);
	compare(schedule, seed);
	count = schedule->got.count;
	close(fd);
	free(schedule);
	return count;
}

static void test_random_schedules(void **state)
{
	const char *chosen = getenv("MAZE_SEED");
	maze_u64 seed = chosen ? strtoull(chosen, NULL, 10) : 1;
	size_t verdicts = 0;
	int i;

	(void)state;
	for (i = 0; i < (chosen ? 1 : SCHEDULES); i++, seed++) {
		verdicts += try_schedule(PERF, seed);
		verdicts += try_schedule(TRACE_CMD, seed);
		verdicts += try_schedule(COMPACT, seed);
	}
	assert_true(verdicts > 0);
	print_message("%zu verdicts\n", verdicts);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_schedules) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
