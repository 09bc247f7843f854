/* SPDX-License-Identifier: GPL-2.0-only */
#include "incident_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "../../base/clock.h"
#include "../../base/error.h"
#include "../../evidence/collector.h"
#include "../log/limited_log.h"

struct incident_log {
	sd_event *event;
	struct maze *maze;
	struct log *log;
	struct collector *collector; /* NULL: incidents are off */
	struct limited_log *limited;
	struct incidents_settings settings;
	sd_event_source *readable, *timer; /* of the collector */
	maze_u64 since_ns;		   /* older records and evidence are ignored */
	struct incident_totals totals;
};

static void report(struct incident_log *incidents, const struct incident_messages *messages)
{
	const struct incident_message *message;
	size_t i;

	incidents->totals.written += messages->written;
	incidents->totals.lost += messages->lost;
	incidents->totals.evidence_lost += messages->evidence_lost;
	for (i = 0; i < messages->count; i++) {
		message = &messages->message[i];
		const struct log_incident incident = {
			.entry = { .record = &message->written.record,
				   .engine = maze_engine_name(incidents->maze),
				   .rule = message->written.rule[0] ? message->written.rule : NULL,
				   .unit = message->written.id[0]
						   ? units_find(log_units(incidents->log),
								&message->written.record, NULL)
						   : NULL },
			.id = message->written.id,
			.signature = message->written.signature,
			.text = message->text,
		};
		limited_log_incident(incidents->limited, message->uid,
				     message->trouble ? LOG_WARNING : LOG_INFO, &incident);
	}
}

static void work(struct incident_log *incidents)
{
	struct incident_messages messages;
	int ms = collector_work(incidents->collector, &messages);

	report(incidents, &messages);
	if (ms < 0) {
		sd_event_source_set_enabled(incidents->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(incidents->timer, (uint64_t)ms * 1000);
	sd_event_source_set_enabled(incidents->timer, SD_EVENT_ONESHOT);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	work(arg);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	work(arg);
	return 0;
}

static void stop(struct incident_log *incidents)
{
	struct incident_messages messages = { 0 };

	incidents->readable = sd_event_source_disable_unref(incidents->readable);
	incidents->timer = sd_event_source_disable_unref(incidents->timer);
	collector_close(incidents->collector, &messages);
	report(incidents, &messages);
	incidents->collector = NULL;
}

static int follow(struct incident_log *incidents, struct maze_error *error)
{
	const struct maze_evidence_wants wants = { .stacks_max = incidents->settings.samples };
	struct maze_error why = { "" };
	int err = collector_follow(incidents->collector, incidents->maze, &wants, &why);

	if (err == -EOPNOTSUPP) {
		log_printf(incidents->log, LOG_NOTICE, "incidents have no samples: %s", why.text);
		return 0;
	}
	return err ? maze_fail(error, err, "%s", why.text) : 0;
}

static int begin(struct incident_log *incidents, const struct incidents_settings *settings,
		 struct maze_error *error)
{
	const struct incidents_options options = {
		.dir = settings->dir,
		.count_max = settings->count_max,
		.bytes_max = settings->bytes_max,
		.age_max_ns = settings->age_max_ns,
		.no_unwind = !settings->unwind,
		.java_perf_map = settings->java_perf_map,
		.redact_names = (const char *const *)settings->redact_names.items,
		.redact_names_count = settings->redact_names.count,
		.shared = true,
		.since_ns = incidents->since_ns,
		.calls_cpu_ns = settings->system_calls ? INCIDENTS_CALLS_CPU_NS : 0,
	};
	int err;

	/*
	 * The strings belong to the rules. A reload frees the old rules only after
	 * incident_log_use().
	 */
	incidents->settings = *settings;
	if (!settings->dir)
		return 0;
	err = collector_open(&options, &incidents->collector, error);
	if (err)
		return err;
	err = sd_event_add_time_relative(incidents->event, &incidents->timer, CLOCK_MONOTONIC, 0, 0,
					 on_timer, incidents);
	if (err >= 0)
		err = sd_event_source_set_priority(incidents->timer, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_add_io(incidents->event, &incidents->readable,
				      collector_fd(incidents->collector), EPOLLIN, on_readable,
				      incidents);
	if (err >= 0)
		err = sd_event_source_set_priority(incidents->readable, SD_EVENT_PRIORITY_IDLE);
	if (err < 0)
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	return settings->samples ? follow(incidents, error) : 0;
}

int incident_log_open(sd_event *event, struct maze *maze, struct log *log,
		      const struct incidents_settings *settings,
		      struct incident_log **ret_incidents, struct maze_error *error)
{
	struct incident_log *incidents = calloc(1, sizeof(*incidents));
	int err;

	if (!incidents)
		return maze_fail(error, -ENOMEM, "out of memory");
	incidents->event = event;
	incidents->maze = maze;
	incidents->log = log;
	incidents->since_ns = now_ns(CLOCK_BOOTTIME);
	err = limited_log_open(event, log, &incidents->limited);
	if (err < 0) {
		free(incidents);
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	}
	err = begin(incidents, settings, error);
	if (err) {
		incident_log_close(incidents);
		return err;
	}
	*ret_incidents = incidents;
	return 0;
}

const struct incident_totals *incident_log_totals(const struct incident_log *incidents)
{
	return &incidents->totals;
}

void incident_log_record(struct incident_log *incidents, const struct maze_record *record,
			 const char *rule, const struct maze_policy *policy)
{
	if (!incidents->collector)
		return;
	collector_record(incidents->collector, record, maze_engine_name(incidents->maze), rule,
			 policy);
	sd_event_source_set_time_relative(incidents->timer, 0);
	sd_event_source_set_enabled(incidents->timer, SD_EVENT_ONESHOT);
}

void incident_log_action(void *arg, const struct log_action *result)
{
	struct incident_log *incidents = arg;
	struct episode_action action = {
		.boot_ns = now_ns(CLOCK_BOOTTIME),
		.hard = result->entry.record->event == MAZE_EVENT_HARD,
		.pending = result->pending,
		.tried = result->tried,
		.applied = result->applied,
	};

	if (!incidents->collector || result->quiet)
		return;
	snprintf(action.name, sizeof(action.name), "%s", result->action);
	snprintf(action.text, sizeof(action.text), "%s",
		 result->pending ? "the result is not known yet" : result->text);
	collector_action(incidents->collector, result->entry.record, &action);
	sd_event_source_set_time_relative(incidents->timer, 0);
	sd_event_source_set_enabled(incidents->timer, SD_EVENT_ONESHOT);
}

int incident_log_use(struct incident_log *incidents, const struct incidents_settings *settings,
		     struct maze_error *error)
{
	const struct incidents_settings before = incidents->settings;
	int err;

	if (!incidents_settings_differ(&before, settings)) {
		incidents->settings = *settings;
		return 0;
	}
	stop(incidents);
	err = begin(incidents, settings, error);
	if (!err)
		return 0;
	stop(incidents);
	if (begin(incidents, &before, NULL))
		log_printf(incidents->log, LOG_ERR, "no incidents are kept any more");
	return err;
}

void incident_log_close(struct incident_log *incidents)
{
	if (!incidents)
		return;
	stop(incidents);
	limited_log_close(incidents->limited);
	free(incidents);
}
