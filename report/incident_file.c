/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies no strings, because the incident keeps the JSON. Each array is one allocation.
 */
#include "incident_file.h"
#include "actions.h"
#include "consumers.h"
#include "descriptors.h"
#include "file_text.h"
#include "json_reader.h"
#include "progress.h"
#include "runs.h"
#include "siblings.h"
#include "system_calls.h"
#include "../lib/utf8_json.h"
#include "../base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

struct incident_source {
	json_t *root;
	char *text; /* text of the file */
	size_t size;
};

bool incident_id_valid(const char *id, size_t length)
{
	return length > 0 && length <= INCIDENT_ID_MAX &&
	       strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") >=
		       length;
}

static bool read_records(struct json_reader *reader, const json_t *array, struct incident *incident)
{
	struct incident_record *record;
	json_t *object;
	size_t i;

	reader->where = "records";
	if (!array_room(array, sizeof(*record), &incident->records, &incident->records_count))
		return false;
	for (i = 0; i < incident->records_count; i++) {
		record = &incident->records[i];
		object = read_element(reader, array, i);
		record->event = read_text(reader, object, "event");
		if (object && !record->event)
			type_error(reader, "event", "a string");
		record->time_ns = read_time(reader, object, "time");
		record->comm = read_text(reader, object, "comm");
		record->signal = read_text(reader, object, "signal");
		record->not_sent = read_text(reader, object, "not_sent");
		record->pid = read_number(reader, object, "pid");
		record->tid = read_number(reader, object, "tid");
		record->uid = read_number(reader, object, "uid");
		record->cpu = read_number(reader, object, "cpu");
		record->count_ns = read_number(reader, object, "count_ns");
		record->limit_ns = read_number(reader, object, "limit_ns");
		record->used_ns = read_number(reader, object, "used_ns");
		record->asleep_ns = read_number(reader, object, "asleep_ns");
		record->sleeps = read_number(reader, object, "sleeps");
		record->elapsed_ns = read_number(reader, object, "elapsed_ns");
		record->share = json_number_value(json_object_get(object, "share"));
		record->sent = read_flag(reader, object, "sent", false);
		record->fatal = read_flag(reader, object, "fatal", false);
		record->shadow = read_flag(reader, object, "shadow", false);
	}
	return true;
}

static bool read_samples(struct json_reader *reader, const json_t *array, struct incident *incident)
{
	return incident_read_samples(reader, array, incident->stacks_count, &incident->samples,
				     &incident->samples_count);
}

static bool read_python(struct json_reader *reader, const json_t *object, struct incident *incident)
{
	if (!object)
		return true;
	incident->python = calloc(1, sizeof(*incident->python));
	if (!incident->python)
		return false;
	incident->python_version = read_text(reader, object, "version");
	return incident_read_stacks(reader, object, incident->python) &&
	       read_samples(reader, read_array(reader, object, "reads"), incident->python);
}

static bool read_texts(struct json_reader *reader, const json_t *object, const char *key,
		       const char ***ret_texts, size_t *ret_count)
{
	json_t *array = read_array(reader, object, key);
	size_t i;

	if (!array_room(array, sizeof(**ret_texts), ret_texts, ret_count))
		return false;
	for (i = 0; i < *ret_count; i++) {
		(*ret_texts)[i] = json_string_value(json_array_get(array, i));
		if (!(*ret_texts)[i])
			type_error(reader, key, "an array of strings");
	}
	return true;
}

static bool read_process(struct json_reader *reader, const json_t *object,
			 struct incident_process *process)
{
	json_t *threads = read_array(reader, object, "threads"), *element;
	struct incident_thread *thread;
	size_t i;

	process->pid = read_number(reader, object, "pid");
	process->ppid = read_number(reader, object, "ppid");
	process->uid = read_number(reader, object, "uid");
	process->open_files = read_number(reader, object, "open_files");
	process->comm = read_text(reader, object, "comm");
	process->exe = read_text(reader, object, "exe");
	process->cgroup = read_text(reader, object, "cgroup");
	process->started = read_text(reader, object, "started");
	process->cmdline_cut = read_flag(reader, object, "cmdline_cut", false);
	process->threads_total = read_number(reader, object, "threads_total");
	if (!read_texts(reader, object, "cmdline", &process->cmdline, &process->cmdline_count) ||
	    !array_room(threads, sizeof(*thread), &process->threads, &process->threads_count))
		return false;
	reader->where = "threads";
	for (i = 0; i < process->threads_count; i++) {
		thread = &process->threads[i];
		element = read_element(reader, threads, i);
		thread->tid = read_number(reader, element, "tid");
		thread->comm = read_text(reader, element, "comm");
		thread->state = read_text(reader, element, "state");
		thread->cpu_ns = read_number(reader, element, "cpu_ns");
	}
	return true;
}

static void read_policy(struct json_reader *reader, const json_t *object,
			struct incident_policy *policy)
{
	json_t *recovery = json_object_get(object, "recovery");
	const char *text;

