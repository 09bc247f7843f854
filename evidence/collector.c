/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The caller's half of the collector; see collector.h. A message is kept until its incident
 * is closed, so that a worker that takes the place of one that was left can write the
 * incident all the same. Stacks, which are large, are kept until they are sent.
 */
#include "collector.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/clock.h"
#include "collector_queue.h"
#include "collector_worker.h"
#include "store/redact.h"
#include "isolation/worker.h"

/* Users whose incidents are kept at once; the first place is the caller's own. */
#define USERS_MAX 16
_Static_assert(USERS_MAX + WORKERS_LEFT_OWN_MAX <= WORKERS_LEFT_ROOM,
	       "every worker that runs may come to be left");
/* To read a process takes a millisecond; to write a file may wait for a busy disk. */
#define DEADLINE_NS (5 * MAZE_NSEC_PER_SEC)
/* A user whose worker was left has one that looks at no process, for so long at least. */
#define BLIND_NS (60 * MAZE_NSEC_PER_SEC)
/* Without an incident, a worker of another user ends. */
#define IDLE_NS (60 * MAZE_NSEC_PER_SEC)
/* A worker takes two seconds to write what is open; after three, another gets as long. */
#define CLOSE_NS (6 * MAZE_NSEC_PER_SEC)
#define CLOSE_LATE_NS (3 * MAZE_NSEC_PER_SEC)
/* Waits for a socket that is full. */
#define RETRY_MS 5
#define STEP_MS 1000
/* One worker may have two sentences more to say. */
#define MESSAGES_FULL (INCIDENT_MESSAGES_MAX - 3)

struct user {
	bool used;
	unsigned int uid;
	struct worker worker; /* fd -1: none runs */
	bool blind;
	bool shut;	       /* it was told that nothing more comes */
	unsigned int failures; /* workers in a row that ended before their time */
	maze_u64 failed_ns;
	maze_u64 idle_ns; /* since when it has nothing to do; 0: it has */
	struct collector_queue queue;
	maze_u32 unanswered; /* messages that the worker has not taken */
	maze_u32 open;
	maze_u64 lost, lost_reported; /* as the worker counts */
};

struct collector {
	struct incidents_options options;
	struct user users[USERS_MAX];
	struct workers_left left;
	int epoll;
	maze_u64 lost;
	int asked_ms; /* until the next call, as the caller was told */
	bool crowd_reported, left_reported;
	struct incident_messages later; /* for the next collector_work() */
};

