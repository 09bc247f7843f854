/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the engine to incidents; see gather.h. All the work is done by the workers of
 * evidence/collector.h; pieces are handed to them in the event loop's idle time.
 */
#include "incident_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "../../evidence/collector.h"
#include "../../base/error.h"
#include "../log/limited_log.h"
#include "../../base/clock.h"

/* Taken before others have their turn; each is copied, no more. */
#define BATCH_MAX 64

struct incident_log {
	sd_event *event;
	struct maze *maze;
	struct log *log;
	struct maze_evidence *evidence; /* NULL: none is taken */
	struct collector *collector;	/* NULL: none are wanted */
	struct limited_log *limited;
	struct incidents_settings settings;
	sd_event_source *source;  /* of the engine's evidence */
	sd_event_source *later;	  /* when incidents want to go on */
	sd_event_source *workers; /* when their workers have something to say */
	maze_u64 lost;		  /* that were said to be */
	maze_u64 since_ns;	  /* what was taken before that is of before our time */
};

static void say(struct incident_log *incidents, const struct incident_messages *messages)
{
	size_t i;

	for (i = 0; i < messages->count; i++)
		limited_log_incident(incidents->limited, messages->message[i].uid,
				     messages->message[i].trouble ? LOG_WARNING : LOG_INFO,
				     messages->message[i].text);
}

static void work(struct incident_log *incidents)
{
	struct incident_messages messages;
	int ms = collector_work(incidents->collector, &messages);

	say(incidents, &messages);
	if (ms < 0) {
		sd_event_source_set_enabled(incidents->later, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(incidents->later, (uint64_t)ms * 1000);
	sd_event_source_set_enabled(incidents->later, SD_EVENT_ONESHOT);
}

/* True: there may be more. */
static bool take_evidence(struct incident_log *incidents)
{
	struct maze_process_info recorded;
	struct maze_stack stack;
	maze_u64 lost;
	int i, taken = 0;

	for (i = 0; i < BATCH_MAX; i++, taken++) {
		if (maze_evidence_next_process_info(incidents->evidence, &recorded) != 1)
			break;
		if (recorded.boot_ns >= incidents->since_ns)
			collector_process_info(incidents->collector, &recorded);
	}
	for (i = 0; i < BATCH_MAX; i++, taken++) {
		if (maze_evidence_next_stack(incidents->evidence, &stack) != 1)
			break;
		if (stack.boot_ns >= incidents->since_ns)
			collector_stack(incidents->collector, &stack);
	}
	lost = maze_evidence_lost(incidents->evidence);
	if (lost != incidents->lost)
		log_say(incidents->log, LOG_WARNING,
			"%llu samples or process_infos of incidents are lost",
			lost - incidents->lost);
	incidents->lost = lost;
	return taken >= BATCH_MAX;
}

static int on_evidence(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	take_evidence(arg);
	work(arg);
	return 0;
}

static int on_workers(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	work(arg);
	return 0;
}

static int on_later(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	work(arg);
	return 0;
}

static void stop(struct incident_log *incidents)
{
	struct incident_messages messages = { 0 };

	if (incidents->evidence)
		while (take_evidence(incidents))
			;
	incidents->source = sd_event_source_disable_unref(incidents->source);
	incidents->later = sd_event_source_disable_unref(incidents->later);
	incidents->workers = sd_event_source_disable_unref(incidents->workers);
	maze_evidence_close(incidents->evidence);
	collector_close(incidents->collector, &messages);
	say(incidents, &messages);
	incidents->evidence = NULL;
	incidents->collector = NULL;
}

static int listen_to_evidence(struct incident_log *incidents, struct maze_error *error)
{
	const struct maze_evidence_wants wants = { .stacks_max = incidents->settings.samples };
	struct maze_error why = { "" };
	int err = maze_evidence_open(incidents->maze, &wants, &incidents->evidence, &why);

	if (err == -EOPNOTSUPP) {
		log_say(incidents->log, LOG_NOTICE, "incidents have no samples: %s", why.text);
		return 0;
	}
	if (err)
		return maze_fail(error, err, "%s", why.text);
	incidents->lost = 0;
	err = sd_event_add_io(incidents->event, &incidents->source,
			      maze_evidence_fd(incidents->evidence), EPOLLIN, on_evidence,
			      incidents);
	if (err >= 0)
		err = sd_event_source_set_priority(incidents->source, SD_EVENT_PRIORITY_IDLE);
	return err < 0 ? maze_fail(error, err, "no place in the event loop: %s", strerror(-err))
		       : 0;
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
		.redact_names = (const char *const *)settings->redact_names.words,
		.redact_names_count = settings->redact_names.count,
		.shared = true,
	};
	int err;

	/* Borrowed from the rules, which are exchanged together with these. */
	incidents->settings = *settings;
	if (!settings->dir)
		return 0;
	err = collector_open(&options, &incidents->collector, error);
	if (err)
		return err;
	err = sd_event_add_time_relative(incidents->event, &incidents->later, CLOCK_MONOTONIC, 0, 0,
					 on_later, incidents);
	if (err >= 0)
		err = sd_event_source_set_priority(incidents->later, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_add_io(incidents->event, &incidents->workers,
				      collector_fd(incidents->collector), EPOLLIN, on_workers,
				      incidents);
	if (err >= 0)
		err = sd_event_source_set_priority(incidents->workers, SD_EVENT_PRIORITY_IDLE);
	if (err < 0)
		return maze_fail(error, err, "no place in the event loop: %s", strerror(-err));
	return settings->samples ? listen_to_evidence(incidents, error) : 0;
}

int incident_log_open(sd_event *event, struct maze *maze, struct log *log,
		      const struct incidents_settings *settings, struct incident_log **ret_log,
		      struct maze_error *error)
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
		return maze_fail(error, err, "no place in the event loop: %s", strerror(-err));
	}
	err = begin(incidents, settings, error);
	if (err) {
		incident_log_close(incidents);
		return err;
	}
	*ret_log = incidents;
	return 0;
}

void incident_log_record(struct incident_log *incidents, const struct maze_record *record,
			 const char *rule, const struct maze_policy *policy)
{
	/* Of before our time: where it was is not to be seen any more. */
	if (!incidents->collector || record->boot_ns < incidents->since_ns)
		return;
	collector_record(incidents->collector, record, maze_engine_name(incidents->maze), rule,
			 policy);
	sd_event_source_set_time_relative(incidents->later, 0);
	sd_event_source_set_enabled(incidents->later, SD_EVENT_ONESHOT);
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
		log_say(incidents->log, LOG_ERR, "no incidents are kept any more");
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
