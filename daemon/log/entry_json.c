/* SPDX-License-Identifier: GPL-2.0-only */
#include "entry_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/utf8_json.h"

static json_t *entry_object(const struct log_entry *entry)
{
	char *text = maze_record_json(entry->record, entry->engine);
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;

	free(text);
	if (object)
		json_object_set_new(object, "rule",
				    entry->rule ? json_string(entry->rule) : json_null());
	if (object && entry->cgroup)
		json_object_set_new(object, "cgroup",
				    utf8_json(entry->cgroup, strlen(entry->cgroup)));
	if (object && entry->unit)
		json_object_set_new(object, "unit", json_string(entry->unit->unit));
	if (object && entry->unit && entry->unit->user_unit[0])
		json_object_set_new(object, "user_unit", json_string(entry->unit->user_unit));
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
