/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses records, list entries and groups from their JSON (record_json.c), which mazed
 * sends to maze(1). mazed may be of another version, so unknown keys are ignored. But a
 * known key with a wrong type or range is an error.
 */
#include "entry_json.h"

#include "../core/step.h"
#include "json_get.h"
#include "record_parse.h"
#include "record_table.h"
#include "record_time.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "../base/error.h"

static bool get_number(const json_t *object, const char *key, maze_u64 max, maze_u64 *ret_value)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (maze_u64)json_integer_value(value) > max)
		return false;
	*ret_value = (maze_u64)json_integer_value(value);
	return true;
}

static bool get_u32(const json_t *object, const char *key, maze_u32 *ret_value)
{
	maze_u64 value;

	if (!get_number(object, key, UINT32_MAX, &value))
		return false;
	*ret_value = (maze_u32)value;
	return true;
}

static bool get_ns(const json_t *object, const char *key, maze_u64 *ret_ns)
{
	return get_number(object, key, INT64_MAX, ret_ns);
}

static bool get_flag(const json_t *object, const char *key, maze_u32 flag, maze_u32 *flags)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return false;
	*flags |= json_is_true(value) ? flag : 0;
	return true;
}

/* Shortens the name, because JSON has three bytes for a byte that is not UTF-8. */
static bool get_name(const json_t *object, const char *key, char *name, size_t size)
{
	const char *text = json_text(object, key);
	size_t length;

	if (!text)
		return false;
	length = strlen(text);
	if (length >= size)
		length = size - 1;
	memset(name, 0, size);
	memcpy(name, text, length);
	return true;
}

/* Returns enum maze_policy_scope, or MAZE_SCOPE_COUNT_ for an unknown name. */
static maze_u32 get_scope(const json_t *object)
{
	const char *text = json_text(object, "scope");
	maze_u32 scope;

	for (scope = 0; scope < MAZE_SCOPE_COUNT_; scope++)
		if (text && !strcmp(text, maze_policy_scope_name(scope)))
			break;
	return scope;
}

static bool get_share(const json_t *object, maze_u32 *ret_share)
{
	double share = json_number_value(json_object_get(object, "share")) * MAZE_SHARE_ONE + 0.5;

	if (!(share >= 1) || share >= (double)MAZE_SHARE_MAX + 1)
		return false;
	*ret_share = (maze_u32)share;
	return true;
}

static bool get_signal(const json_t *object, const char *key, maze_u16 *ret_signal)
{
	const json_t *value = json_object_get(object, key);
	int number = 0;

	if (!value ||
	    (!json_is_null(value) && (!json_is_string(value) ||
				      maze_signal_parse(json_string_value(value), &number, NULL))))
		return false;
	*ret_signal = (maze_u16)number;
	return true;
}

/* The value "warn" sets both a signal and a flag. */
static bool get_soft_signal(const json_t *object, struct maze_entry *entry)
{
	const char *text = json_text(object, "soft_signal");

	if (!text || strcmp(text, "warn") != 0)
		return get_signal(object, "soft_signal", &entry->soft_signal);
	entry->soft_signal = MAZE_SIGNAL_WARN;
	entry->flags |= MAZE_POLICY_WARN;
	return true;
}

static bool get_event(const json_t *value, maze_u16 *ret_event)
{
	const char *name = json_string_value(value);
	unsigned int event;

	for (event = 1; name && event < MAZE_EVENT_COUNT_; event++) {
		if (strcmp(name, maze_event_name(event)) != 0)
			continue;
		*ret_event = (maze_u16)event;
		return true;
	}
	return false;
}

/* An unknown reason, from a later version, becomes MAZE_NOT_SENT_OTHER. */
static bool get_not_sent(const json_t *value, maze_u32 *ret_not_sent)
{
	const char *text = json_string_value(value);
	unsigned int i;

	for (i = 1; text && i < MAZE_NOT_SENT_OTHER; i++)
		if (!strcmp(text, maze_not_sent_name(i)))
			break;
	*ret_not_sent = i;
	return text;
}

