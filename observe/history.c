/* SPDX-License-Identifier: GPL-2.0-only */
#include "history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "streaks_file.h"

/* Accepts what every reader of the file accepts. */
static int read_checked(json_t *object, struct observation *ret_observation,
			struct maze_error *error)
{
	struct streaks_file *checked;
	int err = streaks_file_from_json(object, &checked, error);

	if (err)
		return err;
	streaks_file_free(checked);
	err = observation_from_json(object, ret_observation);
	return err ? maze_fail(error, err, "out of memory") : 0;
}

/* Returns the object whose classes are those before the engine that runs. */
static json_t *earlier_of(const struct history *history, json_t *root)
{
	json_t *earlier = json_object_get(root, "earlier"), *copy;
	const char *boot_id = json_string_value(json_object_get(earlier, "boot_id"));

	if (!history->instance || !boot_id || strcmp(boot_id, history->boot_id) != 0 ||
	    (maze_u64)json_integer_value(json_object_get(earlier, "instance")) != history->instance)
		return json_incref(root);
	copy = json_copy(root);
	json_object_set_new(copy, "classes",
			    json_incref(json_object_get(earlier, "classes")) ?: json_null());
	return copy;
}

/* What ran is not of this engine. */
static void forget_running(struct observation *observation)
{
	size_t i;

	for (i = 0; i < observation->count; i++) {
		observation->classes[i].streaks.running_ns =
			observation->classes[i].streaks.running_pid = 0;
		observation->classes[i].awake.ns = 0;
	}
}

int history_read(struct history *history, const char *text, size_t size, struct maze_error *error)
{
	json_error_t json_error;
	json_t *root = json_loadb(text, size, 0, &json_error), *earlier;
	int err;

	if (!root)
		return maze_fail(error, -EINVAL, "it is not JSON: line %d: %s", json_error.line,
				 json_error.text);
	err = read_checked(root, &history->known, error);
	if (!err) {
		earlier = earlier_of(history, root);
		err = earlier ? read_checked(earlier, &history->earlier, error)
			      : maze_fail(error, -ENOMEM, "out of memory");
		json_decref(earlier);
	}
	json_decref(root);
	if (err) {
		history_free(history);
		return err;
	}
	forget_running(&history->earlier);
	return 0;
}

void history_add_paths(const struct history *history, struct observation *of_engine)
{
	const struct maze_streaks *streaks, *other;
	const struct observed *known;
	size_t i, k;

	for (i = 0; i < of_engine->count; i++) {
		streaks = &of_engine->classes[i].streaks;
		for (k = 0; k < history->known.count && streaks->inode; k++) {
			known = &history->known.classes[k];
			other = &known->streaks;
			if (!of_engine->classes[i].exe && known->exe &&
			    other->inode == streaks->inode && other->device == streaks->device &&
			    !strcmp(other->program, streaks->program))
				of_engine->classes[i].exe = strdup(known->exe);
		}
	}
}

int history_sum(const struct history *history, const struct observation *of_engine,
		struct observation *ret_sum)
{
	struct observation sum = { 0 };
	int err = observation_add(&sum, &history->earlier);

	if (!err)
		err = observation_add(&sum, of_engine);
	if (!err) {
		observation_add_names(&sum, &history->known);
		err = observation_bound(&sum, HISTORY_CLASSES_MAX);
	}
	if (err)
		observation_free(&sum);
	else
		*ret_sum = sum;
	return err;
}

char *history_text(const struct history *history, const struct observation *of_engine,
		   const char *engine)
{
	struct observation sum;
	json_t *root, *earlier;
	char *text = NULL;

	if (history_sum(history, of_engine, &sum))
		return NULL;
	root = observation_json(&sum, engine);
	earlier = json_pack("{s:s,s:I,s:o}", "boot_id", history->boot_id, "instance",
			    (json_int_t)history->instance, "classes",
			    observation_classes_json(&history->earlier));
	if (!json_object_set_new(root, "earlier", earlier))
		text = json_dumps(root, JSON_ENSURE_ASCII);
	json_decref(root);
	observation_free(&sum);
	return text;
}

void history_free(struct history *history)
{
	observation_free(&history->earlier);
	observation_free(&history->known);
}