static void __attribute__((format(printf, 4, 5)))
add_message(struct incident_messages *messages, unsigned int uid, bool trouble, const char *format,
	    ...)
{
	va_list arguments;

	if (messages->count == INCIDENT_MESSAGES_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(messages->message[messages->count].text, sizeof(messages->message[0].text),
		  format, arguments);
	va_end(arguments);
	messages->message[messages->count].trouble = trouble;
	messages->message[messages->count++].uid = uid;
}

/* ---- workers ------------------------------------------------------------------------------- */

static int start_worker(struct collector *collector, struct user *user)
{
	struct incidents_options options = collector->options;
	struct epoll_event event = { .events = EPOLLIN };
	struct collector_message *message;
	int err;

	if (!workers_left_allow(&collector->left, user->uid))
		return -EAGAIN;
	options.uid = user->uid;
	options.blind = user->blind;
	options.replace = user->failures > 0;
	err = worker_start(collector_worker, &options, &user->worker);
	if (err)
		return err;
	epoll_ctl(collector->epoll, EPOLL_CTL_ADD, user->worker.fd, &event);
	user->unanswered = user->open = 0;
	user->shut = false;
	user->lost = user->lost_reported = 0;
	user->idle_ns = 0;
	collector->left_reported = false;
	for (message = user->queue.first; message; message = message->next)
		message->sent = false;
	worker_expect(&user->worker, 0);
	return 0;
}

static void leave_worker(struct collector *collector, struct user *user, bool killed)
{
	struct epoll_event event = { .events = EPOLLIN };
	size_t count = collector->left.count;

	collector->lost += user->lost;
	user->lost = 0;
	worker_leave(&user->worker, killed, user->uid, &collector->left);
	/* Its end makes collector_fd() readable. */
	if (collector->left.count > count)
		epoll_ctl(collector->epoll, EPOLL_CTL_ADD, collector->left.worker[count].pidfd,
			  &event);
}

/* It has missed its deadline, or ended; what is open goes to another that looks at nothing. */
static void replace_worker(struct collector *collector, struct user *user,
			   struct incident_messages *messages, const char *what)
{
	leave_worker(collector, user, true);
	user->blind = true;
	user->failed_ns = now_ns(CLOCK_MONOTONIC);
	add_message(
		messages, user->uid, true,
		"incidents of user id %u: the process that reads for them %s; %zu such are left "
		"behind; this user's processes are not looked at for now",
		user->uid, what, collector->left.count);
	if (++user->failures == 1 || !user->queue.first)
		return;
	/* Not for a look, then, and not better the next time. */
	add_message(messages, user->uid, true,
		    "incidents of user id %u that were open are lost, and counted", user->uid);
	collector->lost += user->open ? user->open : 1;
	collector_queue_clear(&user->queue);
}

/* Sends what waits; false: it has to wait on. */
static bool send_messages(struct user *user)
{
	struct collector_message **place = &user->queue.first, *message;
	struct iovec parts[2];

	while ((message = *place)) {
		if (message->sent) {
			place = &message->next;
			continue;
		}
		parts[0] = (struct iovec){ &message->header, sizeof(message->header) };
		parts[1] = (struct iovec){ message->body, message->size };
		if (worker_send(&user->worker, parts, 2))
			return false;
		if (!user->unanswered++ || !user->worker.expects)
			worker_expect(&user->worker, 0);
		user->idle_ns = 0;
		message->sent = true;
		if (message->header.kind == COLLECTOR_STACK)
			collector_queue_drop(&user->queue, place);
		else
			place = &message->next;
	}
	return true;
}

static void take_status(struct user *user, const struct collector_answer *status,
			struct incident_messages *messages)
{
	user->unanswered -= status->taken < user->unanswered ? status->taken : user->unanswered;
	user->open = status->open;
	user->lost = status->lost;
	if (user->unanswered)
		worker_expect(&user->worker, 0);
	else if (status->open)
		worker_expect(&user->worker,
			      status->wait_ms > 0 ? (maze_u64)status->wait_ms * MAZE_NSEC_PER_MSEC
						  : 0);
	else
		worker_expect_nothing(&user->worker);
	if (user->unanswered || status->open)
		return;
	if (user->lost > user->lost_reported)
		add_message(messages, user->uid, true, "%llu incidents of user id %u are lost",
			    user->lost - user->lost_reported, user->uid);
	user->lost_reported = user->lost;
	collector_queue_clear_sent(&user->queue);
	user->idle_ns = user->queue.first ? 0 : now_ns(CLOCK_MONOTONIC);
	user->failures = 0;
}

/* False: it has ended. */
static bool take_answers(struct user *user, struct incident_messages *messages)
{
	struct collector_answer answer;
	ssize_t got;

	/* A sentence that has no room is left where it is. */
	while (messages->count < MESSAGES_FULL) {
		got = worker_receive(&user->worker, &answer, sizeof(answer));
		if (got == -EAGAIN)
			return true;
		if (got != sizeof(answer))
			return false;
		if (answer.kind == COLLECTOR_STATUS)
			take_status(user, &answer, messages);
		else if (answer.kind == COLLECTOR_CLOSED)
			collector_queue_close(&user->queue, answer.pid, answer.tid, answer.episode);
		else
			add_message(messages, user->uid, answer.trouble, "%.*s",
				    (int)sizeof(answer.text) - 1, answer.text);
	}
	return true;
}

/* What it waits for is past: it may look at processes again. */
static bool may_see(const struct collector *collector, const struct user *user)
{
	return !workers_left_by(&collector->left, user->uid) &&
	       now_ns(CLOCK_MONOTONIC) - user->failed_ns > BLIND_NS;
}

static void check_worker(struct collector *collector, struct user *user,
			 struct incident_messages *messages)
{
	maze_u64 step_ns = (maze_u64)(collector->asked_ms + STEP_MS) * MAZE_NSEC_PER_MSEC;

	if (!take_answers(user, messages)) {
		replace_worker(collector, user, messages, "has ended before its time");
	} else if (worker_is_late(&user->worker, DEADLINE_NS, step_ns) &&
		   messages->count < MESSAGES_FULL) {
		/* Were it full, an answer might be there that was not taken. */
		replace_worker(collector, user, messages, "has not answered in time");
	} else if (user->idle_ns && user->blind && may_see(collector, user)) {
		leave_worker(collector, user, false);
		user->blind = false;
	} else if (user->idle_ns && user != &collector->users[0] && !user->blind &&
		   now_ns(CLOCK_MONOTONIC) - user->idle_ns > IDLE_NS) {
		leave_worker(collector, user, false);
	}
}

/* False: none can be had, and what waited for it is lost. */
static bool get_worker(struct collector *collector, struct user *user,
		       struct incident_messages *messages)
{
	int err = start_worker(collector, user);

	if (!err)
		return true;
	if (!collector->left_reported)
		add_message(messages, user->uid, true,
			    "no process can be started that reads for incidents (%s; %zu are left "
			    "behind); incidents are lost, and counted",
			    strerror(-err), collector->left.count);
	collector->left_reported = true;
	collector->lost++;
	collector_queue_clear(&user->queue);
	return false;
}

/* A user's turn; milliseconds until it wants another, -1: when something comes. */
static int serve(struct collector *collector, struct user *user, struct incident_messages *messages)
{
	bool own = user == &collector->users[0];

	if (user->worker.fd >= 0)
		check_worker(collector, user, messages);
	if (user->worker.fd < 0 && !user->queue.first) {
		user->used = own || user->blind;
		return -1;
	}
	if (user->worker.fd < 0 && !get_worker(collector, user, messages))
		return -1;
	if (!send_messages(user))
		return RETRY_MS;
	if (user->worker.expects)
		return STEP_MS + (int)(user->worker.allowed_ns / MAZE_NSEC_PER_MSEC);
	return own && !user->blind ? -1 : (int)(IDLE_NS / MAZE_NSEC_PER_MSEC) + 1;
}

/* ---- users ---------------------------------------------------------------------------------- */

static struct user *find_user(struct collector *collector, unsigned int uid)
{
	size_t i;

	for (i = 0; i < USERS_MAX; i++)
		if (collector->users[i].used && collector->users[i].uid == uid)
			return &collector->users[i];
	return NULL;
}

static struct user *find_by_episode(struct collector *collector, maze_u32 pid, maze_u32 tid,
				    maze_u32 episode)
{
	const struct collector_message *message;
	size_t i;

	for (i = 0; i < USERS_MAX; i++)
		for (message = collector->users[i].queue.first; message; message = message->next)
			if (collector_message_is_of(message, pid, tid, episode))
				return &collector->users[i];
	return NULL;
}

static struct user *add_user(struct collector *collector, unsigned int uid)
{
	struct user *user, *idle = NULL;
	size_t i;

	/* The first is the caller's own. */
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
		leave_worker(collector, idle, false);
		user = idle;
	}
	*user = (struct user){ .used = true, .uid = uid, .worker.fd = -1 };
	collector_queue_init(&user->queue);
	return user;
}

