/* SPDX-License-Identifier: GPL-2.0-only */
#include "event.h"
#include "terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/rfc3339.h"
#include "lib/json_get.h"
#include "lib/record_parse.h"
#include "lib/record_text.h"
#include "lib/utf8_json.h"

/* A message of an action can quote the output of a command. */
#define TEXT_MAX 4096

/* SGR sequences of ECMA-48, of the events that need attention. */
static const char *const colours[EVENT_ACTION + 1] = {
	[MAZE_EVENT_SOFT] = "\033[33m",
	[MAZE_EVENT_HARD] = "\033[1;31m",
	[MAZE_EVENT_LOST] = "\033[1;35m",
	[EVENT_ACTION] = "\033[36m",
};

/* An action has the event of its record as "stage". */
static int parse_action(const json_t *object, struct event *event)
{
	json_t *record = json_copy((json_t *)object);
	int err;

	if (!record)
		return -ENOMEM;
	json_object_set(record, "event", json_object_get(object, "stage"));
	err = record_parse_object(record, &event->record, &event->wall_ns);
	json_decref(record);
	event->kind = EVENT_ACTION;
	event->message = json_text(object, "message");
	return err || event->message ? err : -EINVAL;
}

/* Returns 0, 1 for a message of mazed, or -EINVAL. */
static int parse(const json_t *object, struct event *ret_event)
{
	const char *name = json_text(object, "event");
	struct event event = { .object = object };
	int err;

	if (!name)
		return -EINVAL;
	if (!strcmp(name, "message"))
		return 1;
	if (!strcmp(name, "action")) {
		err = parse_action(object, &event);
	} else {
		err = record_parse_object(object, &event.record, &event.wall_ns);
		event.kind = event.record.event;
	}
	if (err)
		return err;
	event.engine = json_text(object, "engine") ?: "unknown";
	event.rule = json_text(object, "rule");
	event.cgroup = json_text(object, "cgroup");
	event.unit = json_text(object, "unit");
	event.user_unit = json_text(object, "user_unit");
	*ret_event = event;
	return 0;
}

static int print_json(const json_t *object)
{
	/* JSON_ENSURE_ASCII keeps control and reordering characters from a terminal. */
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_DIGITS);
	int err = !text ? -ENOMEM : puts(text) < 0 || fflush(stdout) ? -errno : 0;

	free(text);
	return err;
}

static int print_text(const struct event_output *output, const struct event *event)
{
	const char *colour = output->colour ? colours[event->kind] : NULL;
	char time[RFC3339_LEN], text[TEXT_MAX];
	int word;

	_Static_assert(sizeof(time) >= UTC_LEN, "room for both forms");
	if (output->local)
		local_time_format(event->wall_ns, 3, time);
	else
		rfc3339_format(event->wall_ns, time);
	if (event->message) {
		word = snprintf(text, sizeof(text), "action: ");
		escape_copy(text + word, sizeof(text) - (size_t)word, event->message);
	} else {
		record_text_named(&event->record, event->engine, event->cgroup, event->rule, text,
				  sizeof(text));
	}
	word = colour ? (int)strcspn(text, ":") : 0;
	return printf("%s %s%.*s%s%s\n", time, colour ?: "", word, text, colour ? "\033[0m" : "",
		      text + word) < 0 ||
			       fflush(stdout)
		       ? -errno
		       : 0;
}

int event_output_put(struct event_output *output, const json_t *object)
{
	struct event event;
	int err = parse(object, &event);

	if (err == 1)
		return 0;
	if (err) {
		output->malformed++;
		return 0;
	}
	output->taken++;
	if (!event_filter_passes(&output->filter, &event))
		return 0;
	return output->json ? print_json(object) : print_text(output, &event);
}

int event_output_put_text(struct event_output *output, const char *json)
{
	json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	int err = event_output_put(output, object);

	json_decref(object);
	return err;
}

int event_output_init(struct event_output *output, const struct command *command,
		      const struct options *options)
{
	bool terminal = isatty(STDOUT_FILENO), capable;
	const char *colour = options->colour ?: "auto";
	struct shown_terminal shown;

	*output = (struct event_output){
		.command = command,
		.json = options->json,
		.local = terminal,
	};
	terminal_query(&shown, &capable);
	if (!strcmp(colour, "always"))
		output->colour = true;
	else if (!strcmp(colour, "auto"))
		output->colour = terminal && capable;
	else if (strcmp(colour, "never") != 0)
		return usage_error(command, "--color takes auto, always or never, not \"%s\"",
				   colour);
	return event_filter_init(&output->filter, command, options);
}
