/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A summary logs how many records an interval has hidden. The timer runs only while a
 * summary is to be logged.
 */
#include "limited_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "repeat.h"
#include "../rules/tag.h"
#include "../rules/rule_settings.h"
#include "../../base/clock.h"

/* A summary is not urgent, so its timer may expire late, together with another. */
#define ACCURACY_USEC 1000000U

struct limited_log {
	struct log *log;
	struct repeat *repeat;
	sd_event_source *timer;
	maze_u64 due_ns; /* the time that the timer is set to; 0: off */
};

static void summarize(struct limited_log *limited, maze_u64 until_ns)
{
	struct repeat_summary summary;
	char time[64];

	while (repeat_summarize(limited->repeat, until_ns, &summary)) {
		maze_duration_format(summary.time_ns, time, sizeof(time));
		log_printf(limited->log, LOG_NOTICE, "%s: %llu more %s in the last %s not shown",
			   summary.name, summary.hidden, summary.hidden == 1 ? "record" : "records",
			   time);
	}
}

static void set_timer(struct limited_log *limited)
{
	maze_u64 due_ns = repeat_due_ns(limited->repeat);

	if (due_ns == limited->due_ns)
		return;
	limited->due_ns = due_ns;
	/* Rounding up ensures that the interval has ended when the timer expires. */
	sd_event_source_set_time(limited->timer, due_ns / MAZE_NSEC_PER_USEC + 1);
	sd_event_source_set_enabled(limited->timer, due_ns ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct limited_log *limited = userdata;

	(void)source;
	(void)usec;
	summarize(limited, now_ns(CLOCK_MONOTONIC));
	limited->due_ns = 0;
	set_timer(limited);
	return 0;
}

int limited_log_open(sd_event *event, struct log *log, struct limited_log **ret_limited)
{
	struct limited_log *limited = calloc(1, sizeof(*limited));
	int err;

	if (!limited)
		return -ENOMEM;
	limited->log = log;
	limited->repeat = repeat_new();
	err = limited->repeat ? sd_event_add_time(event, &limited->timer, CLOCK_MONOTONIC, 0,
						  ACCURACY_USEC, on_timer, limited)
			      : -ENOMEM;
	if (err < 0) {
		repeat_free(limited->repeat);
		free(limited);
		return err;
	}
	sd_event_source_set_description(limited->timer, "repeat");
	sd_event_source_set_enabled(limited->timer, SD_EVENT_OFF);
	*ret_limited = limited;
	return 0;
}

void limited_log_close(struct limited_log *limited)
{
	if (!limited)
		return;
	/* At the maximum time, all intervals have ended. */
	summarize(limited, (maze_u64)-1);
	sd_event_source_disable_unref(limited->timer);
	repeat_free(limited->repeat);
	free(limited);
}

static bool usual_allows(struct limited_log *limited, const char *name, maze_u64 now)
{
	struct rule_settings usual;

	rule_settings_init(&usual);
	return repeat_allows(limited->repeat, name, usual.repeat_count, usual.repeat_ns, now);
}

/* Each user has a separate limit, so records of one user do not hide another's. */
static bool rule_allows(struct limited_log *limited, const struct log_entry *entry,
			const struct rule_settings *settings, maze_u64 now)
{
	char name[REPEAT_NAME_SIZE];

	if (entry->record->uid == 0)
		snprintf(name, sizeof(name), "rule %s", entry->rule);
	else
		snprintf(name, sizeof(name), "rule %s, user id %u", entry->rule,
			 entry->record->uid);
	return repeat_allows(limited->repeat, name, settings->repeat_count, settings->repeat_ns,
			     now);
}

bool limited_log_record(struct limited_log *limited, const struct log_entry *entry,
			const struct rule_settings *settings)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	char name[REPEAT_NAME_SIZE];
	bool shown = true;

	/* The timer may be late, so log the summaries of intervals that have ended. */
	summarize(limited, now);
	snprintf(name, sizeof(name), "watches of user id %u", entry->record->uid);
	if (entry->rule && settings)
		shown = rule_allows(limited, entry, settings, now);
	else if (tag_kind(entry->record->tag) == TAG_USER || entry->record->uid != geteuid())
		shown = usual_allows(limited, name, now);
	if (shown)
		log_record(limited->log, entry);
	set_timer(limited);
	return shown;
}

void limited_log_on_record(void *arg, struct mazed_record *record)
{
	switch (record->entry.record->event) {
	case MAZE_EVENT_SOFT:
	case MAZE_EVENT_HARD:
	case MAZE_EVENT_LOST:
		break;
	default:
		/*
		 * Other records are about the begin or end of a watch. They are logged
		 * only if the watch is one of mazed.
		 */
		if (tag_kind(record->entry.record->tag) == TAG_NONE)
			return;
	}
	record->logged = limited_log_record(arg, &record->entry,
					    record->rule ? &record->rule->settings : NULL);
}

void limited_log_incident(struct limited_log *limited, unsigned int uid, int priority,
			  const struct log_incident *incident)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	char name[REPEAT_NAME_SIZE];

	summarize(limited, now);
	/* Warnings have their own limit, so that other messages do not hide them. */
	snprintf(name, sizeof(name), "%s of user id %u",
		 priority < LOG_INFO ? "warnings about incidents" : "incidents", uid);
	if (uid == geteuid() || usual_allows(limited, name, now)) {
		if (incident->id[0])
			log_incident(limited->log, priority, incident);
		else
			log_printf(limited->log, priority, "%s", incident->text);
	}
	set_timer(limited);
}