static bool set_number(void *at, size_t size, maze_u64 number)
{
	if (size == sizeof(maze_u64))
		*(maze_u64 *)at = number;
	else if (size == sizeof(maze_u32))
		*(maze_u32 *)at = (maze_u32)number;
	else
		*(maze_u16 *)at = (maze_u16)number;
	return true;
}

static bool get_field(const json_t *object, const struct record_field *field,
		      struct maze_record *record)
{
	const json_t *value = json_object_get(object, field->key);
	const maze_u64 max = field->size == sizeof(maze_u64)   ? INT64_MAX
			     : field->size == sizeof(maze_u32) ? UINT32_MAX
							       : MAZE_SIGNAL_MAX;
	maze_u64 number;

	if (field->optional_with && !json_object_get(object, field->optional_with))
		return true;
	switch (field->type) {
	case RECORD_NUMBER:
		return get_number(object, field->key, max, &number) &&
		       set_number((char *)record + field->offset, field->size, number);
	case RECORD_FLAG:
		return get_flag(object, field->key, field->flag, &record->flags);
	case RECORD_TIME:
		/* record_parse_object() checks the time, which may be before this boot. */
		record_time_parse(json_string_value(value), &record->boot_ns);
		return true;
	case RECORD_EVENT:
		return get_event(value, &record->event);
	case RECORD_SCOPE:
		number = get_scope(object);
		record->flags |= (maze_u32)(number << MAZE_RECORD_SCOPE_SHIFT) & MAZE_RECORD_SCOPE;
		return number < MAZE_SCOPE_COUNT_;
	case RECORD_COMM:
		return get_name(object, field->key, record->comm, sizeof(record->comm));
	case RECORD_NOT_SENT:
		return get_not_sent(value, &record->not_sent);
	case RECORD_SHARE:
		return get_share(object, &record->share);
	default:
		return true;
	}
}

static bool get_record(const json_t *object, struct maze_record *record)
{
	const struct record_field *field;

	for (field = record_table; field->key; field++)
		if (record_has_field(record, field) && !get_field(object, field, record))
			return false;
	/* A verdict of an older version has no used_ns, so use count_ns. */
	if ((record->event == MAZE_EVENT_SOFT || record->event == MAZE_EVENT_HARD) &&
	    !json_object_get(object, "used_ns"))
		record->used_ns = record->count_ns;
	return true;
}

static bool get_recovery(const json_t *object, maze_u32 *ret_recovery)
{
	const json_t *value = json_object_get(object, "recovery");
	double ratio;

	if (json_is_string(value))
		return !maze_recovery_parse(json_string_value(value), ret_recovery, NULL);
	if (!json_is_number(value))
		return false;
	ratio = json_number_value(value) * MAZE_RECOVERY_ONE;
	if (!(ratio >= 0) || ratio >= (double)MAZE_RECOVERY_INF)
		return false;
	*ret_recovery = (maze_u32)(ratio + 0.5);
	return true;
}

static bool get_signal_to(const json_t *object, maze_u32 *flags)
{
	const json_t *value = json_object_get(object, "signal_to");
	const char *text = json_string_value(value);

	if (!value)
		return true;
	if (!text || (strcmp(text, "process") != 0 && strcmp(text, "thread") != 0))
		return false;
	*flags |= !strcmp(text, "process") ? MAZE_POLICY_TO_PROCESS : 0;
	return true;
}

static bool get_yield(const json_t *object, maze_u32 *flags)
{
	const char *yield = json_text(object, "yield");

	if (!yield || (strcmp(yield, "count") != 0 && strcmp(yield, "reset") != 0))
		return false;
	*flags |= !strcmp(yield, "count") ? MAZE_POLICY_YIELD_COUNTS : 0;
	return true;
}

static bool get_fired(const json_t *object, maze_u32 *ret_fired)
{
	const char *fired = json_text(object, "fired");

	if (!fired)
		return false;
	*ret_fired = !strcmp(fired, "hard")   ? MAZE_FIRED_HARD | MAZE_FIRED_SOFT
		     : !strcmp(fired, "soft") ? MAZE_FIRED_SOFT
					      : 0;
	return *ret_fired || !strcmp(fired, "none");
}