	policy->there = object;
	policy->soft_ns = read_number(reader, object, "soft_ns");
	policy->hard_ns = read_number(reader, object, "hard_ns");
	policy->soft_signal = read_text(reader, object, "soft_signal");
	policy->hard_signal = read_text(reader, object, "hard_signal");
	text = json_is_number(recovery) ? NULL : read_text(reader, object, "recovery");
	if (json_is_number(recovery))
		snprintf(policy->recovery, sizeof(policy->recovery), "%.9g",
			 json_number_value(recovery));
	else if (text)
		snprintf(policy->recovery, sizeof(policy->recovery), "%s", text);
	text = read_text(reader, object, "signal_to");
	policy->to_process = text && !strcmp(text, "process");
	policy->yield = read_text(reader, object, "yield");
	policy->share = read_text(reader, object, "share");
	policy->inherit = read_flag(reader, object, "inherit", true);
	policy->shadow = read_flag(reader, object, "shadow", false);
}

static void read_machine(struct json_reader *reader, const json_t *object,
			 struct incident_machine *machine)
{
	json_t *load = read_array(reader, object, "load"), *value;
	size_t i;

	machine->cpus = read_number(reader, object, "cpus");
	machine->uptime_s = read_number(reader, object, "uptime_s");
	for (i = 0; i < 3; i++) {
		value = json_array_get(load, i);
		if (value && !json_is_number(value))
			type_error(reader, "load", "an array of numbers");
		machine->load[i] = json_is_number(value) ? json_number_value(value) : -1;
	}
}

static void read_origin(struct json_reader *reader, const json_t *root, struct incident *incident)
{
	size_t i;

	for (i = 0; i < ORIGIN_COUNT_; i++) {
		reader->where = origin_table[i].object;
		incident->origin[i] = read_text(reader, read_object(reader, root, reader->where),
						origin_table[i].key);
	}
}

bool incident_read_part(struct json_reader *reader, const json_t *object, struct incident *part)
{
	json_t *unwound = read_object(reader, object, "unwound");

	read_origin(reader, object, part);
	part->unwound_took_ns = read_number(reader, unwound, "took_ns");
	return incident_read_stack(reader, unwound, &part->unwound) &&
	       read_python(reader, read_object(reader, object, "python"), part) &&
	       read_process(reader, read_object(reader, object, "process"), &part->process);
}

/* A look has no verdict. All else of an incident needs a record, so this makes one. */
static bool read_look(struct json_reader *reader, const json_t *look, struct incident *incident)
{
	struct incident_record *record;
	long long asleep_ns;

	incident->is_look = look && !incident->records_count;
	if (!incident->is_look)
		return true;
	record = incident->records = calloc(1, sizeof(*record));
	if (!record)
		return false;
	incident->records_count = 1;
	reader->where = "look";
	incident->look_wall_ns = read_number(reader, look, "wall_ns");
	incident->look_waited_ns = read_number(reader, look, "waited_ns");
	*record = (struct incident_record){
		.event = "look",
		.time_ns = read_time(reader, look, "time"),
		.tid = read_number(reader, look, "tid"),
		.count_ns = read_number(reader, look, "cpu_ns"),
	};
	record->pid = record->uid = record->cpu = record->limit_ns = INCIDENT_UNKNOWN;
	record->used_ns = record->count_ns;
	asleep_ns = incident->look_wall_ns;
	if (record->count_ns < 0 || incident->look_waited_ns < 0 || record->count_ns > asleep_ns ||
	    incident->look_waited_ns > asleep_ns - record->count_ns)
		return true;
	asleep_ns -= record->count_ns + incident->look_waited_ns;
	/* The times are up to a tick old. */
	record->sleeps = asleep_ns > incident->look_wall_ns / 50;
	record->asleep_ns = record->sleeps ? asleep_ns : 0;
	return true;
}

/* Earlier versions wrote none. */
static void read_signature(struct json_reader *reader, const json_t *root,
			   struct incident *incident)
{
	const char *signature = read_text(reader, root, "signature");

	if (signature)
		snprintf(incident->signature, sizeof(incident->signature), "%s", signature);
	else if (!json_object_get(root, "signature") &&
		 !signature_of_incident(root, incident->signature))
		incident->signature[0] = '\0';
}

