/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Enrolment; see enrol.h. The kernel's events come in batches, and what is told of one
 * process several times in a batch is looked at once. A look goes by what the process
 * is then, so events that come late, twice or out of order do no harm; and those that
 * were lost are made good by looking at everything.
 *
 * Anybody can make events faster than they can be looked at: to give a thread a name
 * takes a microsecond. So where there are more than a batch of them, they have their
 * turn behind everything else, beside the clients of the control socket and a look at
 * everything, each in turn; and a look at everything ends before another begins. Who
 * begins while events are lost is found after two such looks at the latest, and nobody
 * can put that off any further.
 */
#include "tracker.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "../../base/error.h"
#include "apply_rule.h"
#include "../rules/match.h"

/* Looked at before anything else has its turn: some 5 ms. */
#define BATCH_MAX 128
/* Of a failure that is likely to repeat itself, one sentence in so long. */
#define COMPLAINT_USEC (60 * 1000000ULL)
/* Nobody waits for a number: it may be said with something else that wakes mazed. */
#define COMPLAINT_ACCURACY_USEC 1000000U
/* At once. By a timer, because a deferred source would go before all others, each time. */
#define TURN_USEC 0
#define TURN_ACCURACY_USEC 1

struct enrol {
	sd_event *event;
	struct maze *maze;
	struct log *log;
	struct assign assign;
	void (*settled)(void *arg);
	void *arg;
	struct maze_follower *follower;
	unsigned int wants;
	sd_event_source *told;	     /* the follower's; off while there is more than a batch */
	bool behind;		     /* there is */
	DIR *proc;		     /* while all are looked at */
	sd_event_source *turn;	     /* the next portion of what is left of either */
	bool settles;		     /* its end is to be told */
	bool scanned;		     /* one has ended since */
	bool again;		     /* events were lost since it began */
	maze_u64 lost;		     /* of these, those that were not said yet */
	sd_event_source *lost_later; /* when they are to be */
	maze_u64 failures;	     /* not said yet */
	uint64_t said_usec;
};

/* ---- one process -------------------------------------------------------------------- */

static void complain(struct enrol *enrol, pid_t pid, const struct maze_error *error)
{
	uint64_t now = 0;

	sd_event_now(enrol->event, CLOCK_MONOTONIC, &now);
	enrol->failures++;
	if (enrol->said_usec && now - enrol->said_usec < COMPLAINT_USEC)
		return;
	log_printf(enrol->log, LOG_WARNING, "process %d is not watched: %s%s", (int)pid,
		   error->text, enrol->failures > 1 ? " (and so were others)" : "");
	enrol->failures = 0;
	enrol->said_usec = now;
}

static void look(struct enrol *enrol, pid_t pid, pid_t tid, const struct assign_known *known)
{
	struct maze_error error = { "" };
	int err = assign_process(&enrol->assign, pid, tid, known, &error);

	/* Ended meanwhile, or never to be watched: both are as they should be. */
	if (!err || err == -ESRCH || err == -EINVAL || err == -EPERM)
		return;
	/* on_cmdline() looks again. */
	if (err == -EINPROGRESS)
		return;
	complain(enrol, pid, &error);
}

void enrol_look(struct enrol *enrol, pid_t pid, pid_t tid)
{
	static const struct assign_known unknown = { .known = false };

	look(enrol, pid, tid, &unknown);
}

int enrol_make_way(struct enrol *enrol, pid_t pid, pid_t tid, struct maze_error *error)
{
	return assign_make_way(&enrol->assign, pid, tid, error);
}

/* ---- all of them, in portions --------------------------------------------------------- */

static void stop_scan(struct enrol *enrol)
{
	if (enrol->proc)
		closedir(enrol->proc);
	enrol->proc = NULL;
}

static void take_turn_soon(struct enrol *enrol)
{
	sd_event_source_set_time_relative(enrol->turn, TURN_USEC);
	sd_event_source_set_enabled(enrol->turn, SD_EVENT_ONESHOT);
}

/* From the beginning. On failure one that is under way goes on. */
static int start_scan(struct enrol *enrol, struct maze_error *error)
{
	DIR *proc = opendir("/proc");

	if (!proc)
		return maze_fail(error, -errno, "/proc cannot be read: %s", strerror(errno));
	stop_scan(enrol);
	enrol->proc = proc;
	take_turn_soon(enrol);
	enrol->again = false;
	return 0;
}

/* Those whose command lines are asked for are not decided about. */
static void settle_if_done(struct enrol *enrol)
{
	if (!enrol->settles || !enrol->scanned || cmdlines_pending(enrol->assign.cmdlines))
		return;
	enrol->settles = false;
	enrol->settled(enrol->arg);
}

