/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracker reads the engine's events in batches, and handles each process or thread
 * once even if a batch has several of its events. The tracker applies the rules to the
 * current state of the process, so late, duplicate or reordered events do no harm. If
 * events are lost, the tracker scans all processes.
 *
 * Any user can create events faster than mazed can handle them, because renaming a thread
 * takes a microsecond. So after a full batch, the next batches are handled at idle
 * priority, in turn with control clients and the scan. If events are lost during a scan,
 * the scan continues, and a new one begins after its end. So one of these two scans finds
 * each process that has started meanwhile, and no user can delay this.
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

/* The maximum number of events in a batch. A full batch takes about 5 ms. */
#define BATCH_MAX 128
/* A repeated failure is logged at most once in this time. */
#define COMPLAINT_USEC (60 * 1000000ULL)
/* The report of lost events is not urgent, so its timer may expire late. */
#define COMPLAINT_ACCURACY_USEC 1000000U
/* Longer than systemd needs for an answer, also while a machine boots. */
#define UNIT_WAIT_USEC (5 * 1000000ULL)
/*
 * The timer of a turn expires at once. A deferred event source is not used instead,
 * because it would always run before all others.
 */
#define TURN_USEC 0
#define TURN_ACCURACY_USEC 1

struct tracker {
	sd_event *event;
	struct maze *maze;
	struct log *log;
	struct rule_applier applier;
	struct rule_states *rule_states;
	void (*on_scanned)(void *arg);
	void *arg;
	struct maze_follower *follower;
	unsigned int wants;
	sd_event_source *source;     /* of the follower; off while `behind` */
	bool behind;		     /* the last batch was full, so more events may be queued */
	DIR *proc;		     /* /proc in the current scan; NULL: no scan */
	sd_event_source *turn;	     /* starts the next batch, and the next portion of the scan */
	bool reports_scan;	     /* on_scanned() is still to be called */
	bool scanned;		     /* a scan has ended since tracker_use() */
	bool again;		     /* events were lost since the scan began */
	maze_u64 lost;		     /* not reported yet */
	sd_event_source *lost_timer; /* runs until the next loss may be reported */
	maze_u64 failures;	     /* not reported yet */
	uint64_t reported_usec;
};

/* ---- one process ------------------------------------------------------------------- */

static void complain(struct tracker *tracker, pid_t pid, const struct maze_error *error)
{
	uint64_t now = 0;

	sd_event_now(tracker->event, CLOCK_MONOTONIC, &now);
	tracker->failures++;
	if (tracker->reported_usec && now - tracker->reported_usec < COMPLAINT_USEC)
		return;
	log_printf(tracker->log, LOG_WARNING, "process %d is not watched: %s%s", (int)pid,
		   error->text, tracker->failures > 1 ? " (and others)" : "");
	tracker->failures = 0;
	tracker->reported_usec = now;
}

static void track(struct tracker *tracker, pid_t pid, pid_t tid, const struct known_watch *known)
{
	struct maze_error error = { "" };
	int err = apply_rule(&tracker->applier, pid, tid, known, &error);

	/* Do not report that the task has ended, or that it is never watched. */
	if (!err || err == -ESRCH || err == -EINVAL || err == -EPERM)
		return;
	/* on_cmdline() or track_again() calls track() again. */
	if (err == -EINPROGRESS)
		return;
	complain(tracker, pid, &error);
}

void tracker_track(struct tracker *tracker, pid_t pid, pid_t tid)
{
	static const struct known_watch unknown = { .known = false };

	track(tracker, pid, tid, &unknown);
}

void tracker_track_cgroup(struct tracker *tracker, maze_u64 cgroup_id)
{
	group_tracker_restore(tracker->applier.groups, cgroup_id);
}

int tracker_release_shadow(struct tracker *tracker, pid_t pid, pid_t tid, struct maze_error *error)
{
	return release_shadow_rules(&tracker->applier, pid, tid, error);
}

/* ---- the scan of all processes ----------------------------------------------------- */

static void stop_scan(struct tracker *tracker)
{
	if (tracker->proc)
		closedir(tracker->proc);
	tracker->proc = NULL;
}

