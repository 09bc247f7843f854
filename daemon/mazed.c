/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon itself; see mazed.h.
 *
 * Always: what enforces is the engine, in the kernel where it can be. mazed may be
 * stopped, starved or killed at any instruction; then no new process is enrolled until
 * the next mazed looks at all of them, and everything else goes on. So it ends in two
 * ways: told to, it takes everything with it; in any other way, it leaves everything.
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
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "../base/error.h"
#include "actions/actions.h"
#include "control/control.h"
#include "tracker/tracker.h"
#include "records/incident_log.h"
#include "log/log.h"
#include "privileges.h"
#include "rules/problems.h"
#include "rules/rules.h"
#include "runtime.h"
#include "rules/tag.h"
#include "rules/rule_settings.h"
#include "rules/unused.h"
#include "records/verdicts.h"
#include "../base/clock.h"

struct mazed {
	const struct mazed_options *options;
	sd_event *event;
	struct rules *rules;
	struct log *log;
	int runtime_fd;
	struct maze *maze;
	struct actions *actions;
	struct incident_log *incident_log;
	struct verdicts *verdicts;
	struct enrol *enrol;
	struct control *control;
	sd_event_source *service;	/* what the engine wants done */
	sd_event_source *service_later; /* by the clock */
	sd_event_source *gone;
	bool ready;
	bool remove; /* at the end: told to go */
};

/* ---- rules -------------------------------------------------------------------------- */

static void say_problems(struct log *log, const struct problems *problems)
{
	const struct problem *item;
	size_t i;

	for (i = 0; i < problems->count; i++) {
		item = &problems->items[i];
		log_say(log, item->kind == PROBLEM_ERROR ? LOG_ERR : LOG_WARNING, "%s:%u: %s%s%s",
			item->file, item->line, item->key ? item->key : "", item->key ? ": " : "",
			item->text);
	}
}

/*
 * `instead_of` others that are in force, rules that can never match are refused too:
 * whoever wrote them meant something that would not come about.
 */
static int load_rules(const char *path, const struct rules *instead_of, struct log *log,
		      struct rules **ret_rules, struct maze_error *error)
{
	struct rules *rules = NULL;
	struct problems problems;
	size_t unused = 0;
	int err;

	problems_init(&problems);
	err = rules_load(path, &rules, &problems);
	if (!err) {
		unused = problems.notes;
		rules_note_unused(rules, &problems);
		unused = problems.notes - unused;
	}
	say_problems(log, &problems);
	if (err == -ENOMEM)
		maze_fail(error, err, "out of memory");
	else if (err)
		maze_fail(error, err, "%s: %zu error%s; `mazed --check` shows them", path,
			  problems.errors, problems.errors == 1 ? "" : "s");
	else if (unused && instead_of)
		err = maze_fail(error, -EINVAL,
				"%s: %zu rule%s can never match; remove what is without effect",
				path, unused, unused == 1 ? "" : "s");
	problems_done(&problems);
	if (err)
		rules_free(rules);
	else
		*ret_rules = rules;
	return err;
}

/* ---- the engine ----------------------------------------------------------------------- */

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

/* Somebody has unloaded the engine: that is not what a guard is there for. */
static int on_gone(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct mazed *mazed = arg;

	(void)source;
	(void)fd;
	(void)revents;
	if (!maze_gone(mazed->maze))
		return 0;
	log_say(mazed->log, LOG_ERR,
		"the engine was unloaded by somebody (maze unload?): nothing is watched any more; "
		"mazed ends, and begins anew where its service says so; to end it for good, stop "
		"the service");
	return sd_event_exit(mazed->event, -ENOENT);
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
	/* Before verdicts: what there is to read them from may be ready for ever then. */
	if (mazed->gone)
		sd_event_source_set_priority(mazed->gone, SD_EVENT_PRIORITY_IMPORTANT - 1);
	return err < 0 ? err : 0;
}

/* What others watch by the same engine stays, and the engine for them. */
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
		log_say(mazed->log, LOG_NOTICE,
			"the engine stays: %zu tasks are watched for others (maze list)", count);
	else if (!err)
		err = maze_unload(maze_engine_name(mazed->maze), &loaded, &error);
	if (err)
		log_say(mazed->log, LOG_ERR, "not everything could be removed: %s", error.text);
}

