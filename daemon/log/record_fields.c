/* SPDX-License-Identifier: GPL-2.0-only */
#include "record_fields.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "../../base/escape.h"

struct value {
	char text[256];
};

static void show_number(struct value *value, maze_u64 number)
{
	snprintf(value->text, sizeof(value->text), "%llu", number);
}

static void show_flag(struct value *value, maze_u32 flags, maze_u32 flag)
{
	snprintf(value->text, sizeof(value->text), "%s", flags & flag ? "yes" : "no");
}

static void show_event(const struct log_entry *entry, struct value *value)
{
	const char *name = maze_event_name(entry->record->event);

	snprintf(value->text, sizeof(value->text), "%s", name ? name : "unknown");
}

static void show_pid(const struct log_entry *entry, struct value *value)
{
	show_number(value, entry->record->pid);
}

static void show_tid(const struct log_entry *entry, struct value *value)
{
	show_number(value, entry->record->tid);
}

static void show_comm(const struct log_entry *entry, struct value *value)
{
	char name[MAZE_COMM_LEN + 1];

	snprintf(name, sizeof(name), "%.*s", MAZE_COMM_LEN, entry->record->comm);
	escape_copy(value->text, sizeof(value->text), name);
}

static void show_uid(const struct log_entry *entry, struct value *value)
{
	show_number(value, entry->record->uid);
}

static void show_count(const struct log_entry *entry, struct value *value)
{
	show_number(value, entry->record->count_ns);
}

static void show_limit(const struct log_entry *entry, struct value *value)
{
	show_number(value, entry->record->limit_ns);
}

static void show_signal(const struct log_entry *entry, struct value *value)
{
	maze_signal_format(entry->record->signal, value->text, sizeof(value->text));
}

static void show_sent(const struct log_entry *entry, struct value *value)
{
	show_flag(value, entry->record->flags, MAZE_RECORD_SENT);
}

static void show_not_sent(const struct log_entry *entry, struct value *value)
{
	const char *name = maze_not_sent_name(entry->record->not_sent);

	if (name)
		snprintf(value->text, sizeof(value->text), "%s", name);
}

static void show_fatal(const struct log_entry *entry, struct value *value)
{
	show_flag(value, entry->record->flags, MAZE_RECORD_FATAL);
}

static void show_shadow(const struct log_entry *entry, struct value *value)
{
	show_flag(value, entry->record->flags, MAZE_RECORD_SHADOW);
}

static void show_cpu(const struct log_entry *entry, struct value *value)
{
	show_number(value, entry->record->cpu);
}

static void show_episode(const struct log_entry *entry, struct value *value)
{
	show_number(value, entry->record->episode);
}

static void show_engine(const struct log_entry *entry, struct value *value)
{
	snprintf(value->text, sizeof(value->text), "%s", entry->engine);
}

/* Left out without a rule, since a field may not be empty. */
static void show_rule(const struct log_entry *entry, struct value *value)
{
	if (entry->rule)
		escape_copy(value->text, sizeof(value->text), entry->rule);
}

static const struct {
	const char *name;
	void (*show)(const struct log_entry *entry, struct value *value);
} rows[] = {
	{ "MAZE_EVENT", show_event },	  { "MAZE_PID", show_pid },
	{ "MAZE_TID", show_tid },	  { "MAZE_COMM", show_comm },
	{ "MAZE_UID", show_uid },	  { "MAZE_COUNT_NS", show_count },
	{ "MAZE_LIMIT_NS", show_limit },  { "MAZE_SIGNAL", show_signal },
	{ "MAZE_SENT", show_sent },	  { "MAZE_NOT_SENT", show_not_sent },
	{ "MAZE_FATAL", show_fatal },	  { "MAZE_SHADOW", show_shadow },
	{ "MAZE_ENGINE", show_engine },	  { "MAZE_CPU", show_cpu },
	{ "MAZE_EPISODE", show_episode }, { "MAZE_RULE", show_rule },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))
static_assert(ROWS <= RECORD_FIELDS_MAX, "every row fits");

void record_fields_format(const struct log_entry *entry, struct record_fields *ret_fields)
{
	size_t i, length = 0;
	struct value value;
	int written;

	ret_fields->count = 0;
	for (i = 0; i < ROWS; i++) {
		value.text[0] = '\0';
		rows[i].show(entry, &value);
		if (!value.text[0])
			continue;
		written = snprintf(ret_fields->text + length, sizeof(ret_fields->text) - length,
				   "%s=%s", rows[i].name, value.text);
		/* A cut field would be wrong; no row is that long. */
		if (written < 0 || (size_t)written >= sizeof(ret_fields->text) - length)
			break;
		ret_fields->fields[ret_fields->count++] = ret_fields->text + length;
		length += (size_t)written + 1;
	}
	ret_fields->fields[ret_fields->count] = NULL;
}