/* What the entries of threads and groups have in common. */
static bool get_common(const json_t *object, struct maze_entry *entry)
{
	return get_u32(object, "pid", &entry->pid) &&
	       get_name(object, "comm", entry->comm, sizeof(entry->comm)) &&
	       get_u32(object, "uid", &entry->uid) && get_ns(object, "soft_ns", &entry->soft_ns) &&
	       get_ns(object, "hard_ns", &entry->hard_ns) && get_soft_signal(object, entry) &&
	       get_signal(object, "hard_signal", &entry->hard_signal) &&
	       get_flag(object, "shadow", MAZE_POLICY_SHADOW, &entry->flags) &&
	       get_fired(object, &entry->fired) && get_u32(object, "episode", &entry->episode);
}

bool entry_from_json(const json_t *object, struct maze_entry *entry)
{
	memset(entry, 0, sizeof(*entry));
	return get_common(object, entry) && get_u32(object, "tid", &entry->tid) &&
	       get_ns(object, "count_ns", &entry->count_ns) &&
	       get_recovery(object, &entry->recovery) && get_yield(object, &entry->flags) &&
	       get_signal_to(object, &entry->flags) &&
	       get_flag(object, "inherit", MAZE_POLICY_INHERIT, &entry->flags);
}

bool group_from_json(const json_t *object, struct maze_group *group)
{
	struct maze_entry *entry = &group->entry;
	maze_u32 scope = get_scope(object);

	memset(group, 0, sizeof(*group));
	if (scope == MAZE_SCOPE_THREAD || scope == MAZE_SCOPE_COUNT_ || !get_common(object, entry))
		return false;
	entry->tid = entry->pid;
	entry->flags |= scope << MAZE_POLICY_SCOPE_SHIFT;
	entry->flags |= scope == MAZE_SCOPE_PROCESS ? MAZE_POLICY_TO_PROCESS : 0;
	return get_name(object, "name", group->name, sizeof(group->name)) &&
	       get_ns(object, "cgroup_id", &group->cgroup_id) &&
	       get_u32(object, "members", &group->members) &&
	       get_ns(object, "level_ns", &entry->count_ns) &&
	       get_ns(object, "used_ns", &group->used_ns) &&
	       get_ns(object, "elapsed_ns", &group->elapsed_ns) && get_share(object, &entry->share);
}

int record_parse_object(const json_t *object, struct maze_record *ret_record,
			long long *ret_wall_ns)
{
	const char *time = json_text(object, "time");
	struct maze_record record = { 0 };

	if (!time || !rfc3339_parse(time, ret_wall_ns) || !get_record(object, &record))
		return -EINVAL;
	*ret_record = record;
	return 0;
}

int maze_record_parse(const char *text, struct maze_record *ret_record, struct maze_error *error)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct maze_record record = { 0 };
	long long wall_ns;
	const char *time = json_text(object, "time");
	bool valid = !record_parse_object(object, &record, &wall_ns) &&
		     record_time_parse(time, &record.boot_ns);

	json_decref(object);
	if (!valid)
		return maze_fail(error, -EINVAL, "invalid record: %.200s", text);
	*ret_record = record;
	return 0;
}

int maze_entry_parse(const char *text, struct maze_entry *ret_entry, struct maze_error *error)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct maze_entry entry;
	bool valid = json_is_object(object) && entry_from_json(object, &entry);

	json_decref(object);
	if (!valid)
		return maze_fail(error, -EINVAL, "invalid list entry: %.200s", text);
	*ret_entry = entry;
	return 0;
}

int maze_group_parse(const char *text, struct maze_group *ret_group, struct maze_error *error)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct maze_group group;
	bool valid = json_is_object(object) && group_from_json(object, &group);

	json_decref(object);
	if (!valid)
		return maze_fail(error, -EINVAL, "invalid group: %.200s", text);
	*ret_group = group;
	return 0;
}
