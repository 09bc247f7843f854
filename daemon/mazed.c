/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine enforces the limits. The engines bpf and kmod run in the kernel, so watches
 * continue if mazed is stopped, starved or killed. But new processes get no watch until
 * mazed is started again and scans all processes. If SIGTERM or SIGINT ends mazed, mazed
 * removes its watches. If mazed ends for another reason, it leaves them in place. SIGUSR1
 * ends mazed and leaves them in place on purpose, for an upgrade.
 */
#include "mazed.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "../base/error.h"
#include "actions/actions.h"
#include "bus/bus.h"
#include "control/control.h"
#include "coverage.h"
#include "observer.h"
#include "tracker/tracker.h"
#include "records/dispatch.h"
#include "records/incident_log.h"
#include "tracker/rule_states.h"
#include "log/limited_log.h"
#include "log/log.h"
#include "privileges.h"
#include "rules/problems.h"
#include "rules/rules.h"
#include "runtime.h"
#include "rules/tag.h"
#include "rules/unit_rules.h"
#include "rules/unused.h"
#include "../base/clock.h"

struct mazed {
	const struct mazed_options *options;
	sd_event *event;
	struct bus *bus; /* of the system manager */
	struct rules *rules;
	struct unit_rules *units;
	struct log *log;
	int runtime_fd;
	struct maze *maze;
	struct actions *actions;
	struct incident_log *incident_log;
	struct limited_log *record_log;
	struct rule_states *rule_states;
	struct counters *counters;
	struct record_consumer consumers[7];
	struct dispatch *dispatch;
	struct tracker *tracker;
	struct observer *observer;
	struct control *control;
	sd_event_source *service;	/* runs the yield-probe service (engine.h) */
	sd_event_source *service_later; /* the timer of that service */
	sd_event_source *gone;
	bool remove; /* SIGTERM or SIGINT came: remove watches at the end */
};

/* ---- rules ------------------------------------------------------------------------- */

/*
 * `instead_of` has the rules in force, or is NULL at the start. A reload is refused if a
 * new rule can never match, because such a rule is a mistake.
 */
static int load_rules(const struct mazed_options *options, const struct rules *instead_of,
		      struct log *log, struct rules **ret_rules, struct maze_error *error)
{
	const char *path = options->config;
	struct rules *rules = NULL;
	struct problems problems;
	size_t unused = 0;
	int err;

	problems_init(&problems);
	err = rules_load(options->shipped, path, &rules, &problems);
	if (!err) {
		unused = problems.notes;
		rules_note_unused(rules, &problems);
		unused = problems.notes - unused;
	}
	log_problems(log, &problems);
	if (err == -ENOMEM)
		maze_fail(error, err, "out of memory");
	else if (err)
		maze_fail(error, err, "%s: %zu error%s; `mazed --check` shows them", path,
			  problems.errors, problems.errors == 1 ? "" : "s");
	else if (unused && instead_of)
		err = maze_fail(error, -EINVAL, "%s: %zu rule%s can never match; remove them", path,
				unused, unused == 1 ? "" : "s");
	problems_done(&problems);
	if (err)
		rules_free(rules);
	else
		*ret_rules = rules;
	return err;
}

/* ---- the engine -------------------------------------------------------------------- */

static int service(struct mazed *mazed)
{
	int ms = maze_service(mazed->maze);

	if (ms < 0)
		return sd_event_source_set_enabled(mazed->service_later, SD_EVENT_OFF);
	sd_event_source_set_time_relative(mazed->service_later, (uint64_t)ms * 1000);
	return sd_event_source_set_enabled(mazed->service_later, SD_EVENT_ONESHOT);
}

static int on_service(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	service(arg);
	return 0;
}

static int on_service_later(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	service(arg);
	return 0;
}

/* systemd restarts mazed after this exit status. */
static int on_gone(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct mazed *mazed = arg;

	(void)source;
	(void)fd;
	(void)revents;
	if (!maze_gone(mazed->maze))
		return 0;
	log_announce(mazed->log, LOG_ERR, LOG_KIND_UNLOADED,
		     "`maze unload` or another program has unloaded the engine, so no process is "
		     "watched; mazed ends with exit status 4 (systemd then restarts it; "
		     "`systemctl stop mazed` prevents that)");
	return sd_event_exit(mazed->event, EXIT_MAZED_UNLOADED);
}