static bool read_incident(struct json_reader *reader, const json_t *root, struct incident *incident)
{
	json_t *records = read_array(reader, root, "records");
	json_t *samples = read_array(reader, root, "samples");
	json_t *python = read_object(reader, root, "python");
	json_t *look = read_object(reader, root, "look");
	json_t *policy = read_object(reader, root, "policy");
	json_t *machine = read_object(reader, root, "machine");
	json_t *process = read_object(reader, root, "process");

	incident->id = read_text(reader, root, "id");
	if (!incident->id || !incident_id_valid(incident->id, strlen(incident->id)))
		type_error(reader, "id", "a name of letters, digits and \"-\"");
	read_signature(reader, root, incident);
	incident->rule = read_text(reader, root, "rule");
	incident->samples_lost = read_number(reader, root, "samples_lost");
	if (!json_array_size(records) && !look)
		type_error(reader, "records", "an array of at least one record");
	if (!read_texts(reader, root, "notes", &incident->notes, &incident->notes_count) ||
	    !read_records(reader, records, incident) || !actions_read(reader, root, incident) ||
	    !read_look(reader, look, incident) || !incident_read_stacks(reader, root, incident) ||
	    !read_samples(reader, samples, incident) || !read_python(reader, python, incident) ||
	    !siblings_read(reader, root, incident) || !consumers_read(reader, root, incident) ||
	    !system_calls_read(reader, root, incident) || !runs_read(reader, root, incident) ||
	    !incident_descriptors_read(reader, root, incident))
		return false;
	incident_progress_read(reader, root, incident);
	read_origin(reader, root, incident);
	reader->where = "policy";
	read_policy(reader, policy, &incident->policy);
	reader->where = "machine";
	read_machine(reader, machine, &incident->machine);
	reader->where = "process";
	return read_process(reader, process, &incident->process);
}

static int check_version(const json_t *root, struct maze_error *error)
{
	const json_t *version = json_object_get(root, "version");

	if (!json_is_object(root))
		return maze_fail(error, -EINVAL, "not an incident: JSON, but not an object");
	if (!json_is_integer(version))
		return maze_fail(error, -EINVAL, "not an incident: it has no \"version\"");
	if (json_integer_value(version) != VERSION)
		return maze_fail(error, -EPROTONOSUPPORT,
				 "incident format version %lld, but this maze reads only "
				 "version %d; use the maze that wrote it",
				 (long long)json_integer_value(version), VERSION);
	return 0;
}

int incident_parse(const char *text, size_t size, struct incident **ret_incident,
		   struct maze_error *error)
{
	struct incident *incident = calloc(1, sizeof(*incident));
	struct json_reader reader = { 0 };
	json_error_t json_error;
	int err;

	if (!incident)
		return maze_fail(error, -ENOMEM, "out of memory");
	incident->source = calloc(1, sizeof(*incident->source));
	err = -ENOMEM;
	if (!incident->source)
		goto out_memory;
	incident->source->size = size;
	incident->source->text = malloc(size + 1);
	if (!incident->source->text)
		goto out_memory;
	if (size)
		memcpy(incident->source->text, text, size);
	incident->source->root = json_loadb(text, size, 0, &json_error);
	if (!incident->source->root) {
		err = json_syntax_fail("an incident", &json_error, error);
		goto out_free;
	}
	err = check_version(incident->source->root, error);
	if (err)
		goto out_free;
	err = -ENOMEM;
	if (!read_incident(&reader, incident->source->root, incident))
		goto out_memory;
	if (reader.wrong_key) {
		err = json_reader_fail(&reader, "an incident", error);
		goto out_free;
	}
	*ret_incident = incident;
	return 0;

out_memory:
	maze_fail(error, err, "out of memory");
out_free:
	incident_free(incident);
	return err;
}

void incident_free(struct incident *incident)
{
	size_t i;

	if (!incident)
		return;
	for (i = 0; incident->stacks && i < incident->stacks_count; i++)
		free(incident->stacks[i].frames);
	system_calls_free(incident);
	siblings_free(incident);
	consumers_free(incident);
	incident_descriptors_free(incident);
	free(incident->unwound.frames);
	incident_free(incident->python);
	free(incident->stacks);
	free(incident->samples);
	free(incident->records);
	free(incident->actions);
	free(incident->runs);
	free(incident->notes);
	free(incident->process.cmdline);
	free(incident->process.threads);
	if (incident->source) {
		json_decref(incident->source->root);
		free(incident->source->text);
	}
	free(incident->source);
	free(incident);
}

int incident_load_within(int dirfd, const char *name, int flags, off_t max,
			 struct incident **ret_incident, struct maze_error *error)
{
	char *text;
	size_t size;
	int err = file_text_read(dirfd, name, flags, max, &text, &size, error);

	if (err)
		return err;
	err = incident_parse(text, size, ret_incident, error);
	free(text);
	return err;
}

int incident_load(int dirfd, const char *name, struct incident **ret_incident,
		  struct maze_error *error)
{
	return incident_load_within(dirfd, name, 0, INCIDENT_FILE_MAX, ret_incident, error);
}

int incident_write_json(const struct incident *incident, bool ascii, FILE *out)
{
	const struct incident_source *source = incident->source;

	if (ascii) {
		if (json_dumpf(source->root, out,
			       JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_DIGITS) ||
		    fputc('\n', out) == EOF)
			return -EIO;
		return 0;
	}
	return fwrite(source->text, 1, source->size, out) == source->size ? 0 : -EIO;
}
