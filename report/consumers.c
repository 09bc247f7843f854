/* SPDX-License-Identifier: GPL-2.0-only */
#include "consumers.h"

#include <stdlib.h>
#include <string.h>

#include "incident_file.h"
#include "shown.h"

/* The writer has at most 3. */
#define CONSUMERS_MAX 16

/* ---- reading ----------------------------------------------------------------------- */

/* Copies the samples of a consumer. Its stacks are those of the incident. */
static bool take_samples(const struct incident *incident, size_t number, struct incident *only)
{
	size_t i;

	only->stacks = incident->stacks;
	only->stacks_count = incident->stacks_count;
	only->samples = calloc(incident->samples_count + 1, sizeof(*only->samples));
	for (i = 0; only->samples && i < incident->samples_count; i++)
		if (incident->samples[i].consumer == (long long)number)
			only->samples[only->samples_count++] = incident->samples[i];
	return only->samples;
}

/* Names it, and puts a frame with this name behind its unwound stack, for stacks_make(). */
static bool name_consumer(struct incident_consumer *consumer)
{
	const struct incident_process *process = &consumer->only->process;
	struct incident_stack *unwound = &consumer->only->unwound;
	const char *comm = consumer->comm ? consumer->comm : process->comm;
	long long number = consumer->tid >= 0 ? consumer->tid : process->pid;
	struct incident_frame *frames =
		reallocarray(unwound->frames, unwound->count + 1, sizeof(*frames));

	if (!frames)
		return false;
	unwound->frames = frames;
	if (asprintf(&consumer->name, "%s %lld", comm ? comm : "PID", number) < 0) {
		consumer->name = NULL;
		return false;
	}
	frames[unwound->count] =
		(struct incident_frame){ .function = consumer->name, .line = INCIDENT_UNKNOWN };
	return true;
}

static bool read_consumer(struct json_reader *reader, const json_t *object,
			  struct incident *incident)
{
	struct incident_group *group = incident->group;
	struct incident_consumer *consumer = &group->consumers[group->consumers_count];
	struct incident *only = calloc(1, sizeof(*only));

	if (!only)
		return false;
	consumer->only = only;
	group->consumers_count++;
	reader->where = "consumers";
	consumer->kind = read_text(reader, object, "kind");
	if (object && !consumer->kind)
		type_error(reader, "kind", "a string");
	consumer->comm = read_text(reader, object, "comm");
	consumer->tid = read_number(reader, object, "tid");
	consumer->cpu_ns = read_number(reader, object, "cpu_ns");
	return take_samples(incident, group->consumers_count - 1, only) &&
	       incident_read_part(reader, object, only) && name_consumer(consumer);
}

bool consumers_read(struct json_reader *reader, const json_t *root, struct incident *incident)
{
	json_t *object = read_object(reader, root, "group"), *array;
	struct incident_group *group;
	size_t i;

	if (!object)
		return true;
	group = incident->group = calloc(1, sizeof(*group));
	if (!group)
		return false;
	reader->where = "group";
	group->scope = read_text(reader, object, "scope");
	group->members = read_number(reader, object, "members");
	group->cpu_ns = read_number(reader, object, "cpu_ns");
	group->wall_ns = read_number(reader, object, "wall_ns");
	group->interval_ns = read_number(reader, object, "interval_ns");
	array = read_array(reader, object, "consumers");
	if (json_array_size(array) > CONSUMERS_MAX) {
		type_error(reader, "consumers", "an array of at most 16");
		return true;
	}
	group->consumers = calloc(CONSUMERS_MAX, sizeof(*group->consumers));
	if (!group->consumers)
		return false;
	for (i = 0; i < json_array_size(array); i++)
		if (!read_consumer(reader, read_element(reader, array, i), incident))
			return false;
	return true;
}

void consumers_free(struct incident *incident)
{
	struct incident_group *group = incident->group;
	size_t i;

	for (i = 0; group && i < group->consumers_count; i++) {
		free(group->consumers[i].name);
		group->consumers[i].only->stacks = NULL;
		incident_free(group->consumers[i].only);
	}
	free(group ? group->consumers : NULL);
	free(group);
}

/* ---- describing -------------------------------------------------------------------- */

static bool is(const char *text, const char *word)
{
	return text && !strcmp(text, word);
}

const char *consumers_scope(const struct incident *incident)
{
	const char *scope = incident->group->scope;

	return is(scope, "cgroup")    ? "control group"
	       : is(scope, "tree")    ? "tree"
	       : is(scope, "process") ? "process"
				      : "group";
}

void consumers_group(struct summary *summary, const struct incident *incident)
{
	bool cgroup = is(incident->group->scope, "cgroup");
	const char *name = cgroup ? incident->process.cgroup : NULL;
	char buf[SHOWN_LEN];

	if (!name)
		name = shown_process(incident);
	summary_plain(summary, "The %s ", consumers_scope(incident));
	if (is(incident->group->scope, "tree"))
		summary_plain(summary, "of ");
	if (name)
		summary_name(summary, name);
	else
		summary_plain(summary, "of unknown name");
	if (!cgroup)
		summary_plain(summary, " (PID %s)", shown_number(shown_pid(incident), buf));
}

void consumer_describe(struct summary *summary, const struct incident *incident,
		       const struct incident_consumer *consumer)
{
	const struct incident_process *process = &consumer->only->process;
	long long of_ns = incident->group->cpu_ns;
	char share[SHOWN_LEN], pid[SHOWN_LEN];

	if (is(consumer->kind, "thread"))
		summary_plain(summary, "thread ");
	else if (is(consumer->kind, "ended-threads"))
		summary_plain(summary, "ended threads of ");
	else if (is(consumer->kind, "ended-children"))
		summary_plain(summary, "ended children of ");
	summary_name(summary, consumer->name);
	if (consumer->tid >= 0 && consumer->tid != process->pid) {
		summary_plain(summary, " of ");
		summary_name(summary, process->comm ? process->comm : "PID");
		summary_plain(summary, " %s", shown_number(process->pid, pid));
	}
	if (consumer->cpu_ns >= 0 && of_ns > 0 && consumer->cpu_ns <= of_ns)
		summary_plain(summary, ", %s of the CPU time",
			      shown_share((size_t)consumer->cpu_ns, (size_t)of_ns, share));
}

void consumer_process(struct summary *summary, const struct incident *incident,
		      const struct incident_consumer *consumer)
{
	const struct incident_consumer *other = incident->group->consumers;
	long long pid = consumer->only->process.pid;

	while (other < consumer && other->only->process.pid != pid)
		other++;
	if (other == consumer && incident->process.pid != pid)
		summary_process(summary, consumer->only);
}

void consumers_where(struct summary *summary, const struct incident *incident,
		     const struct stacks *stacks)
{
	const struct incident_group *group = incident->group;

	if (!group->consumers_count) {
		summary_plain(summary, "What used the CPU time is unknown. ");
		return;
	}
	summary_plain(summary, "The largest part was used by ");
	consumer_describe(summary, incident, &group->consumers[0]);
	summary_plain(summary, ". ");
	if (stacks->consumers[0]->samples)
		summary_where(summary, group->consumers[0].only, stacks->consumers[0]);
}
