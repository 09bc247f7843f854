/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A user's queue keeps each message until its incident is closed, because a replacement
 * of the worker needs the message to write the incident. Stacks are large, so the queue
 * drops them as soon as they are sent.
 */
#include "collector_users.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../base/clock.h"

/* The longest wait for an answer, which may be late because of a busy disk. */
#define DEADLINE_NS (5 * MAZE_NSEC_PER_SEC)
/* After a worker was left behind, the user's workers read no process for this time. */
#define BLIND_NS (60 * MAZE_NSEC_PER_SEC)
/* A worker that is not the caller's own ends after this time without an incident. */
#define IDLE_NS (60 * MAZE_NSEC_PER_SEC)
/* At the end a worker needs at most two seconds. It is replaced after this time. */
#define CLOSE_LATE_NS (3 * MAZE_NSEC_PER_SEC)
#define STEP_MS 1000
/* The last answer and a failure may add three messages, so three places stay free. */
#define MESSAGES_FULL (INCIDENT_MESSAGES_MAX - 3)

int collector_start_worker(struct collector *collector, struct collector_user *user)
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
	err = worker_start(collector_worker, &options, NULL, 0, &user->worker);
	if (err)
		return err;
	epoll_ctl(collector->epoll, EPOLL_CTL_ADD, user->worker.fd, &event);
	user->unanswered = user->open = 0;
	user->input_closed = false;
	user->lost = user->lost_reported = 0;
	user->idle_ns = 0;
	collector->left_reported = false;
	for (message = user->queue.first; message; message = message->next)
		message->sent = false;
	worker_expect(&user->worker, 0);
	return 0;
}

void collector_leave_worker(struct collector *collector, struct collector_user *user, bool killed)
{
	struct epoll_event event = { .events = EPOLLIN };
	size_t count = collector->left.count;

	collector->lost += user->lost - user->lost_reported;
	user->lost = user->lost_reported = 0;
	worker_leave(&user->worker, killed, user->uid, &collector->left);
	/* Make collector_fd() readable when the worker ends. */
	if (collector->left.count > count)
		epoll_ctl(collector->epoll, EPOLL_CTL_ADD, collector->left.worker[count].pidfd,
			  &event);
}

/* Replaces a late or ended worker. The next one gets the messages of open incidents. */
static void replace_worker(struct collector *collector, struct collector_user *user,
			   struct incident_messages *messages, const char *what)
{
	collector_leave_worker(collector, user, true);
	user->blind = true;
	user->failed_ns = now_ns(CLOCK_MONOTONIC);
	incident_messages_add(
		messages, user->uid, true,
		"incidents of user id %u: the worker process %s; workers left behind: %zu; "
		"this user's processes are not read for now",
		user->uid, what, collector->left.count);
	if (++user->failures == 1 || !user->queue.first)
		return;
	/* This worker was already a replacement, so another one would fail too. */
	incident_messages_add(messages, user->uid, true,
			      "the open incidents of user id %u are lost and counted", user->uid);
	collector->lost += user->open ? user->open : 1;
	collector_queue_clear(&user->queue);
}

