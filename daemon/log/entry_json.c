/* SPDX-License-Identifier: GPL-2.0-only */
#include "entry_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/record_time.h"
#include "../../lib/utf8_json.h"

static void add_text(json_t *object, const char *key, const char *text)
{
	if (text[0])
		json_object_set_new(object, key, utf8_json(text, strlen(text)));
}

static json_t *entry_object(const struct log_entry *entry)
{
	char *text = maze_record_json(entry->record, entry->engine);
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;

	free(text);
	if (object)
		json_object_set_new(object, "rule",
				    entry->rule ? json_string(entry->rule) : json_null());
	if (object && entry->cgroup)
		add_text(object, "cgroup", entry->cgroup);
	if (object && entry->unit) {
		add_text(object, "unit", entry->unit->unit);
		add_text(object, "user_unit", entry->unit->user_unit);
		add_text(object, "pod", entry->unit->pod);
		add_text(object, "container", entry->unit->container);
	}
	return object;
}

static char *dump(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_DIGITS) : NULL;

	json_decref(object);
	return text;
}

char *entry_json(const struct log_entry *entry)
{
	return dump(entry_object(entry));
}

char *action_json(const struct log_action *action, const char *message)
{
	json_t *object = entry_object(&action->entry);

	if (!object)
		return NULL;
	json_object_set(object, "stage", json_object_get(object, "event"));
	json_object_set_new(object, "event", json_string("action"));
	json_object_set_new(object, "action", json_string(action->action));
	json_object_set_new(object, "tried", json_boolean(action->tried));
	json_object_set_new(object, "applied", json_boolean(action->applied));
	json_object_set_new(object, "message", json_string(message));
	return dump(object);
}

static const char *priority_name(int priority)
{
	static const char *const names[] = { "emerg",	"alert",  "crit", "err",
					     "warning", "notice", "info", "debug" };

	return names[priority & 7];
}

static void set_incident(json_t *object, const struct log_incident *incident)
{
	const struct log_entry *entry = &incident->entry;

	json_object_set_new(object, "incident", json_string(incident->id));
	json_object_set_new(object, "signature",
			    incident->signature[0]
				    ? utf8_json(incident->signature, strlen(incident->signature))
				    : json_null());
	json_object_set_new(object, "pid", json_integer(entry->record->pid));
	json_object_set_new(object, "tid", json_integer(entry->record->tid));
	json_object_set_new(object, "rule", entry->rule ? json_string(entry->rule) : json_null());
}

char *message_json(const struct log_message *message)
{
	char time[RFC3339_LEN];
	json_t *object = json_object();

	if (!object)
		return NULL;
	json_object_set_new(object, "time",
			    json_string(record_time_format(message->boot_ns, time)));
	json_object_set_new(object, "event", json_string("message"));
	json_object_set_new(object, "priority", json_string(priority_name(message->priority)));
	json_object_set_new(object, "message", json_string(message->text));
	if (message->rule)
		json_object_set_new(object, "rule", json_string(message->rule));
	if (message->incident)
		set_incident(object, message->incident);
	return dump(object);
}
