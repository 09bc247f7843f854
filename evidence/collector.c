/* SPDX-License-Identifier: GPL-2.0-only */
#include "collector_users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../lib/runs.h"
#include "../lib/stack_sampler.h"
#include "store/redact.h"

/* Workers, and then their replacements, have three seconds each to write incidents. */
#define CLOSE_NS (6 * MAZE_NSEC_PER_SEC)
/* The maximum of process infos, and of stacks, that one collector_work() takes. */
#define BATCH_MAX 64
/* The least time between two reports of losses, so that one user cannot fill the log. */
#define REPORT_NS (10 * MAZE_NSEC_PER_SEC)

/* ---- users ------------------------------------------------------------------------- */

static struct collector_user *find_user(struct collector *collector, unsigned int uid)
{
	size_t i;

	for (i = 0; i < USERS_MAX; i++)
		if (collector->users[i].used && collector->users[i].uid == uid)
			return &collector->users[i];
	return NULL;
}

static struct collector_user *find_by_episode(struct collector *collector,
					      const struct episode_key *key)
{
	const struct collector_message *message;
	size_t i;

	for (i = 0; i < USERS_MAX; i++)
		for (message = collector->users[i].queue.first; message; message = message->next)
			if (episode_key_equal(&message->header.key, key))
				return &collector->users[i];
	return NULL;
}

static struct collector_user *add_user(struct collector *collector, unsigned int uid)
{
	struct collector_user *user, *idle = NULL;
	size_t i;

	for (i = 1; i < USERS_MAX; i++) {
		user = &collector->users[i];
		if (!user->used)
			break;
		if (user->worker.fd >= 0 && user->idle_ns && !user->queue.first && !user->blind)
			idle = user;
	}
	if (i == USERS_MAX) {
		if (!idle)
			return NULL;
		collector_leave_worker(collector, idle, false);
		user = idle;
	}
	*user = (struct collector_user){ .used = true, .uid = uid, .worker.fd = -1 };
	collector_queue_init(&user->queue);
	return user;
}

static struct collector_user *user_of(struct collector *collector, unsigned int uid)
{
	struct collector_user *user = NULL;

	/* A directory that is not shared needs only one worker. */
	if (!collector->options.shared)
		return &collector->users[0];
	user = find_user(collector, uid) ?: add_user(collector, uid);
	if (user)
		return user;
	collector->lost++;
	if (!collector->crowd_reported)
		incident_messages_add(&collector->later, uid, true,
				      "more than %d users have incidents at the same time; those "
				      "of user id %u are lost and counted",
				      USERS_MAX, uid);
	collector->crowd_reported = true;
	return NULL;
}

static void enqueue(struct collector *collector, struct collector_user *user,
		    const struct collector_header *header, const void *body, size_t size)
{
	if (user && !collector_queue_add(&user->queue, header, body, size) &&
	    header->kind == COLLECTOR_RECORD)
		collector->lost++;
}

bool collector_has_episode(struct collector *collector, const struct episode_key *key)
{
	return find_by_episode(collector, key);
}

void collector_send(struct collector *collector, const struct collector_header *header,
		    const void *body, size_t size)
{
	enqueue(collector, find_by_episode(collector, &header->key), header, body, size);
}

/* ---- records and evidence ---------------------------------------------------------- */

static bool is_wanted(const struct collector *collector, maze_u64 tag, maze_u64 boot_ns)
{
	return (!collector->options.tag || tag == collector->options.tag) &&
	       boot_ns >= collector->options.since_ns;
}

/* Reads them now, because the engine uses their room again. */
static void send_runs(struct collector *collector, const struct collector_header *record)
{
	const struct collector_header header = { COLLECTOR_RUNS, record->key };
	struct maze_last_runs runs;
	int err;

	if (!collector->evidence || header.key.scope)
		return;
	err = evidence_runs(collector->evidence, header.key.pid, header.key.tid, header.key.episode,
			    &runs);
	if (err == -EOPNOTSUPP)
		return;
	if (err)
		runs.count = 0;
	collector_send(collector, &header, &runs, maze_last_runs_size(runs.count));
}

