/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the file format of maze-incident(5). Later versions may only add keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/entry_json.h"
#include "../../lib/record_time.h"
#include "../../lib/signature.h"
#include "../../lib/utf8_json.h"
#include "../../lib/cgroup_origin.h"
#include "episode_group.h"

#define FORMAT_VERSION 1

static json_t *text_json(const char *text)
{
	return text ? utf8_json(text, strlen(text)) : json_null();
}

static json_t *number_json(maze_u64 value)
{
	return json_integer((json_int_t)value);
}

static json_t *time_json(maze_u64 boot_ns)
{
	char time[RFC3339_LEN];

	return json_string(record_time_format(boot_ns, time));
}

/* Kernel addresses do not fit in JSON integers, so they are text. */
static json_t *address_json(maze_u64 address)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%016llx", address);
	return json_string(text);
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* ---- frames ------------------------------------------------------------------------ */

static json_t *build_id_json(const maze_u8 *build_id)
{
	char text[MAZE_BUILD_ID_LEN * 2 + 1] = "";
	size_t i;

	for (i = 0; i < elf_file_build_id_length(build_id); i++)
		snprintf(text + i * 2, 3, "%02x", build_id[i]);
	return json_string(text);
}

static void set_location(const struct episode *episode, const struct episode_frame *frame,
			 json_t *object)
{
	const struct episode_file *file = NULL;

	if (frame->kind == SYMBOLIZER_KERNEL) {
		set(object, "kernel", json_true());
		set(object, "address", address_json(frame->at));
		return;
	}
	if (frame->kind == SYMBOLIZER_JIT) {
		set(object, "module", text_json(frame->module));
		set(object, "address", address_json(frame->at));
		return;
	}
	if (frame->file != EPISODE_NO_FILE)
		file = &episode->files[frame->file];
	set(object, "module", text_json(file ? file->path : NULL));
	if (file && file->has_build_id)
		set(object, "build_id", build_id_json(file->build_id));
	set(object, "offset", number_json(frame->at));
}

/* Appends an object for each inlined function, then one for the function around them. */
static void append_frame(const struct episode *episode, const struct episode_frame *frame,
			 json_t *frames)
{
	const struct answer *answer = frame->answer;
	size_t count = answer && answer->count ? answer->count : 1, i;
	json_t *object;

	for (i = 0; i < count; i++) {
		object = json_object();
		if (answer && answer->count) {
			if (answer->symbol[i].function[0])
				set(object, "function", text_json(answer->symbol[i].function));
			if (answer->symbol[i].file[0])
				set(object, "file", text_json(answer->symbol[i].file));
			if (answer->symbol[i].line)
				set(object, "line", number_json(answer->symbol[i].line));
			if (answer->symbol[i].inlined)
				set(object, "inlined", json_true());
		}
		set_location(episode, frame, object);
		json_array_append_new(frames, object);
	}
}

static bool begins(const struct episode_frame *frame, const char *const *names)
{
	const char *name =
		frame->answer && frame->answer->count ? frame->answer->symbol[0].function : "";

	for (; *names; names++)
		if (!strncmp(name, *names, strlen(*names)))
			return true;
	return false;
}

static const char *const interrupts[] = { "asm_sysvec_", "asm_common_interrupt", "el1h_64_irq",
					  "el0t_64_irq", NULL };

/*
 * Returns the number of kernel frames if all belong to an interrupt of user code. Then
 * they do not describe the thread, which was only preempted. Returns 0 if the thread was
 * in a system call or a fault, or if its user code is unknown.
 */
static unsigned int interrupt_frames(const struct episode *episode,
				     const struct episode_stack *stack)
{
	unsigned int kernel = 0;

	while (kernel < stack->count &&
	       episode->frames[stack->frames[kernel]].kind == SYMBOLIZER_KERNEL)
		kernel++;
	if (!kernel || kernel == stack->count)
		return 0;
	return begins(&episode->frames[stack->frames[kernel - 1]], interrupts) ? kernel : 0;
}

/*
 * Returns the index of the thread's first frame. The frames before it belong to the
 * interrupt or the scheduler hook that takes the stack.
 */
static unsigned int first_of_thread(const struct episode *episode,
				    const struct episode_stack *stack)
{
	static const char *const programs[] = { "bpf_prog_", "bpf_trace_run", "__traceiter_",
						"__bpf_trace_", NULL };
	unsigned int first = interrupt_frames(episode, stack), i;

	if (first)
		return first;
	for (i = 0; i < stack->count; i++)
		if (episode->frames[stack->frames[i]].kind == SYMBOLIZER_KERNEL &&
		    begins(&episode->frames[stack->frames[i]], programs))
			first = i + 1;
	for (i = first; first && i < stack->count; i++) {
		if (episode->frames[stack->frames[i]].kind != SYMBOLIZER_KERNEL)
			break;
		if (begins(&episode->frames[stack->frames[i]], interrupts))
			return i + 1;
	}
	return first;
}

