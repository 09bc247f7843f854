/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records and entries back from their JSON (record_json.c): for who is sent them, as
 * maze(1) is by mazed. Strict, since the one who sends may be of another version, or
 * broken: what is there has to be what it should be, and what is new is passed over.
 */
#include "../core/step.h"
#include "maze.h"
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

/* A byte that was no UTF-8 came as three, so a name can have become longer. */
static bool get_comm(const json_t *object, char comm[MAZE_COMM_LEN])
{
	const char *text = json_string_value(json_object_get(object, "comm"));
	size_t length;

	if (!text)
		return false;
	length = strlen(text);
	if (length >= MAZE_COMM_LEN)
		length = MAZE_COMM_LEN - 1;
	memset(comm, 0, MAZE_COMM_LEN);
	memcpy(comm, text, length);
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

/* "warn" is a signal and a flag. */
static bool get_soft_signal(const json_t *object, struct maze_entry *entry)
{
	const char *text = json_string_value(json_object_get(object, "soft_signal"));

	if (!text || strcmp(text, "warn") != 0)
		return get_signal(object, "soft_signal", &entry->soft_signal);
	entry->soft_signal = MAZE_SIGNAL_WARN;
	entry->flags |= MAZE_POLICY_WARN;
	return true;
}

static bool get_event(const json_t *object, maze_u16 *ret_event)
{
	const char *name = json_string_value(json_object_get(object, "event"));
	unsigned int event;

	for (event = 1; name && event < MAZE_EVENT_COUNT_; event++) {
		if (strcmp(name, maze_event_name(event)) != 0)
			continue;
		*ret_event = (maze_u16)event;
		return true;
	}
	return false;
}

/* A reason that a later version has is one that this one does not know. */
static bool get_not_sent(const json_t *object, maze_u32 *ret_not_sent)
{
	const json_t *value = json_object_get(object, "not_sent");
	const char *text = json_string_value(value);
	unsigned int i;

	if (!value)
		return true;
	for (i = 1; text && i < MAZE_NOT_SENT_OTHER; i++)
		if (!strcmp(text, maze_not_sent_name(i)))
			break;
	*ret_not_sent = i;
	return text;
}

static bool get_time(const json_t *object, maze_u64 *ret_boot_ns)
{
	const char *text = json_string_value(json_object_get(object, "time"));

	return text && record_time_parse(text, ret_boot_ns);
}

/* What a version that wrote it did not have yet is what it was then. */
static bool take_verdict(const json_t *object, struct maze_record *record)
{
	record->used_ns = record->count_ns;
	return (!json_object_get(object, "fatal") ||
		get_flag(object, "fatal", MAZE_RECORD_FATAL, &record->flags)) &&
	       (!json_object_get(object, "used_ns") ||
		(get_ns(object, "used_ns", &record->used_ns) &&
		 get_ns(object, "asleep_ns", &record->asleep_ns) &&
		 get_u32(object, "sleeps", &record->sleeps)));
}

static bool take_record(const json_t *object, struct maze_record *record)
{
	maze_u64 signal;

	if (!get_event(object, &record->event) || !get_time(object, &record->boot_ns) ||
	    !get_u32(object, "pid", &record->pid) || !get_u32(object, "tid", &record->tid) ||
	    !get_comm(object, record->comm) || !get_u32(object, "uid", &record->uid) ||
	    !get_ns(object, "count_ns", &record->count_ns) ||
	    !get_ns(object, "limit_ns", &record->limit_ns) ||
	    !get_number(object, "signal_number", MAZE_SIGNAL_MAX, &signal) ||
	    !get_flag(object, "sent", MAZE_RECORD_SENT, &record->flags) ||
	    !get_not_sent(object, &record->not_sent) ||
	    !get_flag(object, "shadow", MAZE_RECORD_SHADOW, &record->flags) ||
	    !get_u32(object, "cpu", &record->cpu) || !get_u32(object, "episode", &record->episode))
		return false;
	record->signal = (maze_u16)signal;
	if ((record->event == MAZE_EVENT_SOFT || record->event == MAZE_EVENT_HARD) &&
	    !take_verdict(object, record))
		return false;
	if (record->event == MAZE_EVENT_WATCH &&
	    !get_flag(object, "inherited", MAZE_RECORD_INHERITED, &record->flags))
		return false;
	return record->event != MAZE_EVENT_LOST || get_ns(object, "lost", &record->lost);
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
	const char *yield = json_string_value(json_object_get(object, "yield"));

	if (!yield || (strcmp(yield, "count") != 0 && strcmp(yield, "reset") != 0))
		return false;
	*flags |= !strcmp(yield, "count") ? MAZE_POLICY_YIELD_COUNTS : 0;
	return true;
}

static bool get_fired(const json_t *object, maze_u32 *ret_fired)
{
	const char *fired = json_string_value(json_object_get(object, "fired"));

	if (!fired)
		return false;
	*ret_fired = !strcmp(fired, "hard")   ? MAZE_FIRED_HARD | MAZE_FIRED_SOFT
		     : !strcmp(fired, "soft") ? MAZE_FIRED_SOFT
					      : 0;
	return *ret_fired || !strcmp(fired, "none");
}

static bool take_entry(const json_t *object, struct maze_entry *entry)
{
	return get_u32(object, "pid", &entry->pid) && get_u32(object, "tid", &entry->tid) &&
	       get_comm(object, entry->comm) && get_u32(object, "uid", &entry->uid) &&
	       get_ns(object, "count_ns", &entry->count_ns) &&
	       get_ns(object, "soft_ns", &entry->soft_ns) &&
	       get_ns(object, "hard_ns", &entry->hard_ns) && get_soft_signal(object, entry) &&
	       get_signal(object, "hard_signal", &entry->hard_signal) &&
	       get_recovery(object, &entry->recovery) && get_yield(object, &entry->flags) &&
	       get_signal_to(object, &entry->flags) &&
	       get_flag(object, "inherit", MAZE_POLICY_INHERIT, &entry->flags) &&
	       get_flag(object, "shadow", MAZE_POLICY_SHADOW, &entry->flags) &&
	       get_fired(object, &entry->fired) && get_u32(object, "episode", &entry->episode);
}

int maze_record_parse(const char *text, struct maze_record *ret_record, struct maze_error *error)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct maze_record record = { 0 };
	bool taken = json_is_object(object) && take_record(object, &record);

	json_decref(object);
	if (!taken)
		return maze_fail(error, -EINVAL, "that is no record of maze: %.200s", text);
	*ret_record = record;
	return 0;
}

int maze_entry_parse(const char *text, struct maze_entry *ret_entry, struct maze_error *error)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct maze_entry entry = { 0 };
	bool taken = json_is_object(object) && take_entry(object, &entry);

	json_decref(object);
	if (!taken)
		return maze_fail(error, -EINVAL, "that is no watched task of maze: %.200s", text);
	*ret_entry = entry;
	return 0;
}
