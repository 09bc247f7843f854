/* SPDX-License-Identifier: GPL-2.0-only */
#include "record_fields.h"

#include <stdio.h>

#include "../../base/escape.h"
#include "../../lib/record_table.h"
#include "../../lib/record_time.h"

#define VALUE_LEN (MAZE_GROUP_NAME_LEN * ESCAPE_MAX)

/* Returns NULL if the record does not have the field. */
static const char *format_value(const struct record_field *field, const struct log_entry *entry,
				char buf[VALUE_LEN])
{
	const struct maze_record *record = entry->record;
	const char *event = maze_event_name(record->event);
	char comm[MAZE_COMM_LEN + 1];

	if (!record_has_field(record, field))
		return NULL;
	switch (field->type) {
	case RECORD_FLAG:
		return record_get(record, field) ? "yes" : "no";
	case RECORD_TIME:
		return record_time_format(record->boot_ns, buf);
	case RECORD_EVENT:
		return event ? event : "unknown";
	case RECORD_SCOPE:
		return maze_record_scope(record) ? maze_policy_scope_name(maze_record_scope(record))
						 : NULL;
	case RECORD_COMM:
		snprintf(comm, sizeof(comm), "%.*s", MAZE_COMM_LEN, record->comm);
		return escape_copy(buf, VALUE_LEN, comm);
	case RECORD_SIGNAL:
		return maze_signal_format(record->signal, buf, VALUE_LEN);
	case RECORD_SHARE:
		return maze_share_format(record->share, buf, VALUE_LEN);
	case RECORD_NOT_SENT:
		return maze_not_sent_name(record->not_sent);
	case RECORD_ENGINE:
		return entry->engine;
	default:
		snprintf(buf, VALUE_LEN, "%llu", record_get(record, field));
		return buf;
	}
}

static void add(struct record_fields *fields, size_t *length, const char *name, const char *value)
{
	size_t room = sizeof(fields->text) - *length;
	int written;

	if (!value || !value[0] || fields->count == RECORD_FIELDS_MAX)
		return;
	written = snprintf(fields->text + *length, room, "%s=%s", name, value);
	/* Omit a value that does not fit, because part of a value would be wrong. */
	if (written < 0 || (size_t)written >= room)
		return;
	fields->fields[fields->count++] = fields->text + *length;
	*length += (size_t)written + 1;
}

void record_fields_format(const struct log_entry *entry, struct record_fields *ret_fields)
{
	const struct record_field *field;
	char buf[VALUE_LEN];
	size_t length = 0;

	ret_fields->count = 0;
	for (field = record_table; field->key; field++)
		if (field->variable)
			add(ret_fields, &length, field->variable, format_value(field, entry, buf));
	if (entry->rule)
		add(ret_fields, &length, "MAZE_RULE", escape_copy(buf, VALUE_LEN, entry->rule));
	if (entry->cgroup)
		add(ret_fields, &length, "MAZE_CGROUP", escape_copy(buf, VALUE_LEN, entry->cgroup));
	if (entry->unit) {
		add(ret_fields, &length, "MAZE_UNIT", entry->unit->unit);
		add(ret_fields, &length, "MAZE_USER_UNIT", entry->unit->user_unit);
		add(ret_fields, &length, "MAZE_POD", entry->unit->pod);
		add(ret_fields, &length, "MAZE_CONTAINER",
		    escape_copy(buf, VALUE_LEN, entry->unit->container));
	}
	ret_fields->fields[ret_fields->count] = NULL;
}