static void arm_turn(struct tracker *tracker)
{
	sd_event_source_set_time_relative(tracker->turn, TURN_USEC);
	sd_event_source_set_enabled(tracker->turn, SD_EVENT_ONESHOT);
}

/* On failure, a scan in progress continues. */
static int start_scan(struct tracker *tracker, struct maze_error *error)
{
	DIR *proc = opendir("/proc");

	if (!proc)
		return maze_fail(error, -errno, "cannot read /proc: %s", strerror(errno));
	stop_scan(tracker);
	tracker->proc = proc;
	arm_turn(tracker);
	tracker->again = false;
	return 0;
}

/* Waits for command lines and sections of units. Until then, some processes have no rule. */
static void report_scanned(struct tracker *tracker)
{
	if (!tracker->reports_scan || !tracker->scanned ||
	    cmdlines_pending(tracker->applier.cmdlines) ||
	    unit_sections_wait(tracker->applier.units))
		return;
	tracker->reports_scan = false;
	group_tracker_sweep(tracker->applier.groups);
	tracker->on_scanned(tracker->arg);
}

static void on_cmdline(void *arg, pid_t pid)
{
	tracker_track(arg, pid, 0);
	report_scanned(arg);
}

static void end_scan(struct tracker *tracker)
{
	struct maze_error error = { "" };
	bool again = tracker->again;

	stop_scan(tracker);
	tracker->scanned = true;
	if (again && start_scan(tracker, &error))
		log_printf(tracker->log, LOG_ERR, "processes may be unwatched: %s", error.text);
	report_scanned(tracker);
}

static void scan_portion(struct tracker *tracker)
{
	struct dirent *entry;
	int tracked = 0;
	pid_t pid;

	while (tracked < BATCH_MAX) {
		entry = readdir(tracker->proc);
		if (!entry) {
			end_scan(tracker);
			return;
		}
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid <= 0)
			continue;
		tracker_track(tracker, pid, 0);
		tracked++;
	}
}

/* Scans all processes, from now or from the end of the scan in progress. */
static void scan_again(struct tracker *tracker)
{
	struct maze_error error = { "" };

	if (tracker->proc)
		tracker->again = true;
	else if (start_scan(tracker, &error))
		log_printf(tracker->log, LOG_ERR, "processes may be unwatched: %s", error.text);
}

/* ---- lost events ------------------------------------------------------------------- */

static void report_lost(struct tracker *tracker)
{
	log_printf(tracker->log, LOG_NOTICE, "%llu process event%s lost: scanning all processes",
		   tracker->lost, tracker->lost == 1 ? "" : "s");
	tracker->lost = 0;
	sd_event_source_set_time_relative(tracker->lost_timer, COMPLAINT_USEC);
	sd_event_source_set_enabled(tracker->lost_timer, SD_EVENT_ONESHOT);
}

static int on_report_lost(sd_event_source *source, uint64_t usec, void *arg)
{
	struct tracker *tracker = arg;

	(void)source;
	(void)usec;
	if (tracker->lost)
		report_lost(tracker);
	return 0;
}

/* Reports continuous losses once per COMPLAINT_USEC. */
static void handle_loss(struct tracker *tracker, maze_u64 lost)
{
	int waits = SD_EVENT_OFF;

	tracker->lost += lost;
	sd_event_source_get_enabled(tracker->lost_timer, &waits);
	if (waits == SD_EVENT_OFF)
		report_lost(tracker);
	scan_again(tracker);
}

/* ---- events ------------------------------------------------------------------------ */