/* ---- what happens ------------------------------------------------------------------------ */

/* What the record's rule wants done beyond the signal, which was sent before this. */
static void hear(void *arg, const struct maze_record *record, const struct rule *rule, bool said)
{
	enum stage stage = record->event == MAZE_EVENT_HARD ? STAGE_HARD : STAGE_SOFT;
	struct mazed *mazed = arg;
	struct act_on on;

	if (mazed->control)
		control_hear(mazed->control, record);
	incident_log_record(mazed->incident_log, record, rule ? rule->name : NULL,
			    rule ? &rule->treatment.policy : NULL);
	if (!rule || (record->event != MAZE_EVENT_SOFT && record->event != MAZE_EVENT_HARD) ||
	    !stage_acts(&rule->treatment.stages[stage]))
		return;
	on = (struct act_on){
		.record = record,
		.engine = maze_engine_name(mazed->maze),
		.rule = rule->name,
		.stage = &rule->treatment.stages[stage],
		.exec_timeout_ns = rule->treatment.exec_timeout_ns,
		.pidfd = pidfd_open((pid_t)record->pid, 0),
		.quiet = !said,
	};
	actions_perform(mazed->actions, &on);
	if (on.pidfd >= 0)
		close(on.pidfd);
}

/* All processes have been looked at: at the start, and after each reload. */
static void settled(void *arg)
{
	struct mazed *mazed = arg;
	struct maze_entry *entries = NULL;
	size_t count = 0;

	if (maze_list(mazed->maze, &entries, &count, NULL))
		count = 0;
	free(entries);
	log_say(mazed->log, LOG_INFO, "%zu rules are in force, %zu tasks are watched, engine %s",
		mazed->rules->count, count, maze_engine_name(mazed->maze));
	sd_notifyf(0, "READY=1\nSTATUS=%zu rules, engine %s", mazed->rules->count,
		   maze_engine_name(mazed->maze));
	mazed->ready = true;
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
	err = enrol_use(mazed->enrol, rules, error);
	if (err)
		goto out_incidents;
	verdicts_use(mazed->verdicts, rules);
	rules_free(mazed->rules);
	mazed->rules = rules;
	return 0;
out_incidents:
	incident_log_use(mazed->incident_log, &mazed->rules->daemon.incidents, NULL);
out_control:
	control_use(mazed->control, mazed->rules, NULL);
out_log:
	log_reopen(mazed->log, &mazed->rules->daemon, NULL);
	return err;
}

static int reload(void *arg, struct maze_error *error)
{
	struct maze_error reopening = { "" };
	struct mazed *mazed = arg;
	struct rules *rules = NULL;
	int err;

	notify_reloading();
	err = load_rules(mazed->options->config, mazed->rules, mazed->log, &rules, error);
	if (!err) {
		err = use_rules(mazed, rules, error);
		if (err)
			rules_free(rules);
	}
	if (!err)
		return 0;
	log_say(mazed->log, LOG_ERR, "not reloaded, the rules that were in force stay: %s",
		error->text);
	/* A file that was renamed is opened anew all the same. */
	if (log_reopen(mazed->log, &mazed->rules->daemon, &reopening))
		log_say(mazed->log, LOG_ERR, "%s", reopening.text);
	sd_notify(0, "READY=1\nSTATUS=a reload was refused; the old rules are in force");
	return err;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct maze_error error = { "" };

	(void)source;
	(void)info;
	/* What was wrong is in the log. */
	reload(arg, &error);
	return 0;
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct mazed *mazed = arg;

	(void)source;
	log_say(mazed->log, LOG_INFO, "told to end by signal %u of process %u", info->ssi_signo,
		info->ssi_pid);
	mazed->remove = true;
	return sd_event_exit(mazed->event, 0);
}

/* ---- up and down ---------------------------------------------------------------------------- */

