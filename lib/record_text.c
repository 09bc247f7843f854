/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes records as lines of text. */
#include "record_time.h"
#include "../base/escape.h"

#include <stdio.h>
#include <string.h>

static const char *const event_names[MAZE_EVENT_COUNT_] = {
	[MAZE_EVENT_SOFT] = "soft",   [MAZE_EVENT_HARD] = "hard",	[MAZE_EVENT_EXIT] = "exit",
	[MAZE_EVENT_WATCH] = "watch", [MAZE_EVENT_UNWATCH] = "unwatch", [MAZE_EVENT_LOST] = "lost",
};

static const char *const not_sent_names[MAZE_NOT_SENT_COUNT_] = {
	[MAZE_NOT_SENT_EXITING] = "thread was exiting",
	[MAZE_NOT_SENT_BUSY] = "kernel was busy",
	[MAZE_NOT_SENT_WATCH_ENDED] = "watch ended first",
	[MAZE_NOT_SENT_NO_HANDLER] = "no handler",
	[MAZE_NOT_SENT_IGNORED] = "ignored",
	[MAZE_NOT_SENT_BLOCKED] = "blocked",
	[MAZE_NOT_SENT_INIT] = "first process of its PID namespace",
	[MAZE_NOT_SENT_OTHER] = "other reason",
};

const char *maze_not_sent_name(unsigned int not_sent)
{
	return not_sent < MAZE_NOT_SENT_COUNT_ ? not_sent_names[not_sent] : NULL;
}

const char *maze_event_name(unsigned int event)
{
	return event < MAZE_EVENT_COUNT_ ? event_names[event] : NULL;
}

static void describe_signal(const struct maze_record *record, char *buf, size_t size)
{
	const char *reason = maze_not_sent_name(record->not_sent);
	bool shadow = record->flags & MAZE_RECORD_SHADOW;
	char signal[32];
	const char *did;

	maze_signal_format(record->signal, signal, sizeof(signal));
	if (!record->signal) {
		snprintf(buf, size, "recorded only");
		return;
	}
	if (reason)
		did = shadow ? "shadow: would not have delivered" : "did not deliver";
	else if (shadow)
		did = record->flags & MAZE_RECORD_FATAL ? "shadow: would have ended it with"
							: "shadow: would have sent";
	else
		did = record->flags & MAZE_RECORD_SENT ? "sent" : "did not deliver";
	snprintf(buf, size, "%s %s%s%s", did, signal, reason ? ": " : "", reason ? reason : "");
}

static void describe_used(const struct maze_record *record, char *buf, size_t size)
{
	char used[128], count[128], asleep[RECORD_ASLEEP_LEN];

	maze_duration_format(record->used_ns, used, sizeof(used));
	maze_duration_format(record->count_ns, count, sizeof(count));
	record_asleep_format(record->used_ns, record->asleep_ns, asleep);
	if (!record->sleeps)
		snprintf(buf, size, "%s of CPU without sleeping", used);
	else
		snprintf(buf, size, "%s of CPU, asleep %s of the time in %u sleep%s, count %s",
			 used, asleep, record->sleeps, record->sleeps == 1 ? "" : "s", count);
}

int maze_record_text(const struct maze_record *record, const char *engine, char *buf, size_t size)
{
	char time[RFC3339_LEN], name[MAZE_COMM_LEN * ESCAPE_MAX], count[128], limit[128], sent[128],
		used[384];
	const char *event = maze_event_name(record->event);
	char comm[MAZE_COMM_LEN + 1] = "", thread[MAZE_COMM_LEN * ESCAPE_MAX + 64];

	memcpy(comm, record->comm, MAZE_COMM_LEN);
	record_time_format(record->boot_ns, time);
	escape_copy(name, sizeof(name), comm);
	maze_duration_format(record->count_ns, count, sizeof(count));
	maze_duration_format(record->limit_ns, limit, sizeof(limit));
	snprintf(thread, sizeof(thread), "%s[%u] thread %u uid %u", name, record->pid, record->tid,
		 record->uid);
	switch (record->event) {
	case MAZE_EVENT_SOFT:
	case MAZE_EVENT_HARD:
		describe_signal(record, sent, sizeof(sent));
		describe_used(record, used, sizeof(used));
		return snprintf(buf, size, "%s %s: %s used %s, limit %s; %s (%s, cpu %u)", time,
				event, thread, used, limit, sent, engine, record->cpu);
	case MAZE_EVENT_EXIT:
		return snprintf(buf, size, "%s exit: %s ended with a count of %s (%s, cpu %u)",
				time, thread, count, engine, record->cpu);
	case MAZE_EVENT_WATCH:
		return snprintf(buf, size, "%s watch: %s is watched%s (%s)", time, thread,
				record->flags & MAZE_RECORD_INHERITED ? ", inherited" : "", engine);
	case MAZE_EVENT_UNWATCH:
		return snprintf(buf, size, "%s unwatch: %s is no longer watched, count %s (%s)",
				time, thread, count, engine);
	case MAZE_EVENT_LOST:
		if (record->tid)
			return snprintf(
				buf, size,
				"%s lost: %s could not be watched like its parent, for lack of "
				"memory, open files or timers (%s)",
				time, thread, engine);
		return snprintf(buf, size, "%s lost: %llu record%s overwritten unread (%s)", time,
				record->lost, record->lost == 1 ? "" : "s", engine);
	default:
		return snprintf(buf, size, "%s unknown: event %u (%s)", time, record->event,
				engine);
	}
}