static int by_process(const void *left, const void *right)
{
	const struct maze_process_event *a = left, *b = right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

static void handle_event(struct tracker *tracker, const struct maze_process_event *event,
			 bool alone)
{
	/* If a task has two events, it is unknown which of them is newer. */
	struct known_watch known = {
		.known = alone && event->watched != MAZE_PROCESS_WATCHED_UNKNOWN,
		.watched = event->watched == MAZE_PROCESS_WATCHED,
		.tag = event->tag,
	};
	bool is_thread = event->tid != event->pid;

	/*
	 * Events of the main thread concern the whole process. Events of other threads
	 * matter only if the rules tell threads apart.
	 */
	if (is_thread && !tracker->applier.by_thread)
		return;
	if (event->kind == MAZE_PROCESS_MOVE || (event->kind == MAZE_PROCESS_NAME && !is_thread))
		known.known = false;
	track(tracker, (pid_t)event->pid, is_thread ? (pid_t)event->tid : 0, &known);
}

/* Returns true if more events may be left. */
static bool read_batch(struct tracker *tracker)
{
	struct maze_process_event events[BATCH_MAX];
	size_t count = 0, i, end;
	maze_u64 lost = 0;

	while (count < BATCH_MAX && maze_follower_next(tracker->follower, &events[count]) == 1) {
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
		handle_event(tracker, &events[i], end == i + 1);
	}
	if (lost)
		handle_loss(tracker, lost);
	return count == BATCH_MAX;
}

/*
 * While more events may be left, the source is off and on_turn() reads the events. Some
 * may already be in memory, where polling cannot find them.
 */
static void read_events(struct tracker *tracker)
{
	tracker->behind = read_batch(tracker);
	sd_event_source_set_enabled(tracker->source, tracker->behind ? SD_EVENT_OFF : SD_EVENT_ON);
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct tracker *tracker = arg;

	(void)source;
	(void)fd;
	(void)revents;
	read_events(tracker);
	if (tracker->behind)
		arm_turn(tracker);
	return 0;
}

static int on_turn(sd_event_source *source, uint64_t usec, void *arg)
{
	struct tracker *tracker = arg;

	(void)source;
	(void)usec;
	if (tracker->behind)
		read_events(tracker);
	if (tracker->proc)
		scan_portion(tracker);
	if (tracker->behind || tracker->proc)
		arm_turn(tracker);
	return 0;
}

static unsigned int wants_of(const struct rules *rules)
{
	unsigned int facts = rules_facts_needed(rules), wants = 0;

	/* Each process that matches a rule of scope process is a group of its own. */
	if (facts & FACT_PARENT || rules_scopes(rules) >> MAZE_SCOPE_PROCESS & 1)
		wants |= MAZE_FOLLOW_ALL_FORKS;
	if (facts & FACT_COMM)
		wants |= MAZE_FOLLOW_NAMES;
	if (rules_tell_threads_apart(rules))
		wants |= MAZE_FOLLOW_THREADS | MAZE_FOLLOW_THREAD_NAMES | MAZE_FOLLOW_NAMES;
	return wants;
}

static void unfollow(struct tracker *tracker)
{
	tracker->source = sd_event_source_disable_unref(tracker->source);
	maze_follower_close(tracker->follower);
	tracker->follower = NULL;
	tracker->behind = false;
}

static int follow(struct tracker *tracker, unsigned int wants, struct maze_error *error)
{
	struct maze_follower *follower;
	sd_event_source *source;
	int err;

	if (tracker->follower && tracker->wants == wants)
		return 0;
	err = maze_follow(tracker->maze, wants, &follower, error);
	if (err)
		return err;
	err = sd_event_add_io(tracker->event, &source, maze_follower_fd(follower), EPOLLIN,
			      on_events, tracker);
	if (err) {
		maze_follower_close(follower);
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	}
	/* Events are handled after records, but before control requests and the scan. */
	sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT / 2);
	unfollow(tracker);
	tracker->follower = follower;
	tracker->source = source;
	tracker->wants = wants;
	return 0;
}

/* ---- sections of units ------------------------------------------------------------- */

static void track_again(void *arg, pid_t pid)
{
	tracker_track(arg, pid, 0);
}

static void track_all(void *arg)
{
	scan_again(arg);
}

static void on_unit_changed(void *arg)
{
	struct tracker *tracker = arg;
	struct maze_error error = { "" };

	rule_states_use_units(tracker->rule_states);
	if (follow(tracker, wants_of(tracker->applier.rules), &error))
		log_printf(tracker->log, LOG_ERR, "processes may be unwatched: %s", error.text);
}

