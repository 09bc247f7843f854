/* SPDX-License-Identifier: GPL-2.0-only */
#include "runs.h"

#include <string.h>

#include "shown.h"

/* The writer has at most 129. */
#define RUNS_MAX 1024
/* 52 days: the sum of RUNS_MAX such times is a number. */
#define TIME_MAX_NS (1LL << 52)

static long long read_duration(struct json_reader *reader, const json_t *object, const char *key)
{
	long long ns = read_number(reader, object, key);

	if (ns > TIME_MAX_NS)
		type_error(reader, key, "a time below 52 days");
	return ns;
}

bool runs_read(struct json_reader *reader, const json_t *root, struct incident *incident)
{
	json_t *object = read_object(reader, root, "schedule"), *array, *element;
	struct incident_run *run;
	size_t i;

	incident->schedule_unknown = json_is_null(json_object_get(root, "schedule"));
	array = read_array(reader, object, "runs");
	reader->where = "schedule";
	if (json_array_size(array) > RUNS_MAX) {
		type_error(reader, "runs", "an array of at most 1024");
		return true;
	}
	if (!array_room(array, sizeof(*run), &incident->runs, &incident->runs_count))
		return false;
	incident->runs_missed = read_number(reader, object, "runs_missed");
	for (i = 0; i < incident->runs_count; i++) {
		run = &incident->runs[i];
		element = read_element(reader, array, i);
		run->time_ns = read_time(reader, element, "time");
		run->wall_ns = read_duration(reader, element, "wall_ns");
		run->waited_ns = read_duration(reader, element, "waited_ns");
		run->cpu = read_number(reader, element, "cpu");
		run->runtime_ns = read_number(reader, element, "runtime_ns");
		run->end = read_text(reader, element, "end");
		run->other_tid = read_number(reader, element, "other_tid");
		run->other_comm = read_text(reader, element, "other_comm");
	}
	return true;
}

/* ---- the fact ---------------------------------------------------------------------- */

/* The number of runs with this end that gave the CPU to the same thread as this one. */
static size_t count_same(const struct incident *incident, const struct incident_run *run)
{
	size_t i, same = 0;

	for (i = 0; i < incident->runs_count; i++)
		same += incident->runs[i].end && !strcmp(incident->runs[i].end, run->end) &&
			incident->runs[i].other_tid == run->other_tid;
	return same;
}

static void put_ends(struct summary *summary, const struct incident *incident, const char *end,
		     const char *what)
{
	const struct incident_run *run, *most = NULL;
	size_t count = 0, same, most_same = 0, i;

	for (i = 0; i < incident->runs_count; i++) {
		run = &incident->runs[i];
		if (!run->end || strcmp(run->end, end) != 0)
			continue;
		count++;
		same = run->other_comm ? count_same(incident, run) : 0;
		if (same > most_same) {
			most = run;
			most_same = same;
		}
	}
	if (!count)
		return;
	summary_plain(summary, "; %s %zu time%s", what, count, count == 1 ? "" : "s");
	if (!most || strcmp(end, "preempted") != 0)
		return;
	if (most_same < count)
		summary_plain(summary, ", %zu of them", most_same);
	summary_plain(summary, " by ");
	summary_name(summary, most->other_comm);
	summary_plain(summary, " (TID %lld)", most->other_tid);
}

static void put_times(struct summary *summary, const struct incident *incident)
{
	const struct incident_run *run = incident->runs, *last = run + incident->runs_count - 1;
	long long ran = 0, longest = 0, since = run->time_ns, end;
	char buf[SHOWN_LEN];
	bool moved = false;

	for (; run <= last; run++) {
		if (run->wall_ns > 0)
			ran += run->wall_ns;
		if (run->wall_ns > longest)
			longest = run->wall_ns;
		moved |= run->cpu != last->cpu;
	}
	if (incident->runs_count == 1) {
		summary_plain(summary, "ran for %s without a break", shown_duration(ran, buf));
	} else {
		if (since >= 0 && last->wall_ns >= 0 &&
		    !__builtin_add_overflow(last->time_ns, last->wall_ns, &end) && end >= since)
			summary_plain(summary, "in the last %s, ",
				      shown_duration(end - since, buf));
		summary_plain(summary, "ran for %s", shown_duration(ran, buf));
		summary_plain(summary, ", at most %s without a break",
			      shown_duration(longest, buf));
	}
	if (moved)
		summary_plain(summary, ", on several CPUs");
	else if (last->cpu >= 0)
		summary_plain(summary, ", on CPU %lld", last->cpu);
}

void runs_fact(struct summary *summary, const struct incident *incident)
{
	const char *engine = incident->origin[ORIGIN_ENGINE];
	long long waited = 0;
	char buf[SHOWN_LEN];
	size_t i;

	if (!incident->runs_count && !incident->schedule_unknown)
		return;
	summary->label(summary, "schedule");
	if (!incident->runs_count) {
		summary_plain(summary, "unknown");
		if (engine && strcmp(engine, "bpf") != 0)
			summary_plain(summary, "; only the bpf engine records it");
		return;
	}
	put_times(summary, incident);
	put_ends(summary, incident, "preempted", "preempted");
	put_ends(summary, incident, "yielded", "yielded");
	put_ends(summary, incident, "lock", "waited for a lock");
	put_ends(summary, incident, "slept", "slept");
	put_ends(summary, incident, "stopped", "stopped");
	for (i = 0; i < incident->runs_count; i++)
		if (incident->runs[i].waited_ns > 0)
			waited += incident->runs[i].waited_ns;
	if (waited)
		summary_plain(summary, "; waited %s for a CPU", shown_duration(waited, buf));
	if (incident->runs_missed > 0)
		summary_plain(summary, "; %lld more runs were missed", incident->runs_missed);
}
