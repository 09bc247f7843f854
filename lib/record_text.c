/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes records as lines of text. */
#include "record_text.h"
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
	const char *tripped = record->flags & MAZE_RECORD_TRIPPED ? ", max-hard is reached" : "";
	char signal[32];
	const char *did;

	maze_signal_format(record->signal, signal, sizeof(signal));
	if (!record->signal) {
		snprintf(buf, size, "recorded only%s", tripped);
		return;
	}
	if (reason)
		did = shadow ? "shadow: would not have delivered" : "did not deliver";
	else if (shadow)
		did = record->flags & MAZE_RECORD_FATAL ? "shadow: would have ended it with"
							: "shadow: would have sent";
	else
		did = record->flags & MAZE_RECORD_SENT ? "sent" : "did not deliver";
	snprintf(buf, size, "%s %s%s%s%s", did, signal, reason ? ": " : "", reason ? reason : "",
		 tripped);
}

static void describe_used(const struct maze_record *record, char *buf, size_t size)
{
	char used[128], count[128], elapsed[128], share[32], asleep[RECORD_ASLEEP_LEN];

	maze_duration_format(record->used_ns, used, sizeof(used));
	maze_duration_format(record->count_ns, count, sizeof(count));
	if (maze_record_scope(record)) {
		snprintf(buf, size, "%s of CPU in %s, %s more than %s of a CPU allows", used,
			 maze_duration_format(record->elapsed_ns, elapsed, sizeof(elapsed)), count,
			 maze_share_format(record->share, share, sizeof(share)));
		return;
	}
	record_asleep_format(record->used_ns, record->asleep_ns, asleep);
	if (!record->sleeps)
		snprintf(buf, size, "%s of CPU without sleeping", used);
	else
		snprintf(buf, size, "%s of CPU, asleep %s of the time in %u sleep%s, count %s",
			 used, asleep, record->sleeps, record->sleeps == 1 ? "" : "s", count);
}

#define SUBJECT_LEN (MAZE_COMM_LEN * ESCAPE_MAX + 64)

/* A control group has no PID, and its name is the last part of its path. */
static void describe_subject(const struct maze_record *record, char buf[SUBJECT_LEN])
{
	char comm[MAZE_COMM_LEN + 1] = "", name[MAZE_COMM_LEN * ESCAPE_MAX];
	maze_u32 scope = maze_record_scope(record);

	memcpy(comm, record->comm, MAZE_COMM_LEN);
	escape_copy(name, sizeof(name), comm);
	if (scope == MAZE_SCOPE_CGROUP)
		snprintf(buf, SUBJECT_LEN, "%s cgroup %llu", name, record->cgroup_id);
	else if (scope)
		snprintf(buf, SUBJECT_LEN, "%s[%u] %s", name, record->pid,
			 maze_policy_scope_name(scope));
	else if (record->uid == MAZE_UID_UNKNOWN)
		snprintf(buf, SUBJECT_LEN, "%s[%u] thread %u", name, record->pid, record->tid);
	else
		snprintf(buf, SUBJECT_LEN, "%s[%u] thread %u uid %u", name, record->pid,
			 record->tid, record->uid);
}

int maze_record_text(const struct maze_record *record, const char *engine, char *buf, size_t size)
{
	char time[RFC3339_LEN], count[128], limit[128], sent[160], used[448], subject[SUBJECT_LEN];
	bool group = maze_record_scope(record);
	const char *event = maze_event_name(record->event);
	/* The members of a group run on several CPUs. */
	char by[64], cpu[16] = "";

	if (!group)
		snprintf(cpu, sizeof(cpu), ", cpu %u", record->cpu);
	snprintf(by, sizeof(by), "(%s%s)", engine, cpu);
	record_time_format(record->boot_ns, time);
	describe_subject(record, subject);
	maze_duration_format(record->count_ns, count, sizeof(count));
	switch (record->event) {
	case MAZE_EVENT_SOFT:
	case MAZE_EVENT_HARD:
		maze_duration_format(record->limit_ns, limit, sizeof(limit));
		describe_signal(record, sent, sizeof(sent));
		describe_used(record, used, sizeof(used));
		return snprintf(buf, size, "%s %s: %s used %s, limit %s; %s %s", time, event,
				subject, used, limit, sent, by);
	case MAZE_EVENT_EXIT:
		return snprintf(buf, size, "%s exit: %s ended with a %s of %s %s", time, subject,
				group ? "level" : "count", count, by);
	case MAZE_EVENT_WATCH:
		return snprintf(buf, size, "%s watch: %s is watched%s (%s)", time, subject,
				record->flags & MAZE_RECORD_INHERITED ? ", inherited" : "", engine);
	case MAZE_EVENT_UNWATCH:
		return snprintf(buf, size, "%s unwatch: %s is no longer watched, %s %s (%s)", time,
				subject, group ? "level" : "count", count, engine);
	case MAZE_EVENT_LOST:
		if (record->tid)
			return snprintf(
				buf, size,
				"%s lost: %s could not be watched like its parent, for lack of "
				"memory, open files or timers (%s)",
				time, subject, engine);
		return snprintf(buf, size, "%s lost: %llu record%s overwritten unread (%s)", time,
				record->lost, record->lost == 1 ? "" : "s", engine);
	default:
		return snprintf(buf, size, "%s unknown: event %u (%s)", time, record->event,
				engine);
	}
}

const char *record_text_named(const struct maze_record *record, const char *engine,
			      const char *cgroup, const char *rule, char *buf, size_t size)
{
	char text[RECORD_TEXT_LEN], whole[RECORD_TEXT_LEN + MAZE_GROUP_NAME_LEN + 128];
	const char *words;

	maze_record_text(record, engine, text, sizeof(text));
	words = strchr(text, ' ');
	words = words ? words + 1 : text;
	snprintf(whole, sizeof(whole), "%s%s%s%s%s", words, cgroup ? ", cgroup " : "",
		 cgroup ? cgroup : "", rule ? ", rule " : "", rule ? rule : "");
	return escape_copy(buf, size, whole);
}
