/* SPDX-License-Identifier: GPL-2.0-only */
#include "summary.h"
#include "consumers.h"
#include "python.h"
#include "shown.h"
#include "why.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void summary_plain(struct summary *summary, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	summary->put(summary, SUMMARY_PLAIN, text);
}

void summary_name(struct summary *summary, const char *name)
{
	summary->put(summary, SUMMARY_NAME, name);
}

/* Writes and frees `name`. Ignores NULL (out of memory). */
static void put_name_free(struct summary *summary, char *name)
{
	if (name && name[0])
		summary->put(summary, SUMMARY_NAME, name);
	free(name);
}

static void put_figure(struct summary *summary, const char *figure)
{
	summary->put(summary, SUMMARY_FIGURE, figure);
}

void summary_share(struct summary *summary, size_t part, size_t whole)
{
	char share[SHOWN_LEN];

	if (part == whole && whole > 1) {
		put_figure(summary, "all");
		summary_plain(summary, " %zu samples", whole);
		return;
	}
	put_figure(summary, shown_share(part, whole, share));
	summary_plain(summary, " of %zu sample%s", whole, whole == 1 ? "" : "s");
}

static void put_process(struct summary *summary, const struct incident *incident)
{
	const char *process = shown_process(incident), *thread = shown_thread_name(incident);
	long long pid = shown_pid(incident), tid = shown_tid(incident);
	char buf[SHOWN_LEN];

	if (process)
		summary_name(summary, process);
	else
		summary_plain(summary, "A process of unknown name");
	summary_plain(summary, " (PID %s", shown_number(pid, buf));
	if (tid >= 0 && tid != pid) {
		summary_plain(summary, ", thread %lld", tid);
		if (thread && process && strcmp(thread, process) != 0) {
			summary_plain(summary, " \"");
			summary_name(summary, thread);
			summary_plain(summary, "\"");
		}
	}
	summary_plain(summary, ")");
}

/* Writes ", 10s more than 90% of a CPU allows". */
static void put_level(struct summary *summary, const struct incident_record *verdict)
{
	char buf[SHOWN_LEN];

	if (verdict->count_ns >= 0 && verdict->share > 0)
		summary_plain(summary, ", %s more than %.6g%% of a CPU allows",
			      shown_duration(verdict->count_ns, buf), verdict->share * 100);
}

static void put_duration(struct summary *summary, const struct incident *incident)
{
	long long used = shown_used(incident);
	char buf[SHOWN_LEN];

	if (used < 0) {
		summary_plain(summary, " used more CPU time %sthan its limit allows.",
			      incident->group ? "" : "without sleeping ");
		return;
	}
	summary_plain(summary, " used ");
	put_figure(summary, shown_duration(used, buf));
	summary_plain(summary, " of CPU time%s", shown_asleep(incident, buf));
	if (incident->group)
		put_level(summary, shown_verdict(incident));
	summary_plain(summary, ".");
}

void summary_frame(struct summary *summary, const struct incident_frame *frame)
{
	char *place = shown_place(frame);

	put_name_free(summary, shown_frame(frame));
	if (place && place[0]) {
		summary_plain(summary, " (");
		summary_name(summary, place);
		summary_plain(summary, ")");
	}
	free(place);
}

void summary_reads(struct summary *summary, size_t part, size_t whole)
{
	char share[SHOWN_LEN];
	bool all = part == whole && whole > 1;

	put_figure(summary, all ? "all" : shown_share(part, whole, share));
	summary_plain(summary, " %s%zu read%s of the Python stack", all ? "" : "of ", whole,
		      whole == 1 ? "" : "s");
}

/* Writes the Python function with the loop, and the one that the thread was in most often. */
static bool put_python(struct summary *summary, const struct stacks *python)
{
	const struct incident_frame *frame;
	char share[SHOWN_LEN];
	size_t reads;

	if (!python_place(python, &frame, &reads))
		return false;
	summary_plain(summary, "It was in the Python function ");
	summary_frame(summary, frame);
	summary_plain(summary, " in ");
	summary_reads(summary, reads, python->samples);
	if (!stacks_same(frame, python->place->frame)) {
		summary_plain(summary, ", most often in ");
		summary_frame(summary, python->place->frame);
		summary_plain(summary, " (");
		put_figure(summary, shown_share(python->place->placed, python->samples, share));
		summary_plain(summary, ")");
	}
	summary_plain(summary, ". ");
	return true;
}

