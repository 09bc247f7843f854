/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worker process (rules/cmdline.h) answers requests in order. So if it misses its
 * deadline, it is blocked in the first request. The other requests are then sent to a new
 * worker.
 */
#include "cmdlines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "../rules/cmdline.h"

/* For this time after a missed deadline, the user's command lines count as empty. */
#define SUSPECT_USEC (60 * 1000000ULL)
#define SUSPECTS_MAX 64
/* The number of hash chains. The PID of a request selects its chain. */
#define CHAINS 256

struct pending {
	struct pending *next;	    /* in the order of sending */
	struct pending *chain_next; /* in the same chain */
	struct cmdline_request request;
	uid_t uid;
	bool sent;
	bool repeat; /* requested again after it was sent, maybe because of an exec */
};

struct suspect {
	uid_t uid;
	uint64_t until_usec;
};

struct cmdlines {
	sd_event *event;
	struct log *log;
	void (*on_answer)(void *arg, pid_t pid);
	void *arg;
	struct worker worker; /* fd -1: no worker runs */
	sd_event_source *readable, *timer;
	struct workers_left left;
	struct pending *first, **last;
	struct pending *chains[CHAINS];
	size_t count;
	struct suspect suspects[SUSPECTS_MAX]; /* the oldest is replaced */
	size_t suspects_next;
	const struct cmdline_answer *current; /* the answer while on_answer() runs; else NULL */
	uint64_t reported_usec;
};

static uint64_t now_usec(const struct cmdlines *cmdlines)
{
	uint64_t now = 0;

	sd_event_now(cmdlines->event, CLOCK_MONOTONIC, &now);
	return now;
}

static struct pending **chain_of(struct cmdlines *cmdlines, pid_t pid)
{
	return &cmdlines->chains[(unsigned int)pid % CHAINS];
}

static struct pending *find(struct cmdlines *cmdlines, const struct cmdline_request *request)
{
	struct pending *pending = *chain_of(cmdlines, request->pid);

	while (pending &&
	       (pending->request.pid != request->pid || pending->request.start != request->start))
		pending = pending->chain_next;
	return pending;
}

static void append(struct cmdlines *cmdlines, struct pending *pending)
{
	pending->next = NULL;
	*cmdlines->last = pending;
	cmdlines->last = &pending->next;
}

static struct pending *unlink_first(struct cmdlines *cmdlines)
{
	struct pending *pending = cmdlines->first;

	cmdlines->first = pending->next;
	if (!cmdlines->first)
		cmdlines->last = &cmdlines->first;
	return pending;
}

/* Removes the first request. Answers come in order, so they are for the first request. */
static void drop_first(struct cmdlines *cmdlines)
{
	struct pending *pending = unlink_first(cmdlines);
	struct pending **slot = chain_of(cmdlines, pending->request.pid);

	while (*slot != pending)
		slot = &(*slot)->chain_next;
	*slot = pending->chain_next;
	cmdlines->count--;
	free(pending);
}

/* Queues the first request again, because its answer may be from before an exec. */
static void requeue_first(struct cmdlines *cmdlines)
{
	struct pending *pending = unlink_first(cmdlines);

	pending->sent = pending->repeat = false;
	append(cmdlines, pending);
}

static void stop_worker(struct cmdlines *cmdlines, bool killed, uid_t uid)
{
	cmdlines->readable = sd_event_source_disable_unref(cmdlines->readable);
	worker_leave(&cmdlines->worker, killed, uid, &cmdlines->left);
}

static bool is_suspect(struct cmdlines *cmdlines, uid_t uid)
{
	uint64_t now = now_usec(cmdlines);
	size_t i;

	if (workers_left_by(&cmdlines->left, uid))
		return true;
	for (i = 0; i < SUSPECTS_MAX; i++)
		if (cmdlines->suspects[i].uid == uid && cmdlines->suspects[i].until_usec > now)
			return true;
	return false;
}

static void answer_first(struct cmdlines *cmdlines, const struct cmdline_answer *answer)
{
	pid_t pid = cmdlines->first->request.pid;

	/*
	 * Rules use this answer until the next one, so repeated execs do not evade them.
	 */
	if (cmdlines->first->repeat && !is_suspect(cmdlines, cmdlines->first->uid))
		requeue_first(cmdlines);
	else
		drop_first(cmdlines);
	cmdlines->current = answer;
	cmdlines->on_answer(cmdlines->arg, pid);
	cmdlines->current = NULL;
}

static void complain(struct cmdlines *cmdlines, const struct pending *pending, const char *what)
{
	uint64_t now = now_usec(cmdlines);

	if (cmdlines->reported_usec && now - cmdlines->reported_usec < SUSPECT_USEC)
		return;
	cmdlines->reported_usec = now;
	log_printf(cmdlines->log, LOG_WARNING,
		   "the command line of process %d (user id %u) %s; rules use an empty one; %zu "
		   "blocked worker%s",
		   pending->request.pid, pending->uid, what, cmdlines->left.count,
		   cmdlines->left.count == 1 ? "" : "s");
}

static void answer_empty(struct cmdlines *cmdlines, const char *what)
{
	struct cmdline_answer empty = { .pid = cmdlines->first->request.pid,
					.start = cmdlines->first->request.start };

	complain(cmdlines, cmdlines->first, what);
	answer_first(cmdlines, &empty);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *arg);

static int start_worker(struct cmdlines *cmdlines)
{
	struct pending *pending;
	int err = worker_start(cmdline_worker, NULL, NULL, 0, &cmdlines->worker);

	if (err)
		return err;
	err = sd_event_add_io(cmdlines->event, &cmdlines->readable, cmdlines->worker.fd, EPOLLIN,
			      on_readable, cmdlines);
	if (err < 0) {
		stop_worker(cmdlines, true, geteuid());
		return err;
	}
	for (pending = cmdlines->first; pending; pending = pending->next)
		pending->sent = false;
	return 0;
}

