/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records and list entries as JSON objects on one line. Keys are only ever added,
 * never renamed: scripts read them.
 */
#include "../core/step.h"
#include "record_time.h"

#include <jansson.h>
#include <string.h>

/*
 * A name may hold any bytes, a JSON string only UTF-8: what is not shown as it is
 * becomes U+FFFD, byte by byte.
 */
static json_t *name_json(const char *name)
{
	char text[MAZE_COMM_LEN * 3 + 1];
	size_t i, n = 0, length = strnlen(name, MAZE_COMM_LEN);
	json_t *whole = json_stringn(name, length);

	if (whole)
		return whole;
	for (i = 0; i < length; i++) {
		if ((unsigned char)name[i] < 128) {
			text[n++] = name[i];
		} else {
			memcpy(text + n, "\xef\xbf\xbd", 3);
			n += 3;
		}
	}
	return json_stringn(text, n);
}

static json_t *signal_json(int signal)
{
	char name[32];

	return signal ? json_string(maze_signal_format(signal, name, sizeof(name))) : json_null();
}

static json_t *soft_signal_json(const struct maze_entry *entry)
{
	char name[32];

	return entry->soft_signal ? json_string(maze_soft_signal_format(
					    entry->flags, entry->soft_signal, name, sizeof(name)))
				  : json_null();
}

static json_t *number_json(maze_u64 value)
{
	return json_integer((json_int_t)value);
}

static char *dump(json_t *object)
{
	/* A terminal may show it: no control or reordering characters but as \u escapes. */
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);

	json_decref(object);
	return text;
}

/* A number where it is one, so that it can be computed with. */
static json_t *recovery_json(maze_u32 recovery)
{
	char text[32];

	if (recovery == MAZE_RECOVERY_INF || maze_recovery_is_for_locks(recovery))
		return json_string(maze_recovery_format(recovery, text, sizeof(text)));
	return json_real((double)recovery / MAZE_RECOVERY_ONE);
}

static void set_verdict(json_t *object, const struct maze_record *record)
{
	json_object_set_new(object, "fatal", json_boolean(record->flags & MAZE_RECORD_FATAL));
	json_object_set_new(object, "used_ns", number_json(record->used_ns));
	json_object_set_new(object, "asleep_ns", number_json(record->asleep_ns));
	json_object_set_new(object, "sleeps", number_json(record->sleeps));
}

char *maze_record_json(const struct maze_record *record, const char *engine)
{
	const char *event = maze_event_name(record->event);
	char time[RFC3339_LEN];
	json_t *object = json_object();

	json_object_set_new(object, "time", json_string(record_time_format(record->boot_ns, time)));
	json_object_set_new(object, "event", json_string(event ? event : "unknown"));
	json_object_set_new(object, "pid", number_json(record->pid));
	json_object_set_new(object, "tid", number_json(record->tid));
	json_object_set_new(object, "comm", name_json(record->comm));
	json_object_set_new(object, "uid", number_json(record->uid));
	json_object_set_new(object, "count_ns", number_json(record->count_ns));
	json_object_set_new(object, "limit_ns", number_json(record->limit_ns));
	json_object_set_new(object, "signal", signal_json(record->signal));
	json_object_set_new(object, "signal_number", number_json(record->signal));
	json_object_set_new(object, "sent", json_boolean(record->flags & MAZE_RECORD_SENT));
	if (record->not_sent)
		json_object_set_new(object, "not_sent",
				    json_string(maze_not_sent_name(record->not_sent)));
	if (record->event == MAZE_EVENT_SOFT || record->event == MAZE_EVENT_HARD)
		set_verdict(object, record);
	json_object_set_new(object, "shadow", json_boolean(record->flags & MAZE_RECORD_SHADOW));
	json_object_set_new(object, "engine", json_string(engine));
	json_object_set_new(object, "cpu", number_json(record->cpu));
	json_object_set_new(object, "episode", number_json(record->episode));
	if (record->event == MAZE_EVENT_WATCH)
		json_object_set_new(object, "inherited",
				    json_boolean(record->flags & MAZE_RECORD_INHERITED));
	if (record->event == MAZE_EVENT_LOST)
		json_object_set_new(object, "lost", number_json(record->lost));
	return dump(object);
}

static const char *fired_name(maze_u32 fired)
{
	return fired & MAZE_FIRED_HARD ? "hard" : fired & MAZE_FIRED_SOFT ? "soft" : "none";
}

char *maze_entry_json(const struct maze_entry *entry, const char *engine)
{
	json_t *object = json_object();

	json_object_set_new(object, "pid", number_json(entry->pid));
	json_object_set_new(object, "tid", number_json(entry->tid));
	json_object_set_new(object, "comm", name_json(entry->comm));
	json_object_set_new(object, "uid", number_json(entry->uid));
	json_object_set_new(object, "count_ns", number_json(entry->count_ns));
	json_object_set_new(object, "soft_ns", number_json(entry->soft_ns));
	json_object_set_new(object, "hard_ns", number_json(entry->hard_ns));
	json_object_set_new(object, "soft_signal", soft_signal_json(entry));
	json_object_set_new(object, "hard_signal", signal_json(entry->hard_signal));
	json_object_set_new(object, "recovery", recovery_json(entry->recovery));
	json_object_set_new(
		object, "yield",
		json_string(entry->flags & MAZE_POLICY_YIELD_COUNTS ? "count" : "reset"));
	json_object_set_new(object, "inherit", json_boolean(entry->flags & MAZE_POLICY_INHERIT));
	json_object_set_new(
		object, "signal_to",
		json_string(entry->flags & MAZE_POLICY_TO_PROCESS ? "process" : "thread"));
	json_object_set_new(object, "shadow", json_boolean(entry->flags & MAZE_POLICY_SHADOW));
	json_object_set_new(object, "fired", json_string(fired_name(entry->fired)));
	json_object_set_new(object, "episode", number_json(entry->episode));
	json_object_set_new(object, "engine", json_string(engine));
	return dump(object);
}
