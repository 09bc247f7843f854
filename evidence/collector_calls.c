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

static void send_slice(struct collector *collector, const struct slice_request *request,
		       int missing, const struct call_slice *slice)
{
	struct collector_calls_message message = { .missing = missing };

	if (slice)
		message.slice = *slice;
	collector_send(collector, &(struct collector_header){ COLLECTOR_CALLS, request->key },
		       &message, sizeof(message));
}

/* Only the first slice needs a reason if it is missing. */
static void give_up(struct collector *collector, struct slice_request *request, int missing)
{
	if (request->pause_ns)
		send_slice(collector, request, missing, NULL);
	request->state = SLICE_NONE;
}

/* ---- requests ---------------------------------------------------------------------- */

static struct slice_request *find(struct collector_calls *calls, const struct episode_key *key)
{
	struct slice_request *request;

	for (request = calls->requests; request < calls->requests + SLICE_REQUESTS_MAX; request++)
		if (request->state && episode_key_same_subject(&request->key, key))
			return request;
	return NULL;
}

/* A free request, or else the one whose second slice is furthest away. */
static struct slice_request *make_room(struct collector_calls *calls)
{
	struct slice_request *request, *last = NULL;

	for (request = calls->requests; request < calls->requests + SLICE_REQUESTS_MAX; request++) {
		if (!request->state)
			return request;
		if (request->state == SLICE_LATER && (!last || request->due_ns > last->due_ns))
			last = request;
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
	struct slice_request *room = make_room(&collector->calls);
	struct slice_request request = {
		.state = SLICE_WAITS,
		.key = episode_key_of(record),
		.verdict_ns = record->boot_ns,
		.since_ns = now_ns(CLOCK_MONOTONIC),
		.pause_ns = pause_before_second(record, policy),
	};

	if (room)
		*room = request;
	else
		give_up(collector, &request, -EDQUOT);
}

/* ---- slices ------------------------------------------------------------------------ */

static void charge_budget(struct collector_calls *calls)
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

static void begin(struct collector *collector, struct slice_request *request, maze_u64 now)
{
	struct collector_calls *calls = &collector->calls;
	int slot = load(calls);

	if (!slot && !attach_budget_may_begin(&calls->budget))
		slot = -EBUSY;
	if (!slot)
		slot = call_counter_begin(calls->counter, (pid_t)request->key.tid,
					  request->verdict_ns, collector->options.calls_cpu_ns,
					  NULL);
	if (slot >= 0) {
		request->state = SLICE_RUNS;
		request->slot = slot;
		request->since_ns = now_ns(CLOCK_MONOTONIC);
		request->due_ns = request->since_ns + CHECK_NS;
	} else if (slot != -EBUSY) {
		give_up(collector, request, slot);
	} else if (now - request->since_ns > WAIT_NS) {
		give_up(collector, request, -EDQUOT);
	} else {
		request->due_ns = now + CHECK_NS;
	}
}

static void check_slice(struct collector *collector, struct slice_request *request, bool end)
{
	struct call_slice slice;

	if (!call_counter_take(collector->calls.counter, request->slot, (pid_t)request->key.tid,
			       request->verdict_ns, end, &slice)) {
		request->due_ns = now_ns(CLOCK_MONOTONIC) + CHECK_NS;
		return;
	}
	if (slice.cpu_ns || slice.calls)
		send_slice(collector, request, 0, &slice);
	else if (request->pause_ns)
		send_slice(collector, request, -EAGAIN, NULL);
	request->state = request->pause_ns ? SLICE_LATER : SLICE_NONE;
	request->runtime_ns = slice.runtime_ns + request->pause_ns;
	request->due_ns = now_ns(CLOCK_MONOTONIC) + request->pause_ns;
}

/* Begins the second slice, if the incident is open and the thread has used enough. */
static void check_later(struct collector *collector, struct slice_request *request, maze_u64 now)
{
	maze_u64 runtime_ns;

	if (!collector_has_episode(collector, &request->key) ||
	    call_counter_runtime(collector->calls.counter, (pid_t)request->key.tid,
				 request->verdict_ns, &runtime_ns)) {
		request->state = SLICE_NONE;
	} else if (runtime_ns < request->runtime_ns) {
		request->due_ns = now + (request->runtime_ns - runtime_ns) + CHECK_NS;
	} else {
		request->state = SLICE_WAITS;
		request->since_ns = now;
		request->pause_ns = 0;
	}
}

static void step(struct collector *collector, struct slice_request *request)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	bool spent = attach_budget_is_spent(&collector->calls.budget);

	if (request->state == SLICE_RUNS && (spent || now >= request->due_ns))
		check_slice(collector, request, spent || now - request->since_ns > SLICE_WALL_NS);
	if (request->state == SLICE_LATER && now >= request->due_ns)
		check_later(collector, request, now);
	if (request->state == SLICE_WAITS && now >= request->due_ns)
		begin(collector, request, now);
}

/* ---- for the collector ------------------------------------------------------------- */

void collector_calls_record(struct collector *collector, const struct maze_record *record,
			    const struct maze_policy *policy)
{
	const struct episode_key key = episode_key_of(record);
	struct slice_request *request = find(&collector->calls, &key);

	/* Those of a group are of many threads, and are not counted. */
	if (!collector->options.calls_cpu_ns || key.scope)
		return;
	/* The thread is in a later episode, or ends. */
	if (request && (request->key.episode != key.episode || record->event == MAZE_EVENT_EXIT)) {
		if (request->state == SLICE_RUNS)
			check_slice(collector, request, true);
		if (request->state == SLICE_WAITS)
			give_up(collector, request, -ESRCH);
		request->state = SLICE_NONE;
		request = NULL;
	}
	if (request || (record->event != MAZE_EVENT_SOFT && record->event != MAZE_EVENT_HARD))
		return;
	/* With a soft limit, a hard verdict is the second of its episode. */
	if (record->event == MAZE_EVENT_SOFT || !policy || !policy->soft_ns)
		add(collector, record, policy);
}

int collector_calls_work(struct collector *collector)
{
	struct collector_calls *calls = &collector->calls;
	maze_u64 now, due_ns = 0;
	struct slice_request *request;

	charge_budget(calls);
	for (request = calls->requests; request < calls->requests + SLICE_REQUESTS_MAX; request++) {
		if (request->state)
			step(collector, request);
		if (request->state && (!due_ns || request->due_ns < due_ns))
			due_ns = request->due_ns;
	}
	if (!due_ns)
		return -1;
	now = now_ns(CLOCK_MONOTONIC);
	return due_ns > now ? (int)((due_ns - now) / MAZE_NSEC_PER_MSEC) + 1 : 0;
}

void collector_calls_close(struct collector *collector)
{
	struct collector_calls *calls = &collector->calls;
	struct slice_request *request;

	for (request = calls->requests; request < calls->requests + SLICE_REQUESTS_MAX; request++)
		if (request->state == SLICE_RUNS)
			check_slice(collector, request, true);
	call_counter_close(calls->counter);
	calls->counter = NULL;
}
