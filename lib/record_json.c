/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes records, list entries and groups as JSON objects on one line. Keys are never
 * renamed or removed, because scripts read them.
 */
#include "entry_json.h"

#include "../core/step.h"
#include "record_table.h"
#include "record_time.h"

#include <jansson.h>
#include <string.h>

#include "share.h"
#include "utf8_json.h"

/*
 * A name may have any bytes, but a JSON string must be UTF-8. If a name is not UTF-8,
 * each of its bytes above 127 becomes U+FFFD.
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

json_t *signal_json(int signal)
{
	char name[32];

	return signal ? json_string(maze_signal_format(signal, name, sizeof(name))) : json_null();
}

json_t *soft_signal_json(maze_u32 flags, int signal)
{
	char name[32];

	return signal ? json_string(maze_soft_signal_format(flags, signal, name, sizeof(name)))
		      : json_null();
}

static json_t *number_json(maze_u64 value)
{
	return json_integer((json_int_t)value);
}

char *json_line(json_t *object)
{
	/* JSON_ENSURE_ASCII keeps control and reordering characters from a terminal. */
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_DIGITS);

	json_decref(object);
	return text;
}

/* A ratio for all sleeps is a number, so that scripts can compute with it. */
static json_t *recovery_json(maze_u32 recovery)
{
	char text[32];

	if (recovery == MAZE_RECOVERY_INF || maze_recovery_is_for_locks(recovery))
		return json_string(maze_recovery_format(recovery, text, sizeof(text)));
	return json_real((double)recovery / MAZE_RECOVERY_ONE);
}

static json_t *share_json(maze_u32 share)
{
	return json_real((double)share_thousandths(share) / 100000);
}

static json_t *scope_json(maze_u32 scope)
{
	return scope ? json_string(maze_policy_scope_name(scope)) : NULL;
}

static json_t *field_json(const struct record_field *field, const struct maze_record *record,
			  const char *engine)
{
	const char *event = maze_event_name(record->event);
	char time[RFC3339_LEN];

	switch (field->type) {
	case RECORD_NUMBER:
		return number_json(record_get(record, field));
	case RECORD_FLAG:
		return json_boolean(record_get(record, field));
	case RECORD_TIME:
		return json_string(record_time_format(record->boot_ns, time));
	case RECORD_EVENT:
		return json_string(event ? event : "unknown");
	case RECORD_SCOPE:
		return scope_json(maze_record_scope(record));
	case RECORD_COMM:
		return name_json(record->comm);
	case RECORD_SIGNAL:
		return signal_json(record->signal);
	case RECORD_NOT_SENT:
		return record->not_sent ? json_string(maze_not_sent_name(record->not_sent)) : NULL;
	case RECORD_SHARE:
		return share_json(record->share);
	default:
		return json_string(engine);
	}
}

char *maze_record_json(const struct maze_record *record, const char *engine)
{
	const struct record_field *field;
	json_t *object = json_object();

	/* json_object_set_new() ignores a NULL value. */
	for (field = record_table; field->key; field++)
		if (record_has_field(record, field))
			json_object_set_new(object, field->key, field_json(field, record, engine));
	return json_line(object);
}

static const char *fired_name(maze_u32 fired)
{
	return fired & MAZE_FIRED_HARD ? "hard" : fired & MAZE_FIRED_SOFT ? "soft" : "none";
}

static void add_limits(json_t *object, const struct maze_entry *entry)
{
	json_object_set_new(object, "soft_ns", number_json(entry->soft_ns));
	json_object_set_new(object, "hard_ns", number_json(entry->hard_ns));
	json_object_set_new(object, "soft_signal",
			    soft_signal_json(entry->flags, entry->soft_signal));
	json_object_set_new(object, "hard_signal", signal_json(entry->hard_signal));
}

static void add_state(json_t *object, const struct maze_entry *entry, const char *engine,
		      const char *rule)
{
	json_object_set_new(object, "shadow", json_boolean(entry->flags & MAZE_POLICY_SHADOW));
	json_object_set_new(object, "fired", json_string(fired_name(entry->fired)));
	json_object_set_new(object, "episode", number_json(entry->episode));
	json_object_set_new(object, "engine", json_string(engine));
	if (rule)
		json_object_set_new(object, "rule", utf8_json(rule, strlen(rule)));
}

json_t *entry_to_json(const struct maze_entry *entry, const char *engine, const char *rule)
{
	json_t *object = json_object();

	json_object_set_new(object, "pid", number_json(entry->pid));
	json_object_set_new(object, "tid", number_json(entry->tid));
	json_object_set_new(object, "comm", name_json(entry->comm));
	json_object_set_new(object, "uid", number_json(entry->uid));
	json_object_set_new(object, "count_ns", number_json(entry->count_ns));
	add_limits(object, entry);
	json_object_set_new(object, "recovery", recovery_json(entry->recovery));
	json_object_set_new(
		object, "yield",
		json_string(entry->flags & MAZE_POLICY_YIELD_COUNTS ? "count" : "reset"));
	json_object_set_new(object, "inherit", json_boolean(entry->flags & MAZE_POLICY_INHERIT));
	json_object_set_new(
		object, "signal_to",
		json_string(entry->flags & MAZE_POLICY_TO_PROCESS ? "process" : "thread"));
	add_state(object, entry, engine, rule);
	return object;
}

json_t *group_to_json(const struct maze_group *group, const char *engine, const char *rule)
{
	const struct maze_entry *entry = &group->entry;
	json_t *object = json_object();

	json_object_set_new(object, "scope", scope_json(maze_policy_scope(entry->flags)));
	json_object_set_new(object, "pid", number_json(entry->pid));
	json_object_set_new(object, "cgroup_id", number_json(group->cgroup_id));
	json_object_set_new(object, "comm", name_json(entry->comm));
	json_object_set_new(object, "name",
			    utf8_json(group->name, strnlen(group->name, MAZE_GROUP_NAME_LEN)));
	json_object_set_new(object, "uid", number_json(entry->uid));
	json_object_set_new(object, "members", number_json(group->members));
	json_object_set_new(object, "level_ns", number_json(entry->count_ns));
	json_object_set_new(object, "used_ns", number_json(group->used_ns));
	json_object_set_new(object, "elapsed_ns", number_json(group->elapsed_ns));
	json_object_set_new(object, "share", share_json(entry->share));
	add_limits(object, entry);
	add_state(object, entry, engine, rule);
	return object;
}

char *maze_entry_json(const struct maze_entry *entry, const char *engine)
{
	return json_line(entry_to_json(entry, engine, NULL));
}

char *maze_group_json(const struct maze_group *group, const char *engine)
{
	return json_line(group_to_json(group, engine, NULL));
}
