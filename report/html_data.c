/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times are milliseconds since the first time of the incident, because a JavaScript
 * number cannot hold the ns since 1970.
 */
#include "html.h"
#include "python.h"
#include "shown.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NSEC_PER_MSEC 1000000.0

/* Escapes and cuts the text like all other text of the page. */
static json_t *text_json(const char *text)
{
	static const struct shown_terminal plain = { .page = true };
	char *printable = NULL;
	json_t *string;
	size_t size;
	FILE *stream;

	if (!text)
		return json_null();
	stream = open_memstream(&printable, &size);
	if (!stream)
		return NULL;
	shown_printable(stream, &plain, text, 0);
	fclose(stream);
	string = printable ? json_string(printable) : NULL;
	free(printable);
	return string;
}

static json_t *text_free_json(char *text)
{
	json_t *string = text ? text_json(text) : NULL;

	free(text);
	return string;
}

static json_t *ms_json(long long ns, long long base_ns)
{
	return ns < 0 ? json_null() : json_real((double)(ns - base_ns) / NSEC_PER_MSEC);
}

const char *html_kind(const struct incident_frame *frame)
{
	if (frame->kernel)
		return "kernel";
	if (!frame->function)
		return "unnamed";
	/* A Python function has only a source file. */
	if (frame->file && !frame->build_id && !frame->module)
		return "python";
	/* Code that belongs to no file was made by a runtime. */
	if (!frame->file && !frame->build_id &&
	    (!frame->module || frame->module[0] == '[' || strstr(frame->module, "/perf-")))
		return "made";
	return "user";
}

static json_t *function_json(const struct stacks_function *function)
{
	const struct incident_frame *frame = function->frame;
	json_t *object = json_object();

	json_object_set_new(object, "name", text_free_json(shown_frame(frame)));
	json_object_set_new(object, "place", text_free_json(shown_place(frame)));
	json_object_set_new(object, "kind", json_string(html_kind(frame)));
	if (frame->module)
		json_object_set_new(object, "module", text_json(frame->module));
	if (frame->build_id)
		json_object_set_new(object, "build_id", text_json(frame->build_id));
	return object;
}

static json_t *functions_json(const struct stacks *stacks)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < stacks->functions_count; i++)
		json_array_append_new(array, function_json(&stacks->functions[i]));
	return array;
}

static json_t *nodes_json(const struct stacks *stacks)
{
	const struct stacks_node *node;
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < stacks->nodes_count; i++) {
		node = &stacks->nodes[i];
		json_array_append_new(array,
				      json_pack("[IIII]", (json_int_t)node->function,
						(json_int_t)node->depth, (json_int_t)node->total,
						(json_int_t)node->self));
	}
	return array;
}

static json_t *samples_json(const struct incident *incident, long long base_ns)
{
	const struct incident_sample *sample;
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < incident->samples_count; i++) {
		sample = &incident->samples[i];
		if (sample->time_ns >= 0 && sample->count_ns >= 0)
			json_array_append_new(array,
					      json_pack("[oo]", ms_json(sample->time_ns, base_ns),
							ms_json(sample->count_ns, 0)));
	}
	return array;
}

static json_t *records_json(const struct incident *incident, long long base_ns)
{
	const struct incident_record *record;
	json_t *array = json_array();
	json_t *object;
	size_t i;

	for (i = 0; i < incident->records_count; i++) {
		record = &incident->records[i];
		if (record->time_ns < 0 || record->count_ns < 0 || incident->is_look)
			continue;
		object = json_object();
		json_object_set_new(object, "event", text_json(record->event));
		json_object_set_new(object, "time", ms_json(record->time_ns, base_ns));
		json_object_set_new(object, "count", ms_json(record->count_ns, 0));
		json_object_set_new(object, "limit", ms_json(record->limit_ns, 0));
		json_object_set_new(object, "act", text_free_json(shown_act(record)));
		json_object_set_new(object, "signal", text_json(record->signal));
		json_array_append_new(array, object);
	}
	return array;
}

/* Returns the limit of the policy, or that of a record if the policy is unknown. */
static long long limit(const struct incident *incident, long long of_policy, const char *event)
{
	const struct incident_record *record = shown_record(incident, event);

	if (of_policy >= 0)
		return of_policy;
	return record ? record->limit_ns : INCIDENT_UNKNOWN;
}

/* A flame graph: its name and title, what its numbers count, and the tree. */
static json_t *view_json(const char *name, const char *title, const char *unit,
			 const struct stacks *stacks)
{
	return json_pack("{ss, ss, ss, sI, so, so}", "name", name, "title", title, "unit", unit,
			 "total", (json_int_t)stacks->samples, "functions", functions_json(stacks),
			 "nodes", nodes_json(stacks));
}

static json_t *views_json(struct html *html)
{
	const struct stacks *stacks = html->stacks;
	json_t *array = json_array();
	struct python_joined joined;
	int err = python_join_samples(html->incident, stacks, &joined);

	if (!err) {
		json_array_append_new(array, view_json("Joined",
						       "All samples, joined with the Python stack",
						       "sample", joined.stacks));
		python_joined_done(&joined);
	} else if (err == -ENOMEM) {
		html->failed = true;
	}
	if (stacks->python && stacks->python->samples)
		json_array_append_new(array, view_json("Python", "All reads of the Python stack",
						       "read", stacks->python));
	if (stacks->samples)
		json_array_append_new(array,
				      view_json("Native code", "All samples", "sample", stacks));
	return array;
}

/* Escapes all of "<>&", because "</" and "<!--" have a meaning inside <script>. */
static int write_safely(const char *text, size_t size, void *data)
{
	FILE *out = data;
	size_t i;

	for (i = 0; i < size; i++) {
		if (text[i] == '<' || text[i] == '>' || text[i] == '&')
			fprintf(out, "\\u%04x", (unsigned int)text[i]);
		else
			fputc(text[i], out);
	}
	return 0;
}

void html_data(struct html *html)
{
	const struct incident *incident = html->incident;
	const struct incident_policy *policy = &incident->policy;
	long long since = shown_since(incident), base = since >= 0 ? since : shown_until(incident);
	json_t *root = json_object();

	json_object_set_new(root, "views", views_json(html));
	json_object_set_new(root, "base", ms_json(base, 0));
	json_object_set_new(root, "since_known", json_boolean(since >= 0));
	json_object_set_new(root, "look", json_boolean(incident->is_look));
	json_object_set_new(root, "points", samples_json(incident, base));
	json_object_set_new(root, "records", records_json(incident, base));
	json_object_set_new(root, "soft", ms_json(limit(incident, policy->soft_ns, "soft"), 0));
	json_object_set_new(root, "hard", ms_json(limit(incident, policy->hard_ns, "hard"), 0));
	/* Write only ASCII, because U+2028 and others end a line in JavaScript. */
	if (json_dump_callback(root, write_safely, html->out,
			       JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(16)))
		html->failed = true;
	json_decref(root);
}
