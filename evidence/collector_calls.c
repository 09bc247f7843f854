/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>

#include "../base/clock.h"
#include "collector_users.h"

/* A thread without CPU time, which gives no events, does not keep the program attached. */
#define SLICE_WALL_NS (500 * MAZE_NSEC_PER_MSEC)
/* The interval of checks of a running slice. */
#define CHECK_NS (10 * MAZE_NSEC_PER_MSEC)
/* A thread that gets no slice within this time after its verdict gets none. */
#define WAIT_NS (2 * MAZE_NSEC_PER_SEC)
/*
 * Without a hard verdict to come, the second slice comes after this CPU time. The
 * incident closes 5 s after its last stack, and stacks come for 1 s of CPU time.
 */
#define PAUSE_NS (2 * MAZE_NSEC_PER_SEC)
#define PAUSE_MIN_NS (100 * MAZE_NSEC_PER_MSEC)

static void send_slice(struct collector *collector, const struct call_wish *wish, int missing,
		       const struct call_slice *slice)
{
	struct collector_calls_message message = { .missing = missing };

	if (slice)
		message.slice = *slice;
	collector_send(
		collector,
		&(struct collector_header){ COLLECTOR_CALLS, wish->pid, wish->tid, wish->episode },
		&message, sizeof(message));
}

/* The first slice has a reason for its absence; the second is a bonus. */
static void give_up(struct collector *collector, struct call_wish *wish, int missing)
{
	if (wish->pause_ns)
		send_slice(collector, wish, missing, NULL);
	wish->state = CALL_WISH_NONE;
}

/* ---- wishes ------------------------------------------------------------------------ */

static struct call_wish *find(struct collector_calls *calls, const struct maze_record *record)
{
	struct call_wish *wish;

	for (wish = calls->wishes; wish < calls->wishes + CALL_WISHES_MAX; wish++)
		if (wish->state && wish->pid == record->pid && wish->tid == record->tid)
			return wish;
	return NULL;
}

/* A free wish, or else the one whose second slice is furthest away. */
static struct call_wish *make_room(struct collector_calls *calls)
{
	struct call_wish *wish, *last = NULL;

	for (wish = calls->wishes; wish < calls->wishes + CALL_WISHES_MAX; wish++) {
		if (!wish->state)
			return wish;
		if (wish->state == CALL_WISH_LATER && (!last || wish->due_ns > last->due_ns))
			last = wish;
	}
	return last;
}

static maze_u64 pause_before_second(const struct maze_record *record,
				    const struct maze_policy *policy)
{
	maze_u64 pause_ns = PAUSE_NS;

	if (policy && record->event == MAZE_EVENT_SOFT && policy->hard_ns > policy->soft_ns)
		pause_ns = (policy->hard_ns - policy->soft_ns) / 2;
	return pause_ns > PAUSE_MIN_NS ? pause_ns : PAUSE_MIN_NS;
}

static void add(struct collector *collector, const struct maze_record *record,
		const struct maze_policy *policy)
{
	struct call_wish *room = make_room(&collector->calls);
	struct call_wish wish = {
		.state = CALL_WISH_WAITS,
		.pid = record->pid,
		.tid = record->tid,
		.episode = record->episode,
		.verdict_ns = record->boot_ns,
		.since_ns = now_ns(CLOCK_MONOTONIC),
		.pause_ns = pause_before_second(record, policy),
	};

	if (room)
		*room = wish;
	else
		give_up(collector, &wish, -EDQUOT);
}

/* ---- slices ------------------------------------------------------------------------ */

static void pay(struct collector_calls *calls)
{
	maze_u64 attached_ns = calls->counter ? call_counter_attached_ns(calls->counter) : 0;

	attach_budget_step(&calls->budget, now_ns(CLOCK_MONOTONIC),
			   attached_ns - calls->attached_ns);
	calls->attached_ns = attached_ns;
}

/* Loads the program at the first verdict. */
static int load(struct collector_calls *calls)
{
	if (!calls->counter && !calls->refused) {
		calls->refused = call_counter_open(&calls->counter, NULL);
		attach_budget_init(&calls->budget, now_ns(CLOCK_MONOTONIC));
	}
	return calls->refused;
}

static void begin(struct collector *collector, struct call_wish *wish, maze_u64 now)
{
	struct collector_calls *calls = &collector->calls;
	int slot = load(calls);

	if (!slot && !attach_budget_may_begin(&calls->budget))
		slot = -EBUSY;
	if (!slot)
		slot = call_counter_begin(calls->counter, (pid_t)wish->tid, wish->verdict_ns,
					  collector->options.calls_cpu_ns, NULL);
	if (slot >= 0) {
		wish->state = CALL_WISH_RUNS;
		wish->slot = slot;
		wish->since_ns = now_ns(CLOCK_MONOTONIC);
		wish->due_ns = wish->since_ns + CHECK_NS;
	} else if (slot != -EBUSY) {
		give_up(collector, wish, slot);
	} else if (now - wish->since_ns > WAIT_NS) {
		give_up(collector, wish, -EDQUOT);
	} else {
		wish->due_ns = now + CHECK_NS;
	}
}