/*
 * Sends the queued requests. Starts a worker if none runs, unless too many are blocked.
 */
static void serve(struct cmdlines *cmdlines)
{
	struct pending *pending;

	workers_left_reap(&cmdlines->left);
	while (cmdlines->first && cmdlines->worker.fd < 0) {
		if (workers_left_allow(&cmdlines->left, cmdlines->first->uid) &&
		    !start_worker(cmdlines))
			break;
		answer_empty(cmdlines, "cannot be read: too many workers are blocked");
	}
	for (pending = cmdlines->first; pending; pending = pending->next) {
		if (!pending->sent && cmdline_send(&cmdlines->worker, &pending->request))
			break;
		pending->sent = true;
	}
	sd_event_source_set_time_relative(cmdlines->timer, CMDLINE_CHECK_MS * 1000);
	sd_event_source_set_enabled(cmdlines->timer,
				    cmdlines->first ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* The worker is blocked in the first request or has ended. The answer is then empty. */
static void give_up_first(struct cmdlines *cmdlines, const char *what)
{
	uid_t uid = cmdlines->first->uid;

	stop_worker(cmdlines, true, uid);
	cmdlines->suspects[cmdlines->suspects_next++ % SUSPECTS_MAX] =
		(struct suspect){ .uid = uid, .until_usec = now_usec(cmdlines) + SUSPECT_USEC };
	answer_empty(cmdlines, what);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	static struct cmdline_answer answer;
	struct cmdlines *cmdlines = arg;
	ssize_t got;

	(void)source;
	(void)fd;
	(void)revents;
	while ((got = worker_receive(&cmdlines->worker, &answer, sizeof(answer))) ==
	       sizeof(answer)) {
		if (cmdlines->first)
			answer_first(cmdlines, &answer);
		if (cmdlines->first)
			worker_expect(&cmdlines->worker, 0);
		else
			worker_expect_nothing(&cmdlines->worker);
	}
	if (got != -EAGAIN && cmdlines->first)
		give_up_first(cmdlines, "cannot be read: the worker ended");
	else if (got != -EAGAIN)
		stop_worker(cmdlines, true, geteuid());
	serve(cmdlines);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct cmdlines *cmdlines = arg;

	(void)source;
	(void)usec;
	if (cmdlines->worker.fd >= 0 && cmdlines->first && cmdline_is_late(&cmdlines->worker))
		give_up_first(cmdlines, "cannot be read: reading its memory timed out");
	serve(cmdlines);
	return 0;
}

int cmdlines_get(void *arg, const struct subject_source *source, struct subject *subject)
{
	struct cmdlines *cmdlines = arg;
	const struct cmdline_answer *current = cmdlines->current;
	struct pending *pending;
	struct cmdline_request request;
	int err = cmdline_request(source, subject, &request);

	if (err)
		return err;
	if (current && current->pid == request.pid && current->start == request.start) {
		memcpy(subject->cmdline, current->text, sizeof(current->text));
		return current->err;
	}
	workers_left_reap(&cmdlines->left);
	if (is_suspect(cmdlines, subject->uid)) {
		subject->cmdline[0] = '\0';
		return 0;
	}
	pending = find(cmdlines, &request);
	if (pending) {
		pending->repeat = pending->sent;
		return -EINPROGRESS;
	}
	pending = calloc(1, sizeof(*pending));
	if (!pending)
		return -ENOMEM;
	pending->request = request;
	pending->uid = subject->uid;
	append(cmdlines, pending);
	pending->chain_next = *chain_of(cmdlines, request.pid);
	*chain_of(cmdlines, request.pid) = pending;
	cmdlines->count++;
	/*
	 * A failed start calls on_answer(), which must not run here. So the timer starts
	 * the worker.
	 */
	sd_event_source_set_time_relative(cmdlines->timer, 0);
	sd_event_source_set_enabled(cmdlines->timer, SD_EVENT_ONESHOT);
	return -EINPROGRESS;
}

size_t cmdlines_pending(const struct cmdlines *cmdlines)
{
	return cmdlines->count;
}

int cmdlines_open(sd_event *event, struct log *log, void (*on_answer)(void *arg, pid_t pid),
		  void *arg, struct cmdlines **ret_cmdlines)
{
	struct cmdlines *cmdlines = calloc(1, sizeof(*cmdlines));
	int err;

	if (!cmdlines)
		return -ENOMEM;
	*cmdlines = (struct cmdlines){
		.event = event, .log = log, .on_answer = on_answer, .arg = arg, .worker.fd = -1
	};
	cmdlines->last = &cmdlines->first;
	err = sd_event_add_time(event, &cmdlines->timer, CLOCK_MONOTONIC, 0, 1, on_timer, cmdlines);
	if (err < 0) {
		free(cmdlines);
		return err;
	}
	sd_event_source_set_enabled(cmdlines->timer, SD_EVENT_OFF);
	*ret_cmdlines = cmdlines;
	return 0;
}

void cmdlines_close(struct cmdlines *cmdlines)
{
	size_t i;

	if (!cmdlines)
		return;
	if (cmdlines->worker.fd >= 0)
		stop_worker(cmdlines, true, geteuid());
	while (cmdlines->first)
		drop_first(cmdlines);
	sd_event_source_disable_unref(cmdlines->timer);
	workers_left_reap(&cmdlines->left);
	for (i = 0; i < cmdlines->left.count; i++)
		close(cmdlines->left.worker[i].pidfd);
	free(cmdlines);
}
