/* SPDX-License-Identifier: GPL-2.0-only */
#include "record_table.h"

#define AT(member) offsetof(struct maze_record, member), sizeof(((struct maze_record *)0)->member)
#define NUMBER(member) RECORD_NUMBER, AT(member), 0
#define FLAG(name) RECORD_FLAG, AT(flags), MAZE_RECORD_##name
#define ON(event) (1U << MAZE_EVENT_##event)
#define VERDICT (ON(SOFT) | ON(HARD))
#define THREAD (1U << MAZE_SCOPE_THREAD)
#define GROUP (~THREAD)

/* clang-format off */
const struct record_field record_table[] = {
	{ "time", "MAZE_TIME", RECORD_TIME, AT(boot_ns), 0, 0, 0, NULL },
	{ "event", "MAZE_EVENT", RECORD_EVENT, AT(event), 0, 0, 0, NULL },
	{ "scope", "MAZE_SCOPE", RECORD_SCOPE, AT(flags), 0, 0, 0, "scope" },
	{ "pid", "MAZE_PID", NUMBER(pid), 0, 0, NULL },
	{ "tid", "MAZE_TID", NUMBER(tid), 0, 0, NULL },
	{ "comm", "MAZE_COMM", RECORD_COMM, AT(comm), 0, 0, 0, NULL },
	{ "uid", "MAZE_UID", NUMBER(uid), 0, 0, NULL },
	{ "cgroup_id", "MAZE_CGROUP_ID", NUMBER(cgroup_id), 0, 0, "cgroup_id" },
	{ "count_ns", "MAZE_COUNT_NS", NUMBER(count_ns), 0, 0, NULL },
	{ "limit_ns", "MAZE_LIMIT_NS", NUMBER(limit_ns), 0, 0, NULL },
	{ "share", "MAZE_SHARE", RECORD_SHARE, AT(share), 0, 0, GROUP, NULL },
	{ "signal", "MAZE_SIGNAL", RECORD_SIGNAL, AT(signal), 0, 0, 0, NULL },
	{ "signal_number", NULL, NUMBER(signal), 0, 0, NULL },
	{ "sent", "MAZE_SENT", FLAG(SENT), 0, 0, NULL },
	{ "not_sent", "MAZE_NOT_SENT", RECORD_NOT_SENT, AT(not_sent), 0, 0, 0, "not_sent" },
	{ "fatal", "MAZE_FATAL", FLAG(FATAL), VERDICT, 0, "fatal" },
	{ "used_ns", "MAZE_USED_NS", NUMBER(used_ns), VERDICT, 0, "used_ns" },
	{ "asleep_ns", "MAZE_ASLEEP_NS", NUMBER(asleep_ns), VERDICT, THREAD, "used_ns" },
	{ "sleeps", "MAZE_SLEEPS", NUMBER(sleeps), VERDICT, THREAD, "used_ns" },
	{ "elapsed_ns", "MAZE_ELAPSED_NS", NUMBER(elapsed_ns), VERDICT, GROUP, NULL },
	{ "shadow", "MAZE_SHADOW", FLAG(SHADOW), 0, 0, NULL },
	{ "tripped", "MAZE_TRIPPED", FLAG(TRIPPED), VERDICT, 0, "tripped" },
	{ "engine", "MAZE_ENGINE", RECORD_ENGINE, 0, 0, 0, 0, 0, NULL },
	{ "cpu", "MAZE_CPU", NUMBER(cpu), 0, 0, NULL },
	{ "episode", "MAZE_EPISODE", NUMBER(episode), 0, 0, NULL },
	{ "inherited", "MAZE_INHERITED", FLAG(INHERITED), ON(WATCH), 0, NULL },
	{ "lost", "MAZE_LOST", NUMBER(lost), ON(LOST), 0, NULL },
	{ 0 },
};
/* clang-format on */

bool record_has_field(const struct maze_record *record, const struct record_field *field)
{
	if (field->scopes && !(field->scopes >> maze_record_scope(record) & 1))
		return false;
	return !field->events ||
	       (record->event < MAZE_EVENT_COUNT_ && field->events >> record->event & 1);
}

maze_u64 record_get(const struct maze_record *record, const struct record_field *field)
{
	const void *at = (const char *)record + field->offset;

	if (field->flag)
		return !!(record->flags & field->flag);
	return field->size == sizeof(maze_u64)	 ? *(const maze_u64 *)at
	       : field->size == sizeof(maze_u32) ? *(const maze_u32 *)at
						 : *(const maze_u16 *)at;
}