static int serve_engine(struct mazed *mazed)
{
	int fd = maze_service_fd(mazed->maze), err = 0;

	if (fd >= 0) {
		err = sd_event_add_io(mazed->event, &mazed->service, fd, EPOLLIN, on_service,
				      mazed);
		if (err >= 0)
			err = sd_event_add_time_relative(mazed->event, &mazed->service_later,
							 CLOCK_MONOTONIC, 0, 0, on_service_later,
							 mazed);
		if (err >= 0)
			maze_become_service(mazed->maze);
	}
	fd = maze_gone_fd(mazed->maze);
	if (err >= 0 && fd >= 0)
		err = sd_event_add_io(mazed->event, &mazed->gone, fd, EPOLLIN, on_gone, mazed);
	/*
	 * Handle this before records, because their descriptor may stay readable after
	 * the engine was unloaded.
	 */
	if (mazed->gone)
		sd_event_source_set_priority(mazed->gone, SD_EVENT_PRIORITY_IMPORTANT - 1);
	return err < 0 ? err : 0;
}

/* Other programs' watches stay. If there are any, the engine stays too. */
static void remove_everything(struct mazed *mazed)
{
	struct maze_entry *entries = NULL;
	struct maze_error error = { "" };
	size_t count = 0;
	bool loaded;
	int err;

	err = maze_release_all(mazed->maze, TAG_MARK << TAG_MARK_SHIFT, ~0ULL << TAG_MARK_SHIFT,
			       &error);
	if (!err)
		err = maze_list(mazed->maze, &entries, &count, &error);
	free(entries);
	if (!err && count)
		log_printf(mazed->log, LOG_NOTICE,
			   "the engine stays: it watches %zu task%s for other programs (maze list)",
			   count, count == 1 ? "" : "s");
	else if (!err)
		err = maze_unload(maze_engine_name(mazed->maze), &loaded, &error);
	if (err)
		log_printf(mazed->log, LOG_ERR, "cannot remove everything: %s", error.text);
}

/* ---- rules in force ---------------------------------------------------------------- */

/*
 * The tracker calls this when it has scanned all processes after the start or a reload.
 */
static void on_scanned(void *arg)
{
	struct mazed *mazed = arg;

	report_coverage(mazed->maze, mazed->rules, mazed->options->config, mazed->log);
	sd_notifyf(0, "READY=1\nSTATUS=%zu rule%s, engine %s", mazed->rules->count,
		   mazed->rules->count == 1 ? "" : "s", maze_engine_name(mazed->maze));
}

static void notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", now_ns(CLOCK_MONOTONIC) / 1000);
}

static int use_rules(struct mazed *mazed, struct rules *rules, struct maze_error *error)
{
	int err = log_reopen(mazed->log, &rules->daemon, error);

	if (err)
		return err;
	err = control_use(mazed->control, rules, error);
	if (err)
		goto out_log;
	err = incident_log_use(mazed->incident_log, &rules->daemon.incidents, error);
	if (err)
		goto out_control;
	err = rule_states_use(mazed->rule_states, rules, error);
	if (err)
		goto out_incidents;
	err = tracker_use(mazed->tracker, rules, error);
	if (err)
		goto out_states;
	dispatch_use(mazed->dispatch, rules);
	observer_use(mazed->observer, rules);
	counters_use(mazed->counters, rules);
	rules_free(mazed->rules);
	mazed->rules = rules;
	return 0;
out_states:
	rule_states_use(mazed->rule_states, mazed->rules, NULL);
out_incidents:
	incident_log_use(mazed->incident_log, &mazed->rules->daemon.incidents, NULL);
out_control:
	control_use(mazed->control, mazed->rules, NULL);
out_log:
	log_reopen(mazed->log, &mazed->rules->daemon, NULL);
	return err;
}

/* Without systemd there are no units, and nothing is said of them. */
static void set_units(const struct mazed *mazed, struct rules *rules)
{
	rules->units = rules->daemon.unit_sections && sd_booted() > 0 ? mazed->units : NULL;
}

static int reload(void *arg, struct maze_error *error)
{
	struct maze_error reopening = { "" };
	struct mazed *mazed = arg;
	struct rules *rules = NULL;
	int err;

	notify_reloading();
	err = load_rules(mazed->options, mazed->rules, mazed->log, &rules, error);
	if (!err) {
		set_units(mazed, rules);
		err = use_rules(mazed, rules, error);
		if (err)
			rules_free(rules);
	}
	mazed->counters->refused = err;
	if (!err)
		return 0;
	log_note(mazed->log, LOG_ERR, LOG_KIND_REFUSED, NULL,
		 "reload refused, the old rules stay in force: %s", error->text);
	/* Reopen the log after a refused reload too, because its file may be renamed. */
	if (log_reopen(mazed->log, &mazed->rules->daemon, &reopening))
		log_printf(mazed->log, LOG_ERR, "%s", reopening.text);
	sd_notify(0, "READY=1\nSTATUS=a reload was refused; the old rules are in force");
	return err;
}