/* Returns false if the socket is full. */
static bool send_messages(struct collector_user *user)
{
	struct collector_message **link = &user->queue.first, *message;
	struct iovec parts[2];

	while ((message = *link)) {
		if (message->sent) {
			link = &message->next;
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
			collector_queue_drop(&user->queue, link);
		else
			link = &message->next;
	}
	return true;
}

static void take_status(struct collector_user *user, const struct collector_answer *status,
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
		incident_messages_add(messages, user->uid, true,
				      "%llu incidents of user id %u are lost",
				      user->lost - user->lost_reported, user->uid);
	messages->lost += user->lost - user->lost_reported;
	user->lost_reported = user->lost;
	collector_queue_clear_sent(&user->queue);
	user->idle_ns = user->queue.first ? 0 : now_ns(CLOCK_MONOTONIC);
	user->failures = 0;
}

/*
 * The worker reads what the user controls, and may be taken over. So what is logged about a
 * verdict comes from the queue. If that has dropped it, only the text is logged.
 */
static void trust_record(const struct collector_user *user, struct incident_written *written)
{
	const struct collector_message *message;
	const struct collector_record *found = NULL;

	for (message = user->queue.first; message; message = message->next)
		if (episode_key_equal(&message->header.key, &written->key))
			found = collector_message_verdict(message) ?: found;
	if (!found) {
		written->id[0] = '\0';
		return;
	}
	written->record = found->record;
	memcpy(written->rule, found->rule, sizeof(written->rule));
}

static void take_message(const struct collector_user *user, struct incident_message *message,
			 struct incident_messages *messages)
{
	struct incident_written *written = &message->written;

	if (written->id[0]) {
		messages->written += written->again ? 0 : 1;
		trust_record(user, written);
	}
	incident_messages_copy(messages, user->uid, message);
}

/* Returns false if the worker has ended. */
static bool take_answers(struct collector_user *user, struct incident_messages *messages)
{
	struct collector_answer answer;
	ssize_t got;

	/* The socket keeps the answers that `messages` has no room for. */
	while (messages->count < MESSAGES_FULL) {
		got = worker_receive(&user->worker, &answer, sizeof(answer));
		if (got == -EAGAIN)
			return true;
		if (got != sizeof(answer))
			return false;
		if (answer.kind == COLLECTOR_STATUS)
			take_status(user, &answer, messages);
		else if (answer.kind == COLLECTOR_WRITTEN)
			collector_queue_written(&user->queue, &answer.key);
		else if (answer.kind == COLLECTOR_CLOSED)
			collector_queue_close(&user->queue, &answer.key);
		else if (answer.kind == COLLECTOR_MESSAGE)
			take_message(user, &answer.message, messages);
	}
	return true;
}

/* Whether the next worker may read processes again. */
static bool may_see(const struct collector *collector, const struct collector_user *user)
{
	return !workers_left_by(&collector->left, user->uid) &&
	       now_ns(CLOCK_MONOTONIC) - user->failed_ns > BLIND_NS;
}

static void check_worker(struct collector *collector, struct collector_user *user,
			 struct incident_messages *messages)
{
	maze_u64 step_ns = (maze_u64)(collector->wait_ms + STEP_MS) * MAZE_NSEC_PER_MSEC;

	if (!take_answers(user, messages)) {
		replace_worker(collector, user, messages, "has ended early");
	} else if (worker_is_late(&user->worker, DEADLINE_NS, step_ns) &&
		   messages->count < MESSAGES_FULL) {
		/* If `messages` was full, the worker may have answered in time. */
		replace_worker(collector, user, messages, "has not answered in time");
	} else if (user->idle_ns && user->blind && may_see(collector, user)) {
		collector_leave_worker(collector, user, false);
		user->blind = false;
	} else if (user->idle_ns && user != &collector->users[0] && !user->blind &&
		   now_ns(CLOCK_MONOTONIC) - user->idle_ns > IDLE_NS) {
		collector_leave_worker(collector, user, false);
	}
}

/* Returns false if no worker can be started. The queued messages are then lost. */
static bool get_worker(struct collector *collector, struct collector_user *user,
		       struct incident_messages *messages)
{
	int err = collector_start_worker(collector, user);

	if (!err)
		return true;
	if (!collector->left_reported)
		incident_messages_add(messages, user->uid, true,
				      "cannot start a worker process for incidents (%s; "
				      "workers left behind: %zu); incidents are lost and counted",
				      strerror(-err), collector->left.count);
	collector->left_reported = true;
	collector->lost++;
	collector_queue_clear(&user->queue);
	return false;
}

int collector_serve(struct collector *collector, struct collector_user *user,
		    struct incident_messages *messages)
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

/* Returns true if the worker has written its open incidents and ended. */
static bool end_worker(struct collector *collector, struct collector_user *user,
		       struct incident_messages *messages)
{
	const maze_u64 step_ns = STEP_MS * MAZE_NSEC_PER_MSEC;

	if (!user->input_closed && send_messages(user)) {
		user->input_closed = !shutdown(user->worker.fd, SHUT_WR);
		worker_expect(&user->worker, 0);
	}
	if (!take_answers(user, messages))
		return true;
	if (!user->blind && worker_is_late(&user->worker, CLOSE_LATE_NS, step_ns))
		replace_worker(collector, user, messages, "has not ended in time");
	return false;
}

void collector_end_user(struct collector *collector, struct collector_user *user, bool killed)
{
	/* The worker told those that it has lost itself, so they are not in the queue. */
	collector->lost += collector_queue_unwritten(&user->queue);
	if (user->worker.fd >= 0)
		collector_leave_worker(collector, user, killed);
	collector_queue_clear(&user->queue);
}

bool collector_has_room(const struct incident_messages *messages)
{
	return messages->count < MESSAGES_FULL;
}

bool collector_end_workers(struct collector *collector, struct incident_messages *messages)
{
	/* What has no room is counted, but not told. */
	struct incident_messages untold = { 0 }, *told = messages;
	struct collector_user *user;
	bool ended = true;

	for (user = collector->users; user < collector->users + USERS_MAX; user++) {
		if (!user->used)
			continue;
		if (messages->count >= MESSAGES_FULL) {
			untold.count = 0;
			messages = &untold;
		}
		if (user->worker.fd < 0 && user->queue.first)
			get_worker(collector, user, messages);
		if (user->worker.fd >= 0 && !end_worker(collector, user, messages))
			ended = false;
		else if (user->worker.fd >= 0)
			collector_end_user(collector, user, false);
	}
	told->written += untold.written;
	told->lost += untold.lost;
	return ended;
}
