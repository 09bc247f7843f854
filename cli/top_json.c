/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of maze top as JSON lines, one for each refresh. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "lib/entry_json.h"
#include "lib/record_time.h"
#include "lib/utf8_json.h"
#include "top.h"
#include "top_facts.h"

static void add_text(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		json_object_set_new(object, key, utf8_json(text, strlen(text)));
}

static void add_number(json_t *object, const char *key, long long number)
{
	json_object_set_new(object, key, json_integer(number));
}

/* The keys of an entry of maze list --json, and what maze top has read of it. */
static json_t *row_json(const struct top *top, const struct top_row *row)
{
	const char *rule = row->rule[0] ? row->rule : NULL, *engine = top->data.machine.engine;
	struct maze_group group = { .entry = row->entry };
	char time[RFC3339_LEN];
	struct origin origin;
	json_t *object;

	if (maze_policy_scope(row->entry.flags)) {
		snprintf(group.name, sizeof(group.name), "%s", row->name);
		group.cgroup_id = row->cgroup_id;
		group.members = row->members;
		group.used_ns = row->used_ns;
		object = group_to_json(&group, engine, rule);
		/* Not kept, because nothing shows it. */
		json_object_del(object, "elapsed_ns");
	} else {
		object = entry_to_json(&row->entry, engine, rule);
	}
	add_text(object, "user", row->user);
	json_object_set_new(object, "cpu_percent",
			    row->cpu_permille < 0 ? json_null()
						  : json_real((double)row->cpu_permille / 10));
	if (top_facts_origin(row, &origin)) {
		add_text(object, "cgroup", row->cgroup);
		add_text(object, "unit", origin.text[ORIGIN_UNIT]);
		add_text(object, "user_unit", origin.text[ORIGIN_USER_UNIT]);
		add_text(object, "container", origin.text[ORIGIN_CONTAINER]);
		add_text(object, "pod", origin.text[ORIGIN_POD]);
	}
	if (row->verdict_ns)
		add_text(object, "last_verdict", record_time_format(row->verdict_ns, time));
	return object;
}

void top_json_write(const struct top *top, FILE *out)
{
	const struct top_machine *machine = &top->data.machine;
	json_t *object = json_object(), *rows = json_array();
	char time[RFC3339_LEN];
	char *text;
	size_t i;

	add_text(object, "time", rfc3339_format((long long)now_ns(CLOCK_REALTIME), time));
	json_object_set_new(object, "engine",
			    machine->engine[0] ? json_string(machine->engine) : json_null());
	json_object_set_new(object, "mazed",
			    machine->version[0] ? json_string(machine->version) : json_null());
	if (machine->version[0])
		add_number(object, "rules", machine->rules);
	add_number(object, "watched", machine->watched);
	add_number(object, "groups", (long long)machine->groups);
	add_number(object, "verdicts", machine->verdicts);
	add_number(object, "signals", machine->signals);
	add_number(object, "lost", (long long)machine->lost);
	add_text(object, "error", top->failure.text);
	for (i = 0; i < top->view.count; i++)
		if (top->view.lines[i].row)
			json_array_append_new(rows, row_json(top, top->view.lines[i].row));
	json_object_set_new(object, "rows", rows);
	text = json_line(object);
	fprintf(out, "%s\n", text ? text : "null");
	free(text);
}