static void on_cmdline(void *arg, pid_t pid)
{
	enrol_look(arg, pid, 0);
	settle_if_done(arg);
}

static void end_scan(struct enrol *enrol)
{
	struct maze_error error = { "" };
	bool again = enrol->again;

	stop_scan(enrol);
	enrol->scanned = true;
	if (again && start_scan(enrol, &error))
		log_printf(enrol->log, LOG_ERR, "processes may be unwatched: %s", error.text);
	settle_if_done(enrol);
}

static void scan_portion(struct enrol *enrol)
{
	struct dirent *entry;
	int looked = 0;
	pid_t pid;

	while (looked < BATCH_MAX) {
		entry = readdir(enrol->proc);
		if (!entry) {
			end_scan(enrol);
			return;
		}
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid <= 0)
			continue;
		enrol_look(enrol, pid, 0);
		looked++;
	}
}

/* ---- losses ----------------------------------------------------------------------------- */

static void say_lost(struct enrol *enrol)
{
	log_printf(enrol->log, LOG_NOTICE,
		   "%llu process events were lost: all processes are looked at again", enrol->lost);
	enrol->lost = 0;
	sd_event_source_set_time_relative(enrol->lost_later, COMPLAINT_USEC);
	sd_event_source_set_enabled(enrol->lost_later, SD_EVENT_ONESHOT);
}

static int on_lost_later(sd_event_source *source, uint64_t usec, void *arg)
{
	struct enrol *enrol = arg;

	(void)source;
	(void)usec;
	if (enrol->lost)
		say_lost(enrol);
	return 0;
}

/* Where losses do not end, the log has one sentence of them in so long. */
static void take_loss(struct enrol *enrol, maze_u64 lost)
{
	struct maze_error error = { "" };
	int waits = SD_EVENT_OFF;

	enrol->lost += lost;
	sd_event_source_get_enabled(enrol->lost_later, &waits);
	if (waits == SD_EVENT_OFF)
		say_lost(enrol);
	if (enrol->proc)
		enrol->again = true;
	else if (start_scan(enrol, &error))
		log_printf(enrol->log, LOG_ERR, "processes may be unwatched: %s", error.text);
}

/* ---- as it happens ---------------------------------------------------------------------- */