static struct user *user_of(struct collector *collector, unsigned int uid)
{
	struct user *user = NULL;

	/* A directory that is not shared has one worker for all. */
	if (!collector->options.shared)
		return &collector->users[0];
	user = find_user(collector, uid) ?: add_user(collector, uid);
	if (user)
		return user;
	collector->lost++;
	if (!collector->crowd_reported)
		add_message(&collector->later, uid, true,
			    "more than %d users have incidents at once; those of user id %u are "
			    "lost, and "
			    "counted",
			    USERS_MAX, uid);
	collector->crowd_reported = true;
	return NULL;
}

static void hand_on(struct collector *collector, struct user *user,
		    const struct collector_header *header, const void *body, size_t size)
{
	if (user && !collector_queue_add(&user->queue, header, body, size) &&
	    header->kind == COLLECTOR_RECORD)
		collector->lost++;
}

/* ---- the interface ---------------------------------------------------------------------------- */

void collector_record(struct collector *collector, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy)
{
	const struct collector_header header = { COLLECTOR_RECORD, record->pid, record->tid,
						 record->episode };
	struct collector_record message = { .record = *record };
	struct user *user;
	size_t i;

	snprintf(message.engine, sizeof(message.engine), "%s", engine);
	snprintf(message.rule, sizeof(message.rule), "%s", rule ? rule : "");
	message.has_policy = policy != NULL;
	if (policy)
		message.policy = *policy;
	user = find_by_episode(collector, record->pid, record->tid, record->episode);
	switch (record->event) {
	case MAZE_EVENT_SOFT:
	case MAZE_EVENT_HARD:
		hand_on(collector, user ?: user_of(collector, record->uid), &header, &message,
			sizeof(message));
		return;
	case MAZE_EVENT_EXIT:
		/* Of the thread's earlier episodes, too. */
		if (!user)
			user = collector->options.shared ? find_user(collector, record->uid)
							 : &collector->users[0];
		hand_on(collector, user, &header, &message, sizeof(message));
		return;
	case MAZE_EVENT_LOST:
		for (i = 0; i < USERS_MAX; i++)
			if (collector->users[i].used && collector->users[i].open)
				hand_on(collector, &collector->users[i], &header, &message,
					sizeof(message));
		return;
	}
}

void collector_process_info(struct collector *collector, const struct maze_process_info *recorded)
{
	const struct collector_header header = { COLLECTOR_PROCESS_INFO, recorded->pid,
						 recorded->tid, recorded->episode };
	struct user *user =
		find_by_episode(collector, recorded->pid, recorded->tid, recorded->episode);
	bool opens = !user;

	user = user ?: user_of(collector, recorded->uid);
	if (!user || (opens && collector_queue_is_behind(&user->queue)))
		return;
	hand_on(collector, user, &header, recorded, sizeof(*recorded));
}