/* Applies the rules in force again, because the mode of one has changed. */
static int apply(void *arg, struct maze_error *error)
{
	struct mazed *mazed = arg;

	return tracker_use(mazed->tracker, mazed->rules, error);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct maze_error error = { "" };

	(void)source;
	(void)info;
	/* reload() has logged the error. */
	reload(arg, &error);
	return 0;
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct mazed *mazed = arg;

	(void)source;
	mazed->remove = info->ssi_signo != SIGUSR1;
	log_printf(mazed->log, LOG_INFO, "%s because of signal %u from process %u",
		   mazed->remove ? "ends" : "hands over to the next mazed", info->ssi_signo,
		   info->ssi_pid);
	return sd_event_exit(mazed->event, mazed->remove ? EXIT_MAZED_OK : EXIT_MAZED_HANDED_OVER);
}

/* ---- start and stop ---------------------------------------------------------------- */

static int listen_to_signals(struct mazed *mazed)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGUSR1 };
	sigset_t all;
	size_t i;
	int err = 0;

	sigemptyset(&all);
	sigaddset(&all, SIGHUP);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaddset(&all, ends[i]);
	if (sigprocmask(SIG_BLOCK, &all, NULL))
		return -errno;
	/* A write(2) to a closed pipe or socket must fail, but must not end mazed. */
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; err >= 0 && i < sizeof(ends) / sizeof(ends[0]); i++)
		err = sd_event_add_signal(mazed->event, NULL, ends[i], on_end, mazed);
	if (err >= 0)
		err = sd_event_add_signal(mazed->event, NULL, SIGHUP, on_hangup, mazed);
	return err < 0 ? err : 0;
}

static int open_engine(struct mazed *mazed, struct maze_error *error)
{
	const char *engine = mazed->options->engine;
	/*
	 * The poll engine is private, because it runs in this process and ends with it.
	 */
	enum maze_scope scope = engine && !strcmp(engine, "poll") ? MAZE_PRIVATE : MAZE_PINNED;
	int err = maze_open(engine, scope, &mazed->maze, error);

	if (err)
		return err;
	if (maze_why_not_better(mazed->maze)[0])
		log_printf(mazed->log, LOG_WARNING, "engine %s: %s", maze_engine_name(mazed->maze),
			   maze_why_not_better(mazed->maze));
	if (!privileges_reach_everybody())
		log_printf(mazed->log, LOG_WARNING,
			   "mazed lacks CAP_KILL: only processes of user id %u are watched",
			   geteuid());
	if (!maze_sees_yields(mazed->maze))
		log_printf(
			mazed->log, LOG_WARNING,
			"the %s engine does not detect sched_yield(2): yield = reset has no effect",
			maze_engine_name(mazed->maze));
	return 0;
}

static int open_loop(struct mazed *mazed, struct maze_error *error)
{
	int err = sd_event_new(&mazed->event);

	if (err >= 0)
		err = listen_to_signals(mazed);
	/* This has no effect unless systemd has set WATCHDOG_USEC. */
	if (err >= 0)
		err = sd_event_set_watchdog(mazed->event, true);
	if (err >= 0)
		err = log_attach(mazed->log, mazed->event);
	if (err >= 0)
		err = bus_new(mazed->event, bus_connect_system, NULL, &mazed->bus);
	return err < 0 ? maze_fail(error, err, "cannot create the event loop: %s", strerror(-err))
		       : 0;
}

static int open_actions(struct mazed *mazed, struct maze_error *error)
{
	const struct actions_settings settings = {
		.event = mazed->event,
		.log = mazed->log,
		.runtime_dir = runtime_path(),
		.bus = mazed->bus,
	};

	return actions_open(&settings, &mazed->actions, error);
}

static int open_control(struct mazed *mazed, struct maze_error *error)
{
	const struct control_host host = {
		.event = mazed->event,
		.maze = mazed->maze,
		.log = mazed->log,
		.actions = mazed->actions,
		.tracker = mazed->tracker,
		.rules = mazed->rules,
		.rule_states = mazed->rule_states,
		.incidents = incident_log_totals(mazed->incident_log),
		.counters = mazed->counters,
		.config = mazed->options->config,
		.reload = reload,
		.apply = apply,
		.arg = mazed,
	};

	return control_open(&host, &mazed->control, error);
}

static void collect_incident(void *arg, struct mazed_record *record)
{
	incident_log_record(arg, record->entry.record, record->entry.rule,
			    record->rule ? &record->rule->settings.policy : NULL);
}

static void on_action(void *arg, const struct log_action *action)
{
	struct mazed *mazed = arg;

	incident_log_action(mazed->incident_log, action);
	counters_on_action(mazed->counters, action);
}

