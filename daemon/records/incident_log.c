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

struct gather {
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

static void say(struct gather *gather, const struct incidents_said *said)
{
	size_t i;

	for (i = 0; i < said->count; i++)
		limited_log_incident(gather->limited, said->line[i].uid,
				     said->line[i].trouble ? LOG_WARNING : LOG_INFO,
				     said->line[i].text);
}

static void work(struct gather *gather)
{
	struct incidents_said said;
	int ms = collector_work(gather->collector, &said);

	say(gather, &said);
	if (ms < 0) {
		sd_event_source_set_enabled(gather->later, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(gather->later, (uint64_t)ms * 1000);
	sd_event_source_set_enabled(gather->later, SD_EVENT_ONESHOT);
}

/* True: there may be more. */
static bool take_evidence(struct gather *gather)
{
	struct maze_process_info process_info;
	struct maze_stack stack;
	maze_u64 lost;
	int i, taken = 0;

	for (i = 0; i < BATCH_MAX; i++, taken++) {
		if (maze_evidence_next_process_info(gather->evidence, &process_info) != 1)
			break;
		if (process_info.boot_ns >= gather->since_ns)
			collector_process_info(gather->collector, &process_info);
	}
	for (i = 0; i < BATCH_MAX; i++, taken++) {
		if (maze_evidence_next_stack(gather->evidence, &stack) != 1)
			break;
		if (stack.boot_ns >= gather->since_ns)
			collector_stack(gather->collector, &stack);
	}
	lost = maze_evidence_lost(gather->evidence);
	if (lost != gather->lost)
		log_printf(gather->log, LOG_WARNING,
			   "%llu samples or process_infos of incidents are lost",
			   lost - gather->lost);
	gather->lost = lost;
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

static void stop(struct gather *gather)
{
	struct incidents_said said = { 0 };

	if (gather->evidence)
		while (take_evidence(gather))
			;
	gather->source = sd_event_source_disable_unref(gather->source);
	gather->later = sd_event_source_disable_unref(gather->later);
	gather->workers = sd_event_source_disable_unref(gather->workers);
	maze_evidence_close(gather->evidence);
	collector_close(gather->collector, &said);
	say(gather, &said);
	gather->evidence = NULL;
	gather->collector = NULL;
}

static int listen_to_evidence(struct gather *gather, struct maze_error *error)
{
	const struct maze_evidence_wants wants = { .stacks_max = gather->settings.samples };
	struct maze_error why = { "" };
	int err = maze_evidence_open(gather->maze, &wants, &gather->evidence, &why);

	if (err == -EOPNOTSUPP) {
		log_printf(gather->log, LOG_NOTICE, "incidents have no samples: %s", why.text);
		return 0;
	}
	if (err)
		return maze_fail(error, err, "%s", why.text);
	gather->lost = 0;
	err = sd_event_add_io(gather->event, &gather->source, maze_evidence_fd(gather->evidence),
			      EPOLLIN, on_evidence, gather);
	if (err >= 0)
		err = sd_event_source_set_priority(gather->source, SD_EVENT_PRIORITY_IDLE);
	return err < 0 ? maze_fail(error, err, "no place in the event loop: %s", strerror(-err))
		       : 0;
}

static int begin(struct gather *gather, const struct incidents_settings *settings,
		 struct maze_error *error)
{
	const struct incidents_options options = {
		.dir = settings->dir,
		.count_max = settings->count_max,
		.bytes_max = settings->bytes_max,
		.age_max_ns = settings->age_max_ns,
		.no_unwind = !settings->unwind,
		.masks = (const char *const *)settings->masks.items,
		.masks_count = settings->masks.count,
		.shared = true,
	};
	int err;

	/* Borrowed from the rules, which are exchanged together with these. */
	gather->settings = *settings;
	if (!settings->dir)
		return 0;
	err = collector_open(&options, &gather->collector, error);
	if (err)
		return err;
	err = sd_event_add_time_relative(gather->event, &gather->later, CLOCK_MONOTONIC, 0, 0,
					 on_later, gather);
	if (err >= 0)
		err = sd_event_source_set_priority(gather->later, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_add_io(gather->event, &gather->workers,
				      collector_fd(gather->collector), EPOLLIN, on_workers, gather);
	if (err >= 0)
		err = sd_event_source_set_priority(gather->workers, SD_EVENT_PRIORITY_IDLE);
	if (err < 0)
		return maze_fail(error, err, "no place in the event loop: %s", strerror(-err));
	return settings->samples ? listen_to_evidence(gather, error) : 0;
}

int gather_open(sd_event *event, struct maze *maze, struct log *log,
		const struct incidents_settings *settings, struct gather **ret_gather,
		struct maze_error *error)
{
	struct gather *gather = calloc(1, sizeof(*gather));
	int err;

	if (!gather)
		return maze_fail(error, -ENOMEM, "out of memory");
	gather->event = event;
	gather->maze = maze;
	gather->log = log;
	gather->since_ns = now_ns(CLOCK_BOOTTIME);
	err = limited_log_open(event, log, &gather->limited);
	if (err < 0) {
		free(gather);
		return maze_fail(error, err, "no place in the event loop: %s", strerror(-err));
	}
	err = begin(gather, settings, error);
	if (err) {
		gather_close(gather);
		return err;
	}
	*ret_gather = gather;
	return 0;
}

void gather_record(struct gather *gather, const struct maze_record *record, const char *rule,
		   const struct maze_policy *policy)
{
	/* Of before our time: where it was is not to be seen any more. */
	if (!gather->collector || record->boot_ns < gather->since_ns)
		return;
	collector_record(gather->collector, record, maze_engine_name(gather->maze), rule, policy);
	sd_event_source_set_time_relative(gather->later, 0);
	sd_event_source_set_enabled(gather->later, SD_EVENT_ONESHOT);
}

int gather_use(struct gather *gather, const struct incidents_settings *settings,
	       struct maze_error *error)
{
	const struct incidents_settings before = gather->settings;
	int err;

	if (!incidents_settings_differ(&before, settings)) {
		gather->settings = *settings;
		return 0;
	}
	stop(gather);
	err = begin(gather, settings, error);
	if (!err)
		return 0;
	stop(gather);
	if (begin(gather, &before, NULL))
		log_printf(gather->log, LOG_ERR, "no incidents are kept any more");
	return err;
}

void gather_close(struct gather *gather)
{
	if (!gather)
		return;
	stop(gather);
	limited_log_close(gather->limited);
	free(gather);
}