static json_t *stack_json(const struct episode *episode, const struct episode_stack *stack)
{
	json_t *object = json_object(), *frames = json_array();
	unsigned int i;

	for (i = first_of_thread(episode, stack); i < stack->count; i++)
		append_frame(episode, &episode->frames[stack->frames[i]], frames);
	set(object, "frames", frames);
	set(object, "cut", json_boolean(stack->cut));
	if (stack->astray)
		set(object, "astray", json_true());
	return object;
}

static void append_stacks(const struct episode *episode, json_t *stacks)
{
	size_t i;

	for (i = 0; i < episode->stacks_count; i++)
		json_array_append_new(stacks, stack_json(episode, &episode->stacks[i]));
}

/* Stacks are numbered from `base` on. consumer -1: the samples are those of the thread. */
static void append_samples(const struct episode *episode, size_t base, int consumer,
			   json_t *samples)
{
	json_t *object;
	size_t i;

	for (i = 0; i < episode->samples_count; i++) {
		object = json_object();
		set(object, "time", time_json(episode->samples[i].boot_ns));
		if (consumer < 0)
			set(object, "count_ns", number_json(episode->samples[i].count_ns));
		else
			set(object, "consumer", json_integer(consumer));
		set(object, "cpu", number_json(episode->samples[i].cpu));
		set(object, "stack", number_json(base + episode->samples[i].stack));
		json_array_append_new(samples, object);
	}
}

/* Those of a group are those of its consumers. */
static void set_stacks(const struct episode *episode, json_t *incident)
{
	const struct episode_group *group = episode->group;
	json_t *stacks = json_array(), *samples = json_array();
	size_t i;

	append_stacks(episode, stacks);
	append_samples(episode, 0, -1, samples);
	for (i = 0; group && i < group->consumers_count; i++) {
		append_samples(group->consumers[i].episode, json_array_size(stacks), (int)i,
			       samples);
		append_stacks(group->consumers[i].episode, stacks);
	}
	set(incident, "stacks", stacks);
	set(incident, "samples", samples);
}

static json_t *unwound_json(const struct episode *episode)
{
	json_t *object;

	if (!episode->unwound.count)
		return json_null();
	object = stack_json(episode, &episode->unwound);
	set(object, "took_ns", number_json(episode->unwind_ns));
	return object;
}

static json_t *python_json(const struct episode_python *python)
{
	json_t *object;
	char version[32];

	if (!python->reads)
		return json_null();
	object = json_object();
	snprintf(version, sizeof(version), "%u.%u.%u", python->version >> 24,
		 python->version >> 16 & 0xff, python->version >> 8 & 0xff);
	set(object, "version", json_string(version));
	set(object, "stacks", json_incref(python->stacks));
	set(object, "reads", json_incref(python->reads));
	set(object, "reads_failed", json_integer(python->failed));
	return object;
}

static json_t *look_json(const struct episode *episode)
{
	json_t *object = json_object();

	set(object, "tid", json_integer(episode->tid));
	set(object, "time", time_json(episode->look.boot_ns));
	set(object, "wall_ns", number_json(episode->look.wall_ns));
	set(object, "cpu_ns", number_json(episode->look.cpu_ns));
	set(object, "waited_ns", number_json(episode->look.waited_ns));
	return object;
}

/* ---- facts ------------------------------------------------------------------------- */

static json_t *words_json(const struct redactor *redactor, const char *words, size_t size)
{
	json_t *array;
	size_t redacted_size = 0, at, length;
	char *redacted = redact_apply(redactor, words, size, &redacted_size);

	if (!redacted)
		return json_null();
	array = json_array();
	for (at = 0; at < redacted_size; at += length + 1) {
		length = strnlen(redacted + at, redacted_size - at);
		json_array_append_new(array, utf8_json(redacted + at, length));
	}
	free(redacted);
	return array;
}

static json_t *threads_json(const struct process_info *live)
{
	json_t *threads = json_array(), *object;
	char state[2] = "";
	size_t i;

	for (i = 0; i < live->threads_count; i++) {
		object = json_object();
		state[0] = live->threads[i].state;
		set(object, "tid", json_integer(live->threads[i].tid));
		set(object, "comm", text_json(live->threads[i].comm));
		set(object, "state", text_json(state));
		set(object, "cpu_ns", number_json(live->threads[i].cpu_ns));
		json_array_append_new(threads, object);
	}
	return threads;
}

