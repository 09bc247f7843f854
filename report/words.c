/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An incident in sentences; see words.h.
 */
#include "words.h"
#include "shown.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void words_plain(struct words *words, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	words->put(words, WORDS_PLAIN, text);
}

void words_name(struct words *words, const char *name)
{
	words->put(words, WORDS_NAME, name);
}

void words_name_free(struct words *words, char *name)
{
	if (name && name[0])
		words->put(words, WORDS_NAME, name);
	free(name);
}

void words_figure(struct words *words, const char *figure)
{
	words->put(words, WORDS_FIGURE, figure);
}

void words_share(struct words *words, size_t part, size_t whole)
{
	char share[SHOWN_LEN];

	if (part == whole && whole > 1) {
		words_figure(words, "all");
		words_plain(words, " %zu samples", whole);
		return;
	}
	words_figure(words, shown_share(part, whole, share));
	words_plain(words, " of %zu sample%s", whole, whole == 1 ? "" : "s");
}

static void say_who(struct words *words, const struct incident *incident)
{
	const char *process = shown_process(incident), *thread = shown_thread_name(incident);
	long long pid = shown_pid(incident), tid = shown_tid(incident);
	char buf[SHOWN_LEN];

	if (process)
		words_name(words, process);
	else
		words_plain(words, "A process of unknown name");
	words_plain(words, " (PID %s", shown_number(pid, buf));
	if (tid >= 0 && tid != pid) {
		words_plain(words, ", thread %lld", tid);
		if (thread && process && strcmp(thread, process) != 0) {
			words_plain(words, " \"");
			words_name(words, thread);
			words_plain(words, "\"");
		}
	}
	words_plain(words, ")");
}

static void say_how_long(struct words *words, const struct incident *incident)
{
	long long used = shown_used(incident);
	char buf[SHOWN_LEN];

	if (used < 0) {
		words_plain(words, " used more CPU time without sleeping than it may.");
		return;
	}
	words_plain(words, " used ");
	words_figure(words, shown_duration(used, buf));
	words_plain(words, " of CPU time%s.", shown_asleep(incident, buf));
}

static void say_frame(struct words *words, const struct incident_frame *frame)
{
	char *place = shown_place(frame);

	words_name_free(words, shown_frame(frame));
	if (place && place[0]) {
		words_plain(words, " (");
		words_name(words, place);
		words_plain(words, ")");
	}
	free(place);
}

void words_where(struct words *words, const struct incident *incident, const struct stacks *stacks)
{
	const struct stacks_function *place = stacks->place;

	if (place) {
		words_plain(words, "It was in ");
		say_frame(words, place->frame);
		words_plain(words, " in ");
		words_share(words, place->placed, stacks->samples);
		if (place->in_kernel * 2 > place->placed) {
			words_plain(words, ", mostly in the kernel (");
			words_name_free(words, shown_frame(stacks->place_kernel->frame));
			words_plain(words, ")");
		}
		if (stacks->common) {
			words_plain(words, ", nearly always inside ");
			words_name_free(
				words,
				shown_frame(stacks->functions[stacks->common->function].frame));
		}
		words_plain(words, ". ");
	} else if (incident->unwound.count) {
		words_plain(words, "When it was looked at, once, it was in ");
		say_frame(words, &incident->unwound.frames[0]);
		words_plain(words, ". ");
	} else {
		words_plain(words, "Where it was is not known: there is no stack of it. ");
	}
}

/* "sent SIGXCPU at 1s"; the verb only where it is another than before. */
static void say_verdict(struct words *words, const struct incident_record *record,
			const char **verb)
{
	const char *sent = shown_verb(record);
	const char *now = sent ? sent : "only recorded that the limit was reached";
	char buf[SHOWN_LEN];

	if (now != *verb)
		words_plain(words, "%s", now);
	*verb = now;
	if (sent)
		words_figure(words, record->signal);
	if (sent && record->not_sent) {
		words_plain(words, " (");
		words_name(words, record->not_sent);
		words_plain(words, ")");
	}
	if (record->count_ns >= 0)
		words_plain(words, " at %s", shown_duration(record->count_ns, buf));
}

/* A signal to one thread may end them all: then that is why, and not what this one did. */
static void say_end(struct words *words, const struct incident *incident)
{
	words_plain(words, "; the thread ended");
	if (!incident->ended_by_signal[0])
		return;
	words_plain(words, " after maze sent ");
	words_name(words, incident->ended_by_signal);
	words_plain(words, " to thread %lld of the process", incident->ended_by_tid);
}

void words_acts(struct words *words, const struct incident *incident)
{
	const struct incident_record *record;
	const char *verb = NULL;
	bool shadow = false;
	size_t i, n = 0;

	for (i = 0; i < incident->records_count; i++) {
		record = &incident->records[i];
		if (strcmp(record->event, "soft") != 0 && strcmp(record->event, "hard") != 0)
			continue;
		words_plain(words, n++ ? ", then " : "maze ");
		say_verdict(words, record, &verb);
		shadow |= record->shadow;
	}
	if (!n)
		words_plain(words, "No verdict was recorded");
	if (shadow)
		words_plain(words, " (the policy is in shadow)");
	if (shown_record(incident, "exit"))
		say_end(words, incident);
	words_plain(words, ".");
}

void words_what(struct words *words, const struct incident *incident)
{
	const char *process = shown_process(incident);

	if (process)
		words_name(words, process);
	else
		words_plain(words, "A process of unknown name");
	say_how_long(words, incident);
}

void words_headline(struct words *words, const struct incident *incident,
		    const struct stacks *stacks)
{
	say_who(words, incident);
	say_how_long(words, incident);
	words_plain(words, " ");
	words_where(words, incident, stacks);
	words_acts(words, incident);
}