static void on_settled(void *arg)
{
	report_scanned(arg);
}

static int open_units(struct tracker *tracker, struct bus *bus, struct unit_rules *units)
{
	const struct unit_sections_host host = {
		.event = tracker->event,
		.log = tracker->log,
		.bus = bus,
		.units = units,
		.groups = tracker->applier.groups,
		.wait_usec = UNIT_WAIT_USEC,
		.track = track_again,
		.track_all = track_all,
		.changed = on_unit_changed,
		.settled = on_settled,
		.arg = tracker,
	};

	return unit_sections_open(&host, &tracker->applier.units);
}

/* ---- rules ------------------------------------------------------------------------- */

int tracker_use(struct tracker *tracker, const struct rules *rules, struct maze_error *error)
{
	/*
	 * Follow events first, so that no process that starts before the scan is missed.
	 */
	int err = follow(tracker, wants_of(rules), error);

	if (err)
		return err;
	err = unit_sections_subscribe(tracker->applier.units, rules);
	if (err)
		return maze_fail(error, err, "cannot follow the units of systemd: %s",
				 strerror(-err));
	err = start_scan(tracker, error);
	if (err)
		return err;
	/* No later step may fail, because on failure the caller frees these rules. */
	unit_sections_use(tracker->applier.units, rules);
	rule_states_use_units(tracker->rule_states);
	group_tracker_use(tracker->applier.groups, rules);
	tracker->applier.rules = rules;
	tracker->applier.by_thread = rules_tell_threads_apart(rules);
	tracker->reports_scan = true;
	tracker->scanned = false;
	return 0;
}

static int add_timers(struct tracker *tracker)
{
	int err = sd_event_add_time(tracker->event, &tracker->turn, CLOCK_MONOTONIC, 0,
				    TURN_ACCURACY_USEC, on_turn, tracker);

	if (err >= 0)
		err = sd_event_source_set_enabled(tracker->turn, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_source_set_priority(tracker->turn, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_add_time(tracker->event, &tracker->lost_timer, CLOCK_MONOTONIC, 0,
					COMPLAINT_ACCURACY_USEC, on_report_lost, tracker);
	if (err >= 0)
		err = sd_event_source_set_enabled(tracker->lost_timer, SD_EVENT_OFF);
	return err;
}

int tracker_open(sd_event *event, struct maze *maze, struct log *log, struct bus *bus,
		 struct unit_rules *units, struct rule_states *rule_states,
		 const struct rules *rules, void (*on_scanned)(void *arg), void *arg,
		 struct maze_error *error, struct tracker **ret_tracker)
{
	struct tracker *tracker = calloc(1, sizeof(*tracker));
	int err;

	if (!tracker) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return -ENOMEM;
	}
	tracker->event = sd_event_ref(event);
	tracker->maze = maze;
	tracker->log = log;
	tracker->rule_states = rule_states;
	tracker->applier.maze = maze;
	tracker->applier.unit_names = log_units(log);
	tracker->on_scanned = on_scanned;
	tracker->arg = arg;
	err = add_timers(tracker);
	if (err >= 0)
		err = cmdlines_open(event, log, on_cmdline, tracker, &tracker->applier.cmdlines);
	if (err >= 0)
		err = group_tracker_open(event, maze, log, &tracker->applier.groups);
	if (err >= 0)
		err = open_units(tracker, bus, units);
	err = err < 0 ? maze_fail(error, err, "cannot add an event source: %s", strerror(-err))
		      : tracker_use(tracker, rules, error);
	if (err) {
		tracker_close(tracker);
		return err;
	}
	*ret_tracker = tracker;
	return 0;
}

void tracker_close(struct tracker *tracker)
{
	if (!tracker)
		return;
	stop_scan(tracker);
	unfollow(tracker);
	cmdlines_close(tracker->applier.cmdlines);
	unit_sections_close(tracker->applier.units);
	group_tracker_close(tracker->applier.groups);
	sd_event_source_disable_unref(tracker->turn);
	sd_event_source_disable_unref(tracker->lost_timer);
	sd_event_unref(tracker->event);
	free(tracker);
}