static void set_live(const struct process_info *live, const struct redactor *redactor,
		     json_t *process)
{
	set(process, "ppid", json_integer(live->ppid));
	set(process, "comm", text_json(live->comm));
	if (live->exe)
		set(process, "exe", text_json(live->exe));
	if (live->words_size) {
		set(process, "cmdline", words_json(redactor, live->words, live->words_size));
		set(process, "cmdline_cut", json_boolean(live->words_cut));
	}
	set(process, "cgroup", text_json(live->cgroup));
	set(process, "uid", json_integer(live->uid));
	set(process, "started", time_json(live->start_ns));
	if (live->open_files >= 0)
		set(process, "open_files", json_integer(live->open_files));
	set(process, "threads", threads_json(live));
	set(process, "threads_total", json_integer((json_int_t)live->threads_total));
}

static void set_recorded(const struct maze_process_info *recorded, const struct redactor *redactor,
			 json_t *process)
{
	set(process, "ppid", json_integer(recorded->ppid));
	set(process, "comm", text_json(recorded->comm));
	set(process, "exe", recorded->exe[0] ? text_json(recorded->exe) : json_null());
	if (recorded->args_size) {
		set(process, "cmdline", words_json(redactor, recorded->args, recorded->args_size));
		set(process, "cmdline_cut",
		    json_boolean(recorded->flags & MAZE_PROCESS_INFO_ARGS_CUT));
	}
	set(process, "uid", json_integer(recorded->uid));
	set(process, "started", time_json(recorded->start_ns));
}

static json_t *process_json(const struct episode *episode, const struct redactor *redactor)
{
	json_t *process = json_object(), *recorded = json_object();

	if (episode->pid)
		set(process, "pid", json_integer(episode->pid));
	if (episode->has_live)
		set_live(&episode->live, redactor, process);
	if (episode->recorded)
		set_recorded(episode->recorded, redactor, recorded);
	json_object_update_missing(process, recorded);
	json_decref(recorded);
	if (episode->cgroup && !json_is_string(json_object_get(process, "cgroup")))
		set(process, "cgroup", text_json(episode->cgroup));
	return process;
}

static json_t *policy_json(const struct maze_policy *policy)
{
	unsigned int scope = maze_policy_scope(policy->flags);
	char text[32];
	json_t *object = json_object();

	set(object, "soft_ns", number_json(policy->soft_ns));
	set(object, "hard_ns", number_json(policy->hard_ns));
	set(object, "soft_signal", soft_signal_json(policy->flags, policy->soft_signal));
	set(object, "hard_signal", signal_json(policy->hard_signal));
	set(object, "shadow", json_boolean(policy->flags & MAZE_POLICY_SHADOW));
	if (scope) {
		set(object, "scope", json_string(maze_policy_scope_name(scope)));
		set(object, "share",
		    json_string(maze_share_format(policy->share, text, sizeof(text))));
		return object;
	}
	set(object, "signal_to",
	    json_string(policy->flags & MAZE_POLICY_TO_PROCESS ? "process" : "thread"));
	set(object, "recovery",
	    json_string(maze_recovery_format(policy->recovery, text, sizeof(text))));
	set(object, "inherit", json_boolean(policy->flags & MAZE_POLICY_INHERIT));
	set(object, "yield",
	    json_string(policy->flags & MAZE_POLICY_YIELD_COUNTS ? "count" : "reset"));
	return object;
}

static json_t *machine_json(const struct machine_info *machine)
{
	json_t *object = json_object(), *load = json_array();
	size_t i;

	for (i = 0; i < 3; i++)
		json_array_append_new(load, json_real(machine->load[i]));
	set(object, "cpus", json_integer(machine->cpus));
	set(object, "load", load);
	set(object, "uptime_s", number_json(machine->uptime_s));
	return object;
}

/*
 * Adds the texts that say where the incident is from to those objects of their rows that
 * there are.
 */
static void set_origin(const struct episode *episode, json_t *incident)
{
	const char *cgroup =
		json_string_value(json_object_get(json_object_get(incident, "process"), "cgroup"));
	struct origin origin = episode->origin;
	size_t i;

	if (cgroup)
		cgroup_origin(cgroup, &origin);
	for (i = 0; i < ORIGIN_COUNT_; i++)
		set(json_object_get(incident, origin_table[i].object), origin_table[i].key,
		    origin.text[i][0] ? text_json(origin.text[i]) : NULL);
}

static void append_notes(const struct episode *episode, json_t *notes)
{
	size_t i, j;

	for (i = 0; i < episode->notes_count; i++) {
		/* Two consumers can have the same note. */
		for (j = 0; j < json_array_size(notes); j++)
			if (!strcmp(json_string_value(json_array_get(notes, j)), episode->notes[i]))
				break;
		if (j == json_array_size(notes))
			json_array_append_new(notes, text_json(episode->notes[i]));
	}
}