static int by_process(const void *left, const void *right)
{
	const struct maze_process_event *a = left, *b = right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

static void look_at_event(struct enrol *enrol, const struct maze_process_event *event, bool alone)
{
	/* Of who was told of twice, the hint of neither is sure to be the later one. */
	struct assign_known known = {
		.known = alone && event->watched != MAZE_PROCESS_WATCHED_UNKNOWN,
		.watched = event->watched == MAZE_PROCESS_WATCHED,
		.tag = event->tag,
	};
	bool is_thread = event->tid != event->pid;

	/* An exec and a move are the process's; so is the name that its main thread has. */
	if (is_thread && !enrol->assign.by_thread)
		return;
	if (event->kind == MAZE_PROCESS_MOVE || (event->kind == MAZE_PROCESS_NAME && !is_thread))
		known.known = false;
	look(enrol, (pid_t)event->pid, is_thread ? (pid_t)event->tid : 0, &known);
}

/* True: there may be more. */
static bool take_batch(struct enrol *enrol)
{
	struct maze_process_event events[BATCH_MAX];
	size_t count = 0, i, end;
	maze_u64 lost = 0;

	while (count < BATCH_MAX && maze_follower_next(enrol->follower, &events[count]) == 1) {
		if (events[count].kind == MAZE_PROCESS_LOST)
			lost += events[count].lost;
		else
			count++;
	}
	qsort(events, count, sizeof(events[0]), by_process);
	for (i = 0; i < count; i = end) {
		end = i + 1;
		while (end < count && !by_process(&events[end], &events[i]))
			end++;
		look_at_event(enrol, &events[i], end == i + 1);
	}
	if (lost)
		take_loss(enrol, lost);
	return count == BATCH_MAX;
}

/* What is beyond a batch does not make the descriptor ready: it may be read already. */
static void take_events(struct enrol *enrol)
{
	enrol->behind = take_batch(enrol);
	sd_event_source_set_enabled(enrol->told, enrol->behind ? SD_EVENT_OFF : SD_EVENT_ON);
}

static int on_told(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct enrol *enrol = arg;

	(void)source;
	(void)fd;
	(void)revents;
	take_events(enrol);
	if (enrol->behind)
		take_turn_soon(enrol);
	return 0;
}

static int on_turn(sd_event_source *source, uint64_t usec, void *arg)
{
	struct enrol *enrol = arg;

	(void)source;
	(void)usec;
	if (enrol->behind)
		take_events(enrol);
	if (enrol->proc)
		scan_portion(enrol);
	if (enrol->behind || enrol->proc)
		take_turn_soon(enrol);
	return 0;
}

static unsigned int wants_of(const struct rules *rules)
{
	unsigned int facts = rules_facts_needed(rules), wants = 0;

	if (facts & FACT_PARENT)
		wants |= MAZE_FOLLOW_ALL_FORKS;
	if (facts & FACT_COMM)
		wants |= MAZE_FOLLOW_NAMES;
	if (assign_by_thread(rules))
		wants |= MAZE_FOLLOW_THREADS | MAZE_FOLLOW_THREAD_NAMES | MAZE_FOLLOW_NAMES;
	return wants;
}

static void unfollow(struct enrol *enrol)
{
	enrol->told = sd_event_source_disable_unref(enrol->told);
	maze_follower_close(enrol->follower);
	enrol->follower = NULL;
	enrol->behind = false;
}

static int follow(struct enrol *enrol, unsigned int wants, struct maze_error *error)
{
	struct maze_follower *follower;
	sd_event_source *told;
	int err;

	if (enrol->follower && enrol->wants == wants)
		return 0;
	err = maze_follow(enrol->maze, wants, &follower, error);
	if (err)
		return err;
	err = sd_event_add_io(enrol->event, &told, maze_follower_fd(follower), EPOLLIN, on_told,
			      enrol);
	if (err) {
		maze_follower_close(follower);
		return maze_fail(error, err, "no place in the event loop: %s", strerror(-err));
	}
	/* Before who asks for something and what is scanned, behind verdicts. */
	sd_event_source_set_priority(told, SD_EVENT_PRIORITY_IMPORTANT / 2);
	unfollow(enrol);
	enrol->follower = follower;
	enrol->told = told;
	enrol->wants = wants;
	return 0;
}

/* ---- rules --------------------------------------------------------------------------------- */

int enrol_use(struct enrol *enrol, const struct rules *rules, struct maze_error *error)
{
	/* Followed before all are looked at: who begins in between is not missed. */
	int err = follow(enrol, wants_of(rules), error);

	if (err)
		return err;
	err = start_scan(enrol, error);
	if (err)
		return err;
	/* Not before nothing can fail: the caller frees rules that are not taken. */
	enrol->assign.rules = rules;
	enrol->assign.by_thread = assign_by_thread(rules);
	enrol->settles = true;
	enrol->scanned = false;
	return 0;
}

static int add_timers(struct enrol *enrol)
{
	int err = sd_event_add_time(enrol->event, &enrol->turn, CLOCK_MONOTONIC, 0,
				    TURN_ACCURACY_USEC, on_turn, enrol);

	if (err >= 0)
		err = sd_event_source_set_enabled(enrol->turn, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_source_set_priority(enrol->turn, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_add_time(enrol->event, &enrol->lost_later, CLOCK_MONOTONIC, 0,
					COMPLAINT_ACCURACY_USEC, on_lost_later, enrol);
	if (err >= 0)
		err = sd_event_source_set_enabled(enrol->lost_later, SD_EVENT_OFF);
	return err;
}

int enrol_open(sd_event *event, struct maze *maze, struct log *log, const struct rules *rules,
	       void (*settled)(void *arg), void *arg, struct maze_error *error,
	       struct enrol **ret_enrol)
{
	struct enrol *enrol = calloc(1, sizeof(*enrol));
	int err;

	if (!enrol) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return -ENOMEM;
	}
	enrol->event = sd_event_ref(event);
	enrol->maze = maze;
	enrol->log = log;
	enrol->assign.maze = maze;
	enrol->settled = settled;
	enrol->arg = arg;
	err = add_timers(enrol);
	if (err >= 0)
		err = cmdlines_open(event, log, on_cmdline, enrol, &enrol->assign.cmdlines);
	err = err < 0 ? maze_fail(error, err, "no place in the event loop: %s", strerror(-err))
		      : enrol_use(enrol, rules, error);
	if (err) {
		enrol_close(enrol);
		return err;
	}
	*ret_enrol = enrol;
	return 0;
}

void enrol_close(struct enrol *enrol)
{
	if (!enrol)
		return;
	stop_scan(enrol);
	unfollow(enrol);
	cmdlines_close(enrol->assign.cmdlines);
	sd_event_source_disable_unref(enrol->turn);
	sd_event_source_disable_unref(enrol->lost_later);
	sd_event_unref(enrol->event);
	free(enrol);
}