static int open_dispatch(struct mazed *mazed, struct maze_error *error)
{
	int err = limited_log_open(mazed->event, mazed->log, &mazed->record_log);
	/* limited_log_on_record() is first, because it sets `logged` for the actions. */
	const struct record_consumer consumers[] = {
		{ limited_log_on_record, mazed->record_log },
		{ rule_states_on_record, mazed->rule_states },
		{ counters_on_record, mazed->counters },
		{ control_on_record, mazed->control },
		{ collect_incident, mazed->incident_log },
		{ actions_on_record, mazed->actions },
		{ NULL, NULL },
	};

	if (err < 0)
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	memcpy(mazed->consumers, consumers, sizeof(consumers));
	return dispatch_open(mazed->event, mazed->maze, mazed->log, mazed->rules, mazed->runtime_fd,
			     mazed->consumers, error, &mazed->dispatch);
}

static int start(struct mazed *mazed, struct maze_error *error)
{
	int err;

	err = load_rules(mazed->options, NULL, NULL, &mazed->rules, error);
	if (!err && unit_rules_new(&mazed->units))
		err = maze_fail(error, -ENOMEM, "out of memory");
	if (!err)
		set_units(mazed, mazed->rules);
	if (!err)
		err = log_open(&mazed->rules->daemon, &mazed->log, error);
	if (!err)
		err = open_loop(mazed, error);
	if (err)
		return err;
	mazed->runtime_fd = runtime_open(error);
	if (mazed->runtime_fd < 0)
		return mazed->runtime_fd;
	err = open_engine(mazed, error);
	if (err)
		return err;
	err = serve_engine(mazed);
	if (err)
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	err = open_actions(mazed, error);
	if (err)
		return err;
	err = incident_log_open(mazed->event, mazed->maze, mazed->log,
				&mazed->rules->daemon.incidents, &mazed->incident_log, error);
	if (err)
		return err;
	mazed->counters = counters_new(mazed->rules);
	if (!mazed->counters)
		return maze_fail(error, -ENOMEM, "out of memory");
	log_on_act(mazed->log, on_action, mazed);
	err = rule_states_open(mazed->maze, mazed->log, mazed->runtime_fd, mazed->rules,
			       &mazed->rule_states, error);
	if (!err)
		err = tracker_open(mazed->event, mazed->maze, mazed->log, mazed->bus, mazed->units,
				   mazed->rule_states, mazed->rules, on_scanned, mazed, error,
				   &mazed->tracker);
	if (!err)
		err = observer_open(mazed->event, mazed->maze, mazed->log, &mazed->observer, error);
	if (!err)
		err = open_control(mazed, error);
	if (!err)
		err = open_dispatch(mazed, error);
	if (!err)
		observer_use(mazed->observer, mazed->rules);
	return err;
}

static void stop(struct mazed *mazed)
{
	/* Close the control socket first, because a new watch would end at once. */
	control_close(mazed->control);
	mazed->control = NULL;
	tracker_close(mazed->tracker);
	/* Before the watches end, so that the file has the streaks that have not ended. */
	observer_close(mazed->observer);
	if (mazed->remove)
		remove_everything(mazed);
	/* The dispatch closes before the logs to which it passes records. */
	dispatch_close(mazed->dispatch);
	limited_log_close(mazed->record_log);
	if (mazed->log)
		log_on_act(mazed->log, NULL, NULL);
	incident_log_close(mazed->incident_log);
	rule_states_close(mazed->rule_states, mazed->remove);
	if (mazed->remove && mazed->actions)
		actions_thaw_all(mazed->actions);
	if (mazed->actions)
		actions_close(mazed->actions);
	sd_event_source_disable_unref(mazed->service);
	sd_event_source_disable_unref(mazed->service_later);
	sd_event_source_disable_unref(mazed->gone);
	maze_close(mazed->maze);
	if (mazed->runtime_fd >= 0)
		close(mazed->runtime_fd);
	bus_free(mazed->bus);
	counters_free(mazed->counters);
	log_close(mazed->log);
	rules_free(mazed->rules);
	unit_rules_free(mazed->units);
	sd_event_unref(mazed->event);
}

int mazed_run(const struct mazed_options *options, struct maze_error *error)
{
	struct mazed mazed = { .options = options, .runtime_fd = -1 };
	int err = start(&mazed, error);

	if (!err) {
		err = sd_event_loop(mazed.event);
		sd_notify(0, "STOPPING=1");
		if (err < 0)
			maze_fail(error, err, "mazed ends: %s", strerror(-err));
	}
	stop(&mazed);
	return err;
}