void summary_where(struct summary *summary, const struct incident *incident,
		   const struct stacks *stacks)
{
	const struct stacks_function *place = stacks->place;
	bool python;

	if (incident->group) {
		consumers_where(summary, incident, stacks);
		return;
	}
	python = put_python(summary, stacks->python);
	if (place) {
		summary_plain(summary, python ? "The native code was in " : "It was in ");
		summary_frame(summary, place->frame);
		summary_plain(summary, " in ");
		summary_share(summary, place->placed, stacks->samples);
		if (place->in_kernel * 2 > place->placed) {
			summary_plain(summary, ", mostly in the kernel (");
			put_name_free(summary, shown_frame(stacks->place_kernel->frame));
			summary_plain(summary, ")");
		}
		if (stacks->common) {
			summary_plain(summary, ", nearly always inside ");
			put_name_free(
				summary,
				shown_frame(stacks->functions[stacks->common->function].frame));
		}
		summary_plain(summary, ". ");
	} else if (incident->unwound.count) {
		summary_plain(summary, python ? "The native code was in " : "It was in ");
		summary_frame(summary, &incident->unwound.frames[0]);
		summary_plain(summary, ". ");
	} else if (!python) {
		summary_plain(summary, "No stack was taken, so the code location is unknown. ");
	}
	why_sentence(summary, incident);
}

/* Writes "sent SIGXCPU at 1s", but without the verb if it equals *verb. */
static void put_verdict(struct summary *summary, const struct incident_record *record,
			const char **verb)
{
	const char *sent = shown_verb(record);
	const char *now = sent ? sent : "only recorded that the limit was reached";
	char buf[SHOWN_LEN];

	if (now != *verb)
		summary_plain(summary, "%s", now);
	*verb = now;
	if (sent)
		put_figure(summary, record->signal);
	if (sent && record->not_sent) {
		summary_plain(summary, " (");
		summary_name(summary, record->not_sent);
		summary_plain(summary, ")");
	}
	if (record->count_ns >= 0)
		summary_plain(summary, " at %s", shown_duration(record->count_ns, buf));
}

/* Writes that the thread ended, and which signal to another thread came before. */
static void put_end(struct summary *summary, const struct incident *incident)
{
	summary_plain(summary, "; the %s ended",
		      incident->group ? consumers_scope(incident) : "thread");
	if (!incident->ended_by_signal[0])
		return;
	summary_plain(summary, " after maze sent ");
	summary_name(summary, incident->ended_by_signal);
	summary_plain(summary, " to thread %lld of the process", incident->ended_by_tid);
}

void summary_acts(struct summary *summary, const struct incident *incident)
{
	const struct incident_record *record;
	const char *verb = NULL;
	bool shadow = false;
	size_t i, n = 0;

	if (incident->is_look)
		return;
	for (i = 0; i < incident->records_count; i++) {
		record = &incident->records[i];
		if (strcmp(record->event, "soft") != 0 && strcmp(record->event, "hard") != 0)
			continue;
		summary_plain(summary, n++ ? ", then " : "maze ");
		put_verdict(summary, record, &verb);
		shadow |= record->shadow;
	}
	if (!n)
		summary_plain(summary, "No verdict was recorded");
	if (shadow)
		summary_plain(summary, " (the policy is in shadow)");
	if (shown_record(incident, "exit"))
		put_end(summary, incident);
	summary_plain(summary, ".");
}

void summary_what(struct summary *summary, const struct incident *incident)
{
	const char *process = shown_process(incident);

	if (incident->group)
		consumers_group(summary, incident);
	else if (process)
		summary_name(summary, process);
	else
		summary_plain(summary, "A process of unknown name");
	put_duration(summary, incident);
}

void summary_headline(struct summary *summary, const struct incident *incident,
		      const struct stacks *stacks)
{
	if (incident->group)
		consumers_group(summary, incident);
	else
		put_process(summary, incident);
	put_duration(summary, incident);
	summary_plain(summary, " ");
	summary_where(summary, incident, stacks);
	summary_acts(summary, incident);
}
