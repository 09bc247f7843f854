/* SPDX-License-Identifier: GPL-2.0-only */
#include "log_text.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "../../base/escape.h"
#include "../../lib/record_text.h"

void log_text_of_record(const struct log_entry *entry, char *buf, size_t size)
{
	record_text_named(entry->record, entry->engine, entry->cgroup, entry->rule, buf, size);
}

void log_text_of_action(const struct log_action *action, char *buf, size_t size)
{
	const struct maze_record *record = action->entry.record;
	char name[MAZE_COMM_LEN + 1], head[512], whole[RECORD_TEXT_LEN + 1024];
	maze_u32 scope = maze_record_scope(record);

	snprintf(name, sizeof(name), "%.*s", MAZE_COMM_LEN, record->comm);
	if (scope == MAZE_SCOPE_CGROUP)
		snprintf(head, sizeof(head), "%s: cgroup %s", action->action,
			 action->entry.cgroup ?: name);
	else if (scope)
		snprintf(head, sizeof(head), "%s: %s[%u] %s", action->action, name, record->pid,
			 maze_policy_scope_name(scope));
	else
		snprintf(head, sizeof(head), "%s: %s[%u] thread %u", action->action, name,
			 record->pid, record->tid);
	if (action->entry.rule)
		snprintf(whole, sizeof(whole), "%s: %s, rule %s", head, action->text,
			 action->entry.rule);
	else
		snprintf(whole, sizeof(whole), "%s: %s", head, action->text);
	escape_copy(buf, size, whole);
}

int log_priority_of_record(const struct maze_record *record)
{
	switch (record->event) {
	case MAZE_EVENT_HARD:
	case MAZE_EVENT_SOFT:
		/* In shadow, no signal was sent, so the record is not a warning. */
		return record->flags & MAZE_RECORD_SHADOW ? LOG_NOTICE : LOG_WARNING;
	case MAZE_EVENT_LOST:
		return LOG_WARNING;
	default:
		return LOG_INFO;
	}
}

int log_priority_of_action(const struct log_action *action)
{
	if (action->applied)
		return LOG_NOTICE;
	return action->entry.record->flags & MAZE_RECORD_SHADOW ? LOG_NOTICE : LOG_WARNING;
}
