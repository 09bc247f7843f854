/* SPDX-License-Identifier: GPL-2.0-only */
#include "actions.h"

#include <stdlib.h>

/* An incident has up to 16. */
#define ACTIONS_MAX 64

bool actions_read(struct json_reader *reader, const json_t *root, struct incident *incident)
{
	json_t *array = read_array(reader, root, "actions"), *object;
	struct incident_action *action;

	reader->where = "actions";
	if (json_array_size(array) > ACTIONS_MAX) {
		type_error(reader, "", "an array of at most 64");
		return true;
	}
	incident->actions = calloc(ACTIONS_MAX, sizeof(*incident->actions));
	if (!incident->actions)
		return false;
	while (incident->actions_count < json_array_size(array)) {
		object = read_element(reader, array, incident->actions_count);
		action = &incident->actions[incident->actions_count++];
		action->time_ns = read_time(reader, object, "time");
		action->action = read_text(reader, object, "action");
		action->text = read_text(reader, object, "text");
	}
	return true;
}
