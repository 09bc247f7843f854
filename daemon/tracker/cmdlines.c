/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See cmdlines.h. Requests are answered in their order, so the first is the one that a worker
 * that is late is at. The others are asked of the next worker.
 */
#include "cmdlines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "../rules/cmdline.h"

#define SUSPECT_USEC (60 * 1000000ULL)
#define SUSPECTS_MAX 64
/* Chains of requests, by process. */
#define CHAINS 256

struct asked {
	struct asked *next;	  /* in the order of asking */
	struct asked *chain_next; /* of the same chain */
	struct cmdline_request request;
	uid_t uid;
	bool sent;
	bool again; /* looked at since it was sent: it may have executed another program */
};

struct suspect {
	uid_t uid;
	uint64_t until_usec;
};

struct cmdlines {
	sd_event *event;
	struct log *log;
	void (*answered)(void *arg, pid_t pid);
	void *arg;
	struct worker worker; /* fd -1: none runs */
	sd_event_source *readable, *timer;
	struct workers_left left;
	struct asked *first, **last;
	struct asked *chains[CHAINS];
	size_t count;
	struct suspect suspects[SUSPECTS_MAX]; /* the oldest is replaced */
	size_t suspects_next;
	const struct cmdline_answer *current; /* while answered() is called */
	uint64_t complained_usec;
};

static uint64_t now_usec(const struct cmdlines *cmdlines)
{
	uint64_t now = 0;

	sd_event_now(cmdlines->event, CLOCK_MONOTONIC, &now);
	return now;
}

static struct asked **chain_of(struct cmdlines *cmdlines, pid_t pid)
{
	return &cmdlines->chains[(unsigned int)pid % CHAINS];
}

static struct asked *find(struct cmdlines *cmdlines, const struct cmdline_request *request)
{
	struct asked *asked = *chain_of(cmdlines, request->pid);

	while (asked &&
	       (asked->request.pid != request->pid || asked->request.start != request->start))
		asked = asked->chain_next;
	return asked;
}

static void append(struct cmdlines *cmdlines, struct asked *asked)
{
	asked->next = NULL;
	*cmdlines->last = asked;
	cmdlines->last = &asked->next;
}

static struct asked *unlink_first(struct cmdlines *cmdlines)
{
	struct asked *asked = cmdlines->first;

	cmdlines->first = asked->next;
	if (!cmdlines->first)
		cmdlines->last = &cmdlines->first;
	return asked;
}

/* The first: answers come in the order of asking. */
static void drop_first(struct cmdlines *cmdlines)
{
	struct asked *asked = unlink_first(cmdlines);
	struct asked **place = chain_of(cmdlines, asked->request.pid);

	while (*place != asked)
		place = &(*place)->chain_next;
	*place = asked->chain_next;
	cmdlines->count--;
	free(asked);
}

/* The worker may have read the command line before the event that led to the last look. */
static void ask_first_again(struct cmdlines *cmdlines)
{
	struct asked *asked = unlink_first(cmdlines);

	asked->sent = asked->again = false;
	append(cmdlines, asked);
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

	/* The answer counts until the next one: a loop of execs does not escape the rules. */
	if (cmdlines->first->again && !is_suspect(cmdlines, cmdlines->first->uid))
		ask_first_again(cmdlines);
	else
		drop_first(cmdlines);
	cmdlines->current = answer;
	cmdlines->answered(cmdlines->arg, pid);
	cmdlines->current = NULL;
}

static void complain(struct cmdlines *cmdlines, const struct asked *asked, const char *what)
{
	uint64_t now = now_usec(cmdlines);

	if (cmdlines->complained_usec && now - cmdlines->complained_usec < SUSPECT_USEC)
		return;
	cmdlines->complained_usec = now;
	log_printf(
		cmdlines->log, LOG_WARNING,
		"the command line of process %d of user id %u %s (%zu processes that read one are "
		"left behind); rules see an empty one",
		asked->request.pid, asked->uid, what, cmdlines->left.count);
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
	struct asked *asked;
	int err = worker_start(cmdline_worker, NULL, &cmdlines->worker);

	if (err)
		return err;
	err = sd_event_add_io(cmdlines->event, &cmdlines->readable, cmdlines->worker.fd, EPOLLIN,
			      on_readable, cmdlines);
	if (err < 0) {
		stop_worker(cmdlines, true, geteuid());
		return err;
	}
	for (asked = cmdlines->first; asked; asked = asked->next)
		asked->sent = false;
	return 0;
}

/* Sends what waits; a worker that is missing is started, if that may be. */
static void serve(struct cmdlines *cmdlines)
{
	struct asked *asked;

	workers_left_reap(&cmdlines->left);
	while (cmdlines->first && cmdlines->worker.fd < 0) {
		if (workers_left_allow(&cmdlines->left, cmdlines->first->uid) &&
		    !start_worker(cmdlines))
			break;
		answer_empty(cmdlines, "cannot be read, for want of a process that may block");
	}
	for (asked = cmdlines->first; asked; asked = asked->next) {
		if (!asked->sent && cmdline_ask(&cmdlines->worker, &asked->request))
			break;
		asked->sent = true;
	}
	sd_event_source_set_time_relative(cmdlines->timer, CMDLINE_CHECK_MS * 1000);
	sd_event_source_set_enabled(cmdlines->timer,
				    cmdlines->first ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* The first of those that were asked about is the one that it is at. */
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
		give_up_first(cmdlines, "ended the process that read it");
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
		give_up_first(cmdlines, "cannot be read: its memory does not answer");
	serve(cmdlines);
	return 0;
}

int cmdlines_get(void *arg, const struct subject_source *source, struct subject *subject)
{
	struct cmdlines *cmdlines = arg;
	const struct cmdline_answer *current = cmdlines->current;
	struct asked *asked;
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
	asked = find(cmdlines, &request);
	if (asked) {
		asked->again = asked->sent;
		return -EINPROGRESS;
	}
	asked = calloc(1, sizeof(*asked));
	if (!asked)
		return -ENOMEM;
	asked->request = request;
	asked->uid = subject->uid;
	append(cmdlines, asked);
	asked->chain_next = *chain_of(cmdlines, request.pid);
	*chain_of(cmdlines, request.pid) = asked;
	cmdlines->count++;
	/* Not at once: a worker that cannot be started answers, and the caller is in a look. */
	sd_event_source_set_time_relative(cmdlines->timer, 0);
	sd_event_source_set_enabled(cmdlines->timer, SD_EVENT_ONESHOT);
	return -EINPROGRESS;
}

size_t cmdlines_pending(const struct cmdlines *cmdlines)
{
	return cmdlines->count;
}

int cmdlines_open(sd_event *event, struct log *log, void (*answered)(void *arg, pid_t pid),
		  void *arg, struct cmdlines **ret_cmdlines)
{
	struct cmdlines *cmdlines = calloc(1, sizeof(*cmdlines));
	int err;

	if (!cmdlines)
		return -ENOMEM;
	*cmdlines = (struct cmdlines){
		.event = event, .log = log, .answered = answered, .arg = arg, .worker.fd = -1
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
