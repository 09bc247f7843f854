/* SPDX-License-Identifier: GPL-2.0-only */
#include "shown.h"
#include "../lib/record_time.h"

#include <stdlib.h>
#include <string.h>

const char *shown_duration(long long ns, char buf[SHOWN_LEN])
{
	maze_u64 unit = MAZE_NSEC_PER_MSEC;

	if (ns < 0)
		return "?";
	if ((maze_u64)ns < unit)
		unit = MAZE_NSEC_PER_USEC;
	if ((maze_u64)ns < unit)
		unit = 1;
	return maze_duration_format((maze_u64)ns / unit * unit, buf, SHOWN_LEN);
}

const char *shown_share(size_t part, size_t whole, char buf[SHOWN_LEN])
{
	size_t percent = whole ? (part * 200 + whole) / (whole * 2) : 0;

	if (part && !percent)
		snprintf(buf, SHOWN_LEN, "below 1 %%");
	else if (part < whole && percent == 100)
		snprintf(buf, SHOWN_LEN, "above 99 %%");
	else
		snprintf(buf, SHOWN_LEN, "%zu %%", percent);
	return buf;
}

const char *shown_number(long long number, char buf[SHOWN_LEN])
{
	if (number < 0)
		return "?";
	snprintf(buf, SHOWN_LEN, "%lld", number);
	return buf;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

char *shown_frame(const struct incident_frame *frame)
{
	char *name = NULL;

	if (frame->function)
		return strdup(frame->function);
	if (frame->module && frame->has_offset) {
		if (asprintf(&name, "%s+0x%llx", base_name(frame->module), frame->offset) < 0)
			return NULL;
		return name;
	}
	if (frame->address)
		return strdup(frame->address);
	if (frame->has_offset) {
		if (asprintf(&name, "%s0x%llx", frame->build_id ? "+" : "", frame->offset) < 0)
			return NULL;
		return name;
	}
	return strdup(frame->module ? frame->module : "(unknown)");
}

char *shown_place(const struct incident_frame *frame)
{
	const char *inlined = frame->inlined ? ", inlined" : "";
	char *place = NULL;
	int n;

	if (frame->file && frame->line > 0)
		n = asprintf(&place, "%s:%lld%s", frame->file, frame->line, inlined);
	else if (frame->file)
		n = asprintf(&place, "%s%s", frame->file, inlined);
	else if (frame->kernel)
		n = asprintf(&place, "kernel%s", inlined);
	else if (frame->function && frame->module)
		n = asprintf(&place, "%s%s", base_name(frame->module), inlined);
	else if (frame->build_id)
		n = asprintf(&place, "build-id %s", frame->build_id);
	else
		n = asprintf(&place, "%s",
			     frame->module && !frame->has_offset ? frame->module : "");
	return n < 0 ? NULL : place;
}

const char *shown_cut(const struct incident_stack *stack)
{
	if (stack->astray)
		return "outer frames are missing: code without frame pointers";
	return stack->cut ? "outer frames are missing: the stack is too deep" : NULL;
}

const struct incident_record *shown_record(const struct incident *incident, const char *event)
{
	size_t i;

	for (i = incident->records_count; i > 0; i--)
		if (!strcmp(incident->records[i - 1].event, event))
			return &incident->records[i - 1];
	return NULL;
}

const struct incident_record *shown_verdict(const struct incident *incident)
{
	const struct incident_record *record = shown_record(incident, "hard");

	if (!record)
		record = shown_record(incident, "soft");
	return record ? record : &incident->records[0];
}

const char *shown_process(const struct incident *incident)
{
	return incident->process.comm ? incident->process.comm : shown_verdict(incident)->comm;
}

long long shown_pid(const struct incident *incident)
{
	return incident->process.pid >= 0 ? incident->process.pid : shown_verdict(incident)->pid;
}

long long shown_tid(const struct incident *incident)
{
	return shown_verdict(incident)->tid;
}

const char *shown_thread_name(const struct incident *incident)
{
	long long tid = shown_tid(incident);
	size_t i;

	if (shown_verdict(incident)->comm)
		return shown_verdict(incident)->comm;
	for (i = 0; tid >= 0 && i < incident->process.threads_count; i++)
		if (incident->process.threads[i].tid == tid)
			return incident->process.threads[i].comm;
	return NULL;
}

long long shown_count(const struct incident *incident)
{
	long long count = INCIDENT_UNKNOWN;
	size_t i;

	for (i = 0; i < incident->records_count; i++)
		if (incident->records[i].count_ns > count)
			count = incident->records[i].count_ns;
	for (i = 0; i < incident->samples_count; i++)
		if (incident->samples[i].count_ns > count)
			count = incident->samples[i].count_ns;
	return count;
}

static const struct incident_record *record_with_sleep(const struct incident *incident)
{
	const struct incident_record *record = shown_verdict(incident);

	return record && record->sleeps > 0 && record->used_ns >= 0 && record->asleep_ns >= 0
		       ? record
		       : NULL;
}

long long shown_used(const struct incident *incident)
{
	const struct incident_record *record = record_with_sleep(incident);

	long long count = shown_count(incident);

	if (incident->group)
		return shown_verdict(incident)->used_ns;
	return record && record->used_ns > count ? record->used_ns : count;
}

/* Of a look, in how long it was, and what the thread did in the rest of that time. */
static const char *shown_look(const struct incident *incident, const struct incident_record *asleep,
			      char buf[SHOWN_LEN])
{
	long long wall_ns = incident->look_wall_ns, waited_ns = incident->look_waited_ns;
	char share[SHOWN_LEN];
	size_t length;

	snprintf(buf, SHOWN_LEN, " in %s", shown_duration(wall_ns, share));
	length = strlen(buf);
	if (wall_ns > 0 && waited_ns > wall_ns / 50)
		snprintf(buf + length, SHOWN_LEN - length, ", waited for a CPU in %.16s",
			 shown_share((size_t)waited_ns, (size_t)wall_ns, share));
	length = strlen(buf);
	if (asleep && wall_ns > 0)
		snprintf(buf + length, SHOWN_LEN - length, ", asleep in %.16s",
			 shown_share((size_t)asleep->asleep_ns, (size_t)wall_ns, share));
	return buf;
}

static const char *shown_elapsed(const struct incident_record *verdict, char buf[SHOWN_LEN])
{
	char elapsed[SHOWN_LEN];

	if (verdict->elapsed_ns < 0)
		return "";
	snprintf(buf, SHOWN_LEN, " in %.100s", shown_duration(verdict->elapsed_ns, elapsed));
	return buf;
}

const char *shown_asleep(const struct incident *incident, char buf[SHOWN_LEN])
{
	const struct incident_record *record = record_with_sleep(incident);
	char asleep[RECORD_ASLEEP_LEN];

	if (incident->group)
		return shown_elapsed(shown_verdict(incident), buf);
	if (incident->is_look)
		return shown_look(incident, record, buf);
	if (!record)
		return " without sleeping";
	record_asleep_format((maze_u64)record->used_ns, (maze_u64)record->asleep_ns, asleep);
	snprintf(buf, SHOWN_LEN, ", asleep %s of the time", asleep);
	return buf;
}

/* Returns the shortest possible time from the start of the episode to the record. */
static long long lasted(const struct incident *incident, const struct incident_record *record)
{
	if (incident->is_look)
		return incident->look_wall_ns;
	if (incident->group)
		return record->elapsed_ns;
	return record->sleeps > 0 && record->used_ns >= 0 && record->asleep_ns >= 0
		       ? record->used_ns + record->asleep_ns
		       : record->count_ns;
}

long long shown_since(const struct incident *incident)
{
	const struct incident_record *record;
	long long since = INCIDENT_UNKNOWN;
	size_t i;

	for (i = 0; i < incident->records_count; i++) {
		record = &incident->records[i];
		if (record->time_ns < 0 || record->count_ns < 0 || lasted(incident, record) < 0 ||
		    lasted(incident, record) > record->time_ns)
			continue;
		if (since < 0 || record->time_ns - lasted(incident, record) < since)
			since = record->time_ns - lasted(incident, record);
	}
	return since;
}

long long shown_until(const struct incident *incident)
{
	long long until = INCIDENT_UNKNOWN;
	size_t i;

	for (i = 0; i < incident->records_count; i++)
		if (incident->records[i].time_ns > until)
			until = incident->records[i].time_ns;
	for (i = 0; i < incident->samples_count; i++)
		if (incident->samples[i].time_ns > until)
			until = incident->samples[i].time_ns;
	return until;
}

const char *shown_verb(const struct incident_record *record)
{
	if (!record->signal || !strcmp(record->signal, "none"))
		return NULL;
	if (record->shadow && record->not_sent)
		return "would not have delivered ";
	if (record->shadow)
		return record->fatal ? "would have ended it with " : "would have sent ";
	return record->sent ? "sent " : "did not deliver ";
}

char *shown_act(const struct incident_record *record)
{
	const char *verb = shown_verb(record);
	char *act = NULL;

	if (!strcmp(record->event, "exit"))
		return strdup("ended");
	if (strcmp(record->event, "soft") != 0 && strcmp(record->event, "hard") != 0)
		return strdup(record->event);
	if (!verb)
		return strdup("recorded only");
	if (asprintf(&act, "%s%s%s%s%s", record->shadow ? "shadow: " : "", verb, record->signal,
		     record->not_sent ? ": " : "", record->not_sent ? record->not_sent : "") < 0)
		return NULL;
	return act;
}