void collector_record(struct collector *collector, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy)
{
	const struct collector_header header = { COLLECTOR_RECORD, episode_key_of(record) };
	struct collector_record message = { .record = *record, .samples = collector->samples };
	struct collector_user *user;
	int reaps = 0;
	size_t i;

	if (!is_wanted(collector, record->tag, record->boot_ns))
		return;
	snprintf(message.engine, sizeof(message.engine), "%s", engine);
	snprintf(message.rule, sizeof(message.rule), "%s", rule ? rule : "");
	if (header.key.scope == MAZE_SCOPE_TREE && !prctl(PR_GET_CHILD_SUBREAPER, &reaps) && reaps)
		message.reaper = getpid();
	message.has_policy = policy != NULL;
	if (policy)
		message.policy = *policy;
	user = find_by_episode(collector, &header.key);
	switch (record->event) {
	case MAZE_EVENT_SOFT:
	case MAZE_EVENT_HARD:
		enqueue(collector, user ?: user_of(collector, record->uid), &header, &message,
			sizeof(message));
		send_runs(collector, &header);
		collector_calls_record(collector, record, policy);
		return;
	case MAZE_EVENT_EXIT:
		collector_calls_record(collector, record, policy);
		/* The exit also ends the incidents of the thread's earlier episodes. */
		if (!user)
			user = collector->options.shared ? find_user(collector, record->uid)
							 : &collector->users[0];
		enqueue(collector, user, &header, &message, sizeof(message));
		return;
	case MAZE_EVENT_LOST:
		for (i = 0; i < USERS_MAX; i++)
			if (collector->users[i].used && collector->users[i].open)
				enqueue(collector, &collector->users[i], &header, &message,
					sizeof(message));
		return;
	}
}

void collector_action(struct collector *collector, const struct maze_record *record,
		      const struct episode_action *action)
{
	const struct collector_header header = { COLLECTOR_ACTION, episode_key_of(record) };

	collector_send(collector, &header, action, sizeof(*action));
}

void collector_process_info(struct collector *collector, const struct maze_process_info *recorded)
{
	const struct collector_header header = { COLLECTOR_PROCESS_INFO,
						 episode_key_of_thread(recorded->pid, recorded->tid,
								       recorded->episode) };
	struct collector_user *user = find_by_episode(collector, &header.key);
	bool opens = !user;

	user = user ?: user_of(collector, recorded->uid);
	if (!user || (opens && collector_queue_is_behind(&user->queue)))
		return;
	enqueue(collector, user, &header, recorded, sizeof(*recorded));
}

void collector_stack(struct collector *collector, const struct maze_stack *stack)
{
	const struct collector_header header = {
		COLLECTOR_STACK, episode_key_of_thread(stack->pid, stack->tid, stack->episode)
	};

	collector_send(collector, &header, stack, sizeof(*stack));
}

/* Takes at most BATCH_MAX of each kind of evidence. Returns true if there may be more. */
static bool take_evidence(struct collector *collector)
{
	struct maze_process_info recorded;
	struct maze_stack stack;
	int i, taken = 0;

	if (!collector->evidence)
		return false;
	for (i = 0; i < BATCH_MAX; i++, taken++) {
		if (maze_evidence_next_process_info(collector->evidence, &recorded) != 1)
			break;
		if (is_wanted(collector, recorded.tag, recorded.boot_ns))
			collector_process_info(collector, &recorded);
	}
	for (i = 0; i < BATCH_MAX; i++, taken++) {
		if (maze_evidence_next_stack(collector->evidence, &stack) != 1)
			break;
		if (is_wanted(collector, stack.tag, stack.boot_ns))
			collector_stack(collector, &stack);
	}
	collector->evidence_lost = maze_evidence_lost(collector->evidence);
	return taken >= BATCH_MAX;
}

static void report_losses(struct collector *collector, struct incident_messages *messages)
{
	maze_u64 lost = collector->lost - collector->lost_reported;
	maze_u64 evidence_lost = collector->evidence_lost - collector->evidence_lost_reported;

	if (lost)
		incident_messages_add(messages, geteuid(), true, "%llu more incidents are lost",
				      lost);
	if (evidence_lost)
		incident_messages_add(messages, geteuid(), true,
				      "%llu samples or process infos of incidents are lost",
				      evidence_lost);
	messages->lost += lost;
	messages->evidence_lost += evidence_lost;
	collector->lost_reported = collector->lost;
	collector->evidence_lost_reported = collector->evidence_lost;
	if (lost || evidence_lost)
		collector->report_ns = now_ns(CLOCK_MONOTONIC) + REPORT_NS;
}