void collector_stack(struct collector *collector, const struct maze_stack *stack)
{
	const struct collector_header header = { COLLECTOR_STACK, stack->pid, stack->tid,
						 stack->episode };

	hand_on(collector, find_by_episode(collector, stack->pid, stack->tid, stack->episode),
		&header, stack, sizeof(*stack));
}

int collector_work(struct collector *collector, struct incident_messages *ret)
{
	struct incident_messages *messages = &collector->later;
	struct user *user;
	int wait_ms = -1;

	workers_left_reap(&collector->left);
	for (user = collector->users; user < collector->users + USERS_MAX; user++) {
		if (user->used && messages->count < MESSAGES_FULL)
			wait_ms = sooner(wait_ms, serve(collector, user, messages));
		else if (user->used)
			wait_ms = 0;
	}
	collector->asked_ms = wait_ms > 0 ? wait_ms : 0;
	*ret = *messages;
	messages->count = 0;
	return wait_ms;
}

int collector_fd(const struct collector *collector)
{
	return collector->epoll;
}

maze_u64 collector_lost(const struct collector *collector)
{
	maze_u64 lost = collector->lost;
	size_t i;

	for (i = 0; i < USERS_MAX; i++)
		lost += collector->users[i].used ? collector->users[i].lost : 0;
	return lost;
}

size_t collector_left_behind(const struct collector *collector)
{
	return collector->left.count;
}

/* ---- up and down -------------------------------------------------------------------------------- */

int collector_open(const struct incidents_options *options, struct collector **ret,
		   struct maze_error *error)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	struct user *own = collector ? &collector->users[0] : NULL;
	struct redactor *redactor = NULL;
	int err;

	if (!collector)
		return maze_fail(error, -ENOMEM, "out of memory");
	/* What is wrong with them is better known here than in a worker. */
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
	*own = (struct user){ .used = true, .uid = geteuid(), .worker.fd = -1 };
	collector_queue_init(&own->queue);
	/* It tries the directory, and goes on to remove what grows old in it. */
	err = start_worker(collector, own);
	if (err) {
		close(collector->epoll);
		free(collector);
		return maze_fail(error, err, "no process can be started for incidents: %s",
				 strerror(-err));
	}
	*ret = collector;
	return 0;
}

/* True: it has written what was open, and ended. */
static bool end_worker(struct collector *collector, struct user *user,
		       struct incident_messages *messages)
{
	const maze_u64 step_ns = STEP_MS * MAZE_NSEC_PER_MSEC;

	if (!user->shut && send_messages(user)) {
		user->shut = !shutdown(user->worker.fd, SHUT_WR);
		worker_expect(&user->worker, 0);
	}
	if (!take_answers(user, messages))
		return true;
	if (!user->blind && worker_is_late(&user->worker, CLOSE_LATE_NS, step_ns))
		replace_worker(collector, user, messages, "has not ended in time");
	return false;
}

static void end_user(struct collector *collector, struct user *user)
{
	leave_worker(collector, user, false);
	collector_queue_clear(&user->queue);
}

static bool end_workers(struct collector *collector, struct incident_messages *messages)
{
	struct incident_messages unheard;
	struct user *user;
	bool ended = true;

	for (user = collector->users; user < collector->users + USERS_MAX; user++) {
		if (!user->used)
			continue;
		if (messages->count >= MESSAGES_FULL) {
			unheard.count = 0;
			messages = &unheard;
		}
		if (user->worker.fd < 0 && user->queue.first)
			get_worker(collector, user, messages);
		if (user->worker.fd >= 0 && !end_worker(collector, user, messages))
			ended = false;
		else if (user->worker.fd >= 0)
			end_user(collector, user);
	}
	return ended;
}

void collector_close(struct collector *collector, struct incident_messages *ret)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * (long)MAZE_NSEC_PER_MSEC };
	struct incident_messages none = { 0 }, *messages = ret ? ret : &none;
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + CLOSE_NS;
	struct user *user;
	size_t i;

	if (ret)
		ret->count = 0;
	if (!collector)
		return;
	while (!end_workers(collector, messages) && now_ns(CLOCK_MONOTONIC) < until)
		nanosleep(&pause, NULL);
	for (user = collector->users; user < collector->users + USERS_MAX; user++) {
		if (user->used && user->worker.fd >= 0)
			leave_worker(collector, user, true);
		collector_queue_clear(&user->queue);
	}
	workers_left_reap(&collector->left);
	for (i = 0; i < collector->left.count; i++)
		close(collector->left.worker[i].pidfd);
	close(collector->epoll);
	free(collector);
}