static json_t *notes_json(const struct episode *episode)
{
	const struct episode_group *group = episode->group;
	json_t *notes = json_array();
	size_t i;

	append_notes(episode, notes);
	for (i = 0; group && i < group->consumers_count; i++)
		append_notes(group->consumers[i].episode, notes);
	return notes;
}

/* Returns how many samples of the engine never came or found no room here. */
static maze_u64 samples_lost(const struct episode *episode)
{
	size_t came = episode->samples_count + episode->samples_dropped;

	return episode->samples_dropped + (episode->numbers > came ? episode->numbers - came : 0);
}

/* ---- groups ------------------------------------------------------------------------ */

static json_t *consumer_json(const struct episode_consumer *consumer,
			     const struct redactor *redactor)
{
	static const char *const kinds[] = { "thread", "ended-threads", "ended-children" };
	const struct episode *episode = consumer->episode;
	json_t *object = json_object();

	set(object, "kind", json_string(kinds[consumer->is.kind]));
	if (consumer->is.tid)
		set(object, "tid", json_integer(consumer->is.tid));
	if (consumer->is.tid && episode->live.threads_count)
		set(object, "comm", text_json(episode->live.threads[0].comm));
	set(object, "cpu_ns", number_json(consumer->is.cpu_ns));
	set(object, "process", process_json(episode, redactor));
	if (!episode->has_live)
		set(json_object_get(object, "process"), "comm", text_json(consumer->is.comm));
	set_origin(episode, object);
	set(object, "unwound", unwound_json(episode));
	set(object, "python", python_json(&episode->python));
	return object;
}

static json_t *group_json(const struct episode_group *group, const struct redactor *redactor)
{
	json_t *object = json_object(), *consumers = json_array();
	size_t i;

	for (i = 0; i < group->consumers_count; i++)
		json_array_append_new(consumers, consumer_json(&group->consumers[i], redactor));
	set(object, "scope", json_string(maze_policy_scope_name(group->subject.scope)));
	set(object, "members", group->members ? number_json(group->members) : json_null());
	set(object, "cpu_ns", number_json(group->cpu_ns));
	set(object, "wall_ns", group->wall_ns ? number_json(group->wall_ns) : json_null());
	set(object, "interval_ns", number_json(EPISODE_GROUP_INTERVAL_NS));
	set(object, "consumers", consumers);
	return object;
}

static json_t *actions_json(const struct episode *episode)
{
	const struct episode_action *action = episode->actions;
	json_t *array = json_array(), *object;

	for (; action < episode->actions + episode->actions_count; action++) {
		object = json_object();
		set(object, "time", time_json(action->boot_ns));
		set(object, "stage", json_string(action->hard ? "hard" : "soft"));
		set(object, "action", text_json(action->name));
		set(object, "tried", json_boolean(action->tried));
		set(object, "applied", json_boolean(action->applied));
		set(object, "text", text_json(action->text));
		json_array_append_new(array, object);
	}
	return array;
}

char *episode_json(const struct episode *episode, const struct redactor *redactor,
		   char *ret_signature)
{
	json_t *object = json_object();
	char signature[SIGNATURE_LEN] = "";
	char *text;

	set(object, "version", json_integer(FORMAT_VERSION));
	set(object, "id", json_string(episode->id));
	/* Near the begin, so that a reader of many incidents reads no more of them. */
	set(object, "signature", json_null());
	set(object, "records", json_incref(episode->records));
	set(object, "actions", actions_json(episode));
	set(object, "rule", text_json(episode->rule));
	set(object, "policy", episode->has_policy ? policy_json(&episode->policy) : json_null());
	set(object, "process", process_json(episode, redactor));
	set(object, "machine", machine_json(&episode->machine));
	set(object, "maze", json_object());
	set_origin(episode, object);
	set_stacks(episode, object);
	set(object, "samples_lost", number_json(samples_lost(episode)));
	set(object, "unwound", unwound_json(episode));
	/* A look takes none. */
	if (episode->runs || (!episode->group && !episode->look.boot_ns))
		set(object, "schedule", episode_runs_json(episode));
	set(object, "system_calls", episode_calls_json(episode));
	set(object, "descriptors", episode_descriptors_json(episode, redactor));
	set(object, "python", python_json(&episode->python));
	set(object, "progress", episode_progress_json(episode));
	set(object, "siblings", episode_siblings_json(episode));
	if (episode->group)
		set(object, "group", group_json(episode->group, redactor));
	if (episode->look.boot_ns)
		set(object, "look", look_json(episode));
	set(object, "notes", notes_json(episode));
	if (signature_of_incident(object, signature))
		set(object, "signature", json_string(signature));
	if (ret_signature)
		memcpy(ret_signature, signature, SIGNATURE_LEN);
	text = json_dumps(object, JSON_COMPACT | JSON_DIGITS);
	json_decref(object);
	return text;
}