int collector_work(struct collector *collector, struct incident_messages *ret)
{
	struct incident_messages *messages = &collector->later;
	struct collector_user *user;
	int wait_ms;

	take_evidence(collector);
	wait_ms = collector_calls_work(collector);
	workers_left_reap(&collector->left);
	for (user = collector->users; user < collector->users + USERS_MAX; user++) {
		if (user->used && collector_has_room(messages))
			wait_ms = sooner(wait_ms, collector_serve(collector, user, messages));
		else if (user->used)
			wait_ms = 0;
	}
	if (collector_has_room(messages) && now_ns(CLOCK_MONOTONIC) >= collector->report_ns)
		report_losses(collector, messages);
	collector->wait_ms = wait_ms > 0 ? wait_ms : 0;
	*ret = *messages;
	messages->count = messages->written = messages->lost = messages->evidence_lost = 0;
	return wait_ms;
}

int collector_fd(const struct collector *collector)
{
	return collector->epoll;
}

/* ---- open and close ---------------------------------------------------------------- */

int collector_open(const struct incidents_options *options, struct collector **ret,
		   struct maze_error *error)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	struct collector_user *own = collector ? &collector->users[0] : NULL;
	struct redactor *redactor = NULL;
	int err;

	if (!collector)
		return maze_fail(error, -ENOMEM, "out of memory");
	/* Check the patterns here, because a worker cannot return the error. */
	err = redact_new(options->redact_names, options->redact_names_count, &redactor, error);
	redact_free(err ? NULL : redactor);
	collector->options = *options;
	collector->epoll = err ? -1 : epoll_create1(EPOLL_CLOEXEC);
	if (!err && collector->epoll < 0)
		err = maze_fail(error, -errno, "cannot make an epoll: %s", strerror(errno));
	if (err) {
		free(collector);
		return err;
	}
	*own = (struct collector_user){ .used = true, .uid = geteuid(), .worker.fd = -1 };
	collector_queue_init(&own->queue);
	/* This worker checks the directory now, and later prunes it. */
	err = collector_start_worker(collector, own);
	if (err) {
		close(collector->epoll);
		free(collector);
		return maze_fail(error, err, "cannot start a worker process for incidents: %s",
				 strerror(-err));
	}
	*ret = collector;
	return 0;
}

/* For an engine that takes no stacks. Fails if perf events take none either. */
static int take_samples(struct collector *collector, const struct maze_evidence_wants *wants,
			struct maze_error *error)
{
	struct stack_sampler *sampler;

	if (wants)
		collector->samples = *wants;
	if (!collector->samples.stacks_max)
		collector->samples.stacks_max = MAZE_STACKS_DEFAULT;
	if (!collector->samples.interval_ns)
		collector->samples.interval_ns = MAZE_STACK_INTERVAL_DEFAULT_NS;
	/* What fails for this thread fails for others. */
	if (stack_sampler_open(gettid(), collector->samples.interval_ns, &sampler, error))
		return -EOPNOTSUPP;
	stack_sampler_close(sampler);
	return 0;
}

int collector_follow(struct collector *collector, struct maze *maze,
		     const struct maze_evidence_wants *wants, struct maze_error *error)
{
	struct epoll_event event = { .events = EPOLLIN };
	int err = maze_evidence_open(maze, wants, &collector->evidence, error);

	if (err == -EOPNOTSUPP)
		return take_samples(collector, wants, error);
	if (err)
		return err;
	if (epoll_ctl(collector->epoll, EPOLL_CTL_ADD, maze_evidence_fd(collector->evidence),
		      &event))
		return maze_fail(error, -errno, "cannot add an event source: %s", strerror(errno));
	return 0;
}

void collector_close(struct collector *collector, struct incident_messages *ret)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * (long)MAZE_NSEC_PER_MSEC };
	struct incident_messages none = { 0 }, *messages = ret ? ret : &none;
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + CLOSE_NS;
	struct collector_user *user;
	size_t i;

	messages->count = 0;
	if (!collector)
		return;
	while (take_evidence(collector))
		;
	collector_calls_close(collector);
	*messages = collector->later;
	maze_evidence_close(collector->evidence);
	while (!collector_end_workers(collector, messages) && now_ns(CLOCK_MONOTONIC) < until)
		nanosleep(&pause, NULL);
	for (user = collector->users; user < collector->users + USERS_MAX; user++)
		if (user->used)
			collector_end_user(collector, user, true);
	report_losses(collector, messages);
	workers_left_reap(&collector->left);
	for (i = 0; i < collector->left.count; i++)
		close(collector->left.worker[i].pidfd);
	close(collector->epoll);
	free(collector);
}