static int listen_to_signals(struct mazed *mazed)
{
	static const int ends[] = { SIGTERM, SIGINT };
	sigset_t all;
	size_t i;
	int err = 0;

	sigemptyset(&all);
	sigaddset(&all, SIGHUP);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaddset(&all, ends[i]);
	if (sigprocmask(SIG_BLOCK, &all, NULL))
		return -errno;
	/* A reader that went away is an error of a write, and no end. */
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
	/* What is part of this process cannot stay when it ends. */
	enum maze_scope scope = engine && !strcmp(engine, "poll") ? MAZE_PRIVATE : MAZE_PINNED;
	int err = maze_open(engine, scope, &mazed->maze, error);

	if (err)
		return err;
	if (maze_why_not_better(mazed->maze)[0])
		log_say(mazed->log, LOG_WARNING, "engine %s: %s", maze_engine_name(mazed->maze),
			maze_why_not_better(mazed->maze));
	if (!privileges_reach_everybody())
		log_say(mazed->log, LOG_WARNING,
			"mazed lacks CAP_KILL: only processes of user id %u are watched",
			geteuid());
	if (!maze_sees_yields(mazed->maze))
		log_say(mazed->log, LOG_WARNING,
			"the %s engine cannot tell yields: where a rule says yield = reset, what "
			"only yields counts on",
			maze_engine_name(mazed->maze));
	return 0;
}

static int open_loop(struct mazed *mazed, struct maze_error *error)
{
	int err = sd_event_new(&mazed->event);

	if (err >= 0)
		err = listen_to_signals(mazed);
	/* Only where the service manager asks for it (WATCHDOG_USEC). */
	if (err >= 0)
		err = sd_event_set_watchdog(mazed->event, true);
	if (err >= 0)
		err = log_attach(mazed->log, mazed->event);
	return err < 0 ? maze_fail(error, err, "no event loop: %s", strerror(-err)) : 0;
}

static int open_actions(struct mazed *mazed, struct maze_error *error)
{
	const struct actions_settings settings = {
		.event = mazed->event,
		.log = mazed->log,
		.runtime_dir = runtime_path(),
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
		.enrol = mazed->enrol,
		.rules = mazed->rules,
		.reload = reload,
		.arg = mazed,
	};

	return control_open(&host, &mazed->control, error);
}

static int start(struct mazed *mazed, struct maze_error *error)
{
	struct verdicts_hearer hearer = { hear, mazed };
	int err;

	err = load_rules(mazed->options->config, NULL, NULL, &mazed->rules, error);
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
		return maze_fail(error, err, "no place in the event loop: %s", strerror(-err));
	err = open_actions(mazed, error);
	if (err)
		return err;
	err = incident_log_open(mazed->event, mazed->maze, mazed->log,
				&mazed->rules->daemon.incidents, &mazed->incident_log, error);
	if (err)
		return err;
	err = verdicts_open(mazed->event, mazed->maze, mazed->log, mazed->rules, mazed->runtime_fd,
			    &hearer, error, &mazed->verdicts);
	if (err)
		return err;
	err = enrol_open(mazed->event, mazed->maze, mazed->log, mazed->rules, settled, mazed, error,
			 &mazed->enrol);
	return err ? err : open_control(mazed, error);
}

static void stop(struct mazed *mazed)
{
	/* First: nobody asks for anything that would not last. */
	control_close(mazed->control);
	mazed->control = NULL;
	enrol_close(mazed->enrol);
	if (mazed->remove)
		remove_everything(mazed);
	/* Closed after that: what came up to the last moment is still said. */
	verdicts_close(mazed->verdicts);
	incident_log_close(mazed->incident_log);
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
	log_close(mazed->log);
	rules_free(mazed->rules);
	sd_event_unref(mazed->event);
}

int mazed_run(const struct mazed_options *options, struct maze_error *error)
{
	struct mazed mazed = { .options = options, .runtime_fd = -1 };
	int err = start(&mazed, error);

	if (!err) {
		err = sd_event_loop(mazed.event);
		sd_notify(0, "STOPPING=1");
		if (err)
			maze_fail(error, err, "mazed ends: %s", strerror(-err));
	}
	stop(&mazed);
	return err;
}
