/* SPDX-License-Identifier: GPL-2.0-only */
#include "collector_worker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "incident_samples.h"

/* The maximum of messages that the worker takes between two calls of incidents_work(). */
#define BATCH_MAX 64
/* The time between two status answers during long work. */
#define STATUS_NS (250 * MAZE_NSEC_PER_MSEC)

/* Closed incidents that are told at once. */
#define CLOSED_MAX 64

struct worker_loop {
	int fd;
	struct incidents *incidents;
	maze_u32 taken;
	maze_u64 answered_ns;
	bool ended;
	struct episode_key closed[CLOSED_MAX];
	size_t closed_count;
};

/* ---- answers ----------------------------------------------------------------------- */

/* Waits if the socket is full. The parent reads the socket in each turn of its loop. */
static void answer(struct worker_loop *loop, const struct collector_answer *answer)
{
	if (send(loop->fd, answer, sizeof(*answer), MSG_NOSIGNAL) < 0 && errno != EINTR)
		loop->ended = true;
}

static void answer_messages(struct worker_loop *loop, const struct incident_messages *messages)
{
	struct collector_answer line = { .kind = COLLECTOR_MESSAGE };
	size_t i;

	for (i = 0; i < messages->count; i++) {
		line.message = messages->message[i];
		answer(loop, &line);
	}
}

static void answer_closed(struct worker_loop *loop)
{
	struct collector_answer line = { .kind = COLLECTOR_CLOSED };
	size_t i;

	for (i = 0; i < loop->closed_count; i++) {
		line.key = loop->closed[i];
		answer(loop, &line);
	}
	loop->closed_count = 0;
}

/* Told at once: at its end the worker may be killed before it is through. */
static void on_written(void *arg, const struct episode_key *written)
{
	const struct collector_answer line = { .kind = COLLECTOR_WRITTEN, .key = *written };

	answer(arg, &line);
}

/* Told after the messages, for which the collector looks up the verdicts (trust_record()). */
static void on_closed(void *arg, const struct episode_key *closed)
{
	struct worker_loop *loop = arg;

	if (loop->closed_count == CLOSED_MAX)
		answer_closed(loop);
	loop->closed[loop->closed_count++] = *closed;
}

static maze_u32 count_open(const struct incidents *incidents)
{
	maze_u32 count = 0;
	size_t i;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		count += incidents->open[i] != NULL;
	return count;
}

static void answer_status(struct worker_loop *loop, int wait_ms)
{
	struct collector_answer status = { .kind = COLLECTOR_STATUS,
					   .taken = loop->taken,
					   .open = count_open(loop->incidents),
					   .wait_ms = wait_ms,
					   .lost = incidents_lost(loop->incidents) };
	maze_u64 now = now_ns(CLOCK_MONOTONIC);

	if (!loop->taken && wait_ms >= 0 && wait_ms < 250 && now - loop->answered_ns < STATUS_NS)
		return;
	answer(loop, &status);
	loop->taken = 0;
	loop->answered_ns = now;
}

/* ---- messages ---------------------------------------------------------------------- */

static void take_record(struct worker_loop *loop, const struct collector_record *message)
{
	incidents_take_samples(loop->incidents, &message->samples);
	loop->incidents->reaper = message->reaper;
	incidents_record(loop->incidents, &message->record, message->engine,
			 message->rule[0] ? message->rule : NULL,
			 message->has_policy ? &message->policy : NULL);
}

static void take_calls(struct worker_loop *loop, const struct collector_header *header,
		       const struct collector_calls_message *message)
{
	incidents_calls(loop->incidents, &header->key, message->missing, &message->slice);
}

static void take(struct worker_loop *loop, const struct collector_header *header, const void *body)
{
	loop->taken++;
	switch (header->kind) {
	case COLLECTOR_RECORD:
		take_record(loop, body);
		return;
	case COLLECTOR_PROCESS_INFO:
		incidents_process_info(loop->incidents, body);
		return;
	case COLLECTOR_STACK:
		incidents_stack(loop->incidents, body);
		return;
	case COLLECTOR_CALLS:
		take_calls(loop, header, body);
		return;
	case COLLECTOR_RUNS:
		incidents_runs(loop->incidents, &header->key, body);
		return;
	case COLLECTOR_ACTION:
		incidents_action(loop->incidents, &header->key, body);
		return;
	}
}

static void take_messages(struct worker_loop *loop)
{
	/* The buffer has 64-bit words, so that the received structures are aligned. */
	static maze_u64 body[(COLLECTOR_BODY_MAX + 7) / 8];
	struct collector_header header;
	struct iovec parts[] = { { &header, sizeof(header) }, { body, sizeof(body) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t got;
	int i;

	for (i = 0; i < BATCH_MAX; i++) {
		got = recvmsg(loop->fd, &message, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got < (ssize_t)sizeof(header)) {
			loop->ended = true;
			return;
		}
		take(loop, &header, body);
	}
}

void collector_worker(int fd, void *arg)
{
	struct worker_loop loop = { .fd = fd };
	struct pollfd fds[1 + INCIDENT_SAMPLERS_MAX] = { { .fd = fd, .events = POLLIN } };
	struct incident_messages messages;
	size_t count;
	int wait_ms;

	if (incidents_open(arg, &loop.incidents, NULL))
		_exit(1);
	incidents_listen(loop.incidents, on_written, on_closed, &loop);
	while (!loop.ended) {
		wait_ms = incidents_work(loop.incidents, &messages);
		answer_messages(&loop, &messages);
		answer_closed(&loop);
		answer_status(&loop, wait_ms);
		count = 1 + incident_samples_fds(loop.incidents, fds + 1);
		if (poll(fds, count, wait_ms) > 0 && fds[0].revents)
			take_messages(&loop);
	}
	incidents_listen(loop.incidents, on_written, NULL, &loop);
	incidents_close(loop.incidents, &messages);
	answer_messages(&loop, &messages);
}