static void check_slice(struct collector *collector, struct call_wish *wish, bool end)
{
	struct call_slice slice;

	if (!call_counter_take(collector->calls.counter, wish->slot, (pid_t)wish->tid,
			       wish->verdict_ns, end, &slice)) {
		wish->due_ns = now_ns(CLOCK_MONOTONIC) + CHECK_NS;
		return;
	}
	if (slice.cpu_ns || slice.calls)
		send_slice(collector, wish, 0, &slice);
	else if (wish->pause_ns)
		send_slice(collector, wish, -EAGAIN, NULL);
	wish->state = wish->pause_ns ? CALL_WISH_LATER : CALL_WISH_NONE;
	wish->runtime_ns = slice.runtime_ns + wish->pause_ns;
	wish->due_ns = now_ns(CLOCK_MONOTONIC) + wish->pause_ns;
}

/* Begins the second slice, if the incident is open and the thread has used enough. */
static void check_later(struct collector *collector, struct call_wish *wish, maze_u64 now)
{
	maze_u64 runtime_ns;

	if (!collector_has_episode(collector, wish->pid, wish->tid, wish->episode) ||
	    call_counter_runtime(collector->calls.counter, (pid_t)wish->tid, wish->verdict_ns,
				 &runtime_ns)) {
		wish->state = CALL_WISH_NONE;
	} else if (runtime_ns < wish->runtime_ns) {
		wish->due_ns = now + (wish->runtime_ns - runtime_ns) + CHECK_NS;
	} else {
		wish->state = CALL_WISH_WAITS;
		wish->since_ns = now;
		wish->pause_ns = 0;
	}
}

static void step(struct collector *collector, struct call_wish *wish)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	bool spent = attach_budget_is_spent(&collector->calls.budget);

	if (wish->state == CALL_WISH_RUNS && (spent || now >= wish->due_ns))
		check_slice(collector, wish, spent || now - wish->since_ns > SLICE_WALL_NS);
	if (wish->state == CALL_WISH_LATER && now >= wish->due_ns)
		check_later(collector, wish, now);
	if (wish->state == CALL_WISH_WAITS && now >= wish->due_ns)
		begin(collector, wish, now);
}

/* ---- for the collector ------------------------------------------------------------- */

void collector_calls_record(struct collector *collector, const struct maze_record *record,
			    const struct maze_policy *policy)
{
	struct call_wish *wish = find(&collector->calls, record);

	if (!collector->options.calls_cpu_ns)
		return;
	/* The thread is in a later episode, or ends. */
	if (wish && (wish->episode != record->episode || record->event == MAZE_EVENT_EXIT)) {
		if (wish->state == CALL_WISH_RUNS)
			check_slice(collector, wish, true);
		if (wish->state == CALL_WISH_WAITS)
			give_up(collector, wish, -ESRCH);
		wish->state = CALL_WISH_NONE;
		wish = NULL;
	}
	if (wish || (record->event != MAZE_EVENT_SOFT && record->event != MAZE_EVENT_HARD))
		return;
	/* With a soft limit, a hard verdict is the second of its episode. */
	if (record->event == MAZE_EVENT_SOFT || !policy || !policy->soft_ns)
		add(collector, record, policy);
}

int collector_calls_work(struct collector *collector)
{
	struct collector_calls *calls = &collector->calls;
	maze_u64 now, due_ns = 0;
	struct call_wish *wish;

	pay(calls);
	for (wish = calls->wishes; wish < calls->wishes + CALL_WISHES_MAX; wish++) {
		if (wish->state)
			step(collector, wish);
		if (wish->state && (!due_ns || wish->due_ns < due_ns))
			due_ns = wish->due_ns;
	}
	if (!due_ns)
		return -1;
	now = now_ns(CLOCK_MONOTONIC);
	return due_ns > now ? (int)((due_ns - now) / MAZE_NSEC_PER_MSEC) + 1 : 0;
}

void collector_calls_close(struct collector *collector)
{
	struct collector_calls *calls = &collector->calls;
	struct call_wish *wish;

	for (wish = calls->wishes; wish < calls->wishes + CALL_WISHES_MAX; wish++)
		if (wish->state == CALL_WISH_RUNS)
			check_slice(collector, wish, true);
	call_counter_close(calls->counter);
	calls->counter = NULL;
}
