/* SPDX-License-Identifier: GPL-2.0-only */
/* Collects escaped text in a paragraph, and then breaks the paragraph into lines. */
#include "consumers.h"
#include "descriptors.h"
#include "report.h"
#include "progress.h"
#include "python.h"
#include "siblings.h"
#include "../base/rfc3339.h"
#include "summary.h"
#include "system_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/escape.h"

#define INDENT 2
#define LABEL_WIDTH 11
/* The maximum width of the column of names. Longer names do not widen the column. */
#define NAME_WIDTH_MAX 48
#define FUNCTIONS_SHOWN 5
/* The minimum of columns. A narrower terminal breaks the lines itself. */
#define COLUMNS_MIN 40

struct page {
	struct summary summary; /* must be first: the callbacks cast it to struct page */
	const struct shown_terminal *terminal;
	bool bold;
	FILE *out;
	FILE *paragraph; /* NULL: none */
	char *text;
	size_t size;
	const char *label; /* of the paragraph */
	size_t indent;	   /* of its lines */
	size_t used;	   /* columns of its first line that are written already; 0: none */
	bool failed;	   /* out of memory */
};

static void begin(struct page *page, const char *label, size_t indent)
{
	page->label = label;
	page->indent = indent;
	page->used = 0;
	page->paragraph = open_memstream(&page->text, &page->size);
	if (!page->paragraph)
		page->failed = true;
}

/* Returns the bytes up to the last space that fits, or of a part of a word that fits. */
static size_t line_length(const struct page *page, const char *text, size_t columns)
{
	const char *at = text, *fits = NULL;
	size_t used = 0;
	unsigned int code;
	const char *from;
	char glyph[ESCAPE_MAX];

	while (*at) {
		from = at;
		code = escape_next(&at, glyph);
		if (code == ' ' && used <= columns)
			fits = from;
		used += shown_columns(page->terminal, glyph);
		if (used > columns && (fits || from > text))
			return (size_t)((fits ? fits : from) - text);
	}
	return (size_t)(at - text);
}

static void end(struct page *page)
{
	size_t columns = page->terminal->columns, length;
	size_t from = page->used ? page->used : page->indent;
	const char *at;

	if (!page->paragraph)
		return;
	fclose(page->paragraph);
	page->paragraph = NULL;
	/* The last sentence of a look ends in a blank. */
	while (page->size && page->text[page->size - 1] == ' ')
		page->text[--page->size] = '\0';
	at = page->text;
	if (page->label)
		/* A long number of a descriptor is wider than the column. */
		from = (size_t)fprintf(page->out, "%*s%-*s ", INDENT, "",
				       (int)(page->indent - INDENT - 1), page->label);
	else if (!page->used)
		fprintf(page->out, "%*s", (int)page->indent, "");
	do {
		length = columns > page->indent + COLUMNS_MIN / 2
				 ? line_length(page, at, columns - from)
				 : strlen(at);
		from = page->indent;
		fprintf(page->out, "%.*s\n", (int)length, at);
		at += length;
		at += strspn(at, " ");
		if (*at)
			fprintf(page->out, "%*s", (int)page->indent, "");
	} while (*at);
	free(page->text);
	page->text = NULL;
}

static void put(struct summary *summary, enum summary_kind kind, const char *text)
{
	struct page *page = (struct page *)summary;

	(void)kind;
	if (page->paragraph)
		shown_printable(page->paragraph, page->terminal, text, 0);
}

static void label(struct summary *summary, const char *label)
{
	struct page *page = (struct page *)summary;

	end(page);
	begin(page, label, INDENT + LABEL_WIDTH);
}

static void put_progress(struct page *page, const struct incident *incident)
{
	if (!progress_is_known(incident))
		return;
	fputc('\n', page->out);
	begin(page, NULL, 0);
	progress_sentence(&page->summary, incident);
	end(page);
}

static void put_heading(struct page *page, const char *text)
{
	fprintf(page->out, "\n%s%s%s", page->bold ? "\033[1m" : "", text,
		page->bold ? "\033[0m" : "");
}

/* Begins a paragraph with a heading. */
static void heading(struct page *page, const char *text)
{
	put_heading(page, text);
	begin(page, NULL, 0);
	page->used = strlen(text);
}

/* Returns the width of the column of names. */
static size_t names_width(const struct page *page, const struct incident_stack *stack)
{
	size_t i, width, widest = 0, columns = page->terminal->columns;
	char *name;

	for (i = 0; i < stack->count; i++) {
		name = shown_frame(&stack->frames[i]);
		width = name ? shown_columns(page->terminal, name) : 0;
		free(name);
		if (width > widest)
			widest = width;
	}
	if (widest > NAME_WIDTH_MAX)
		widest = NAME_WIDTH_MAX;
	return columns >= COLUMNS_MIN && widest > columns * 3 / 5 ? columns * 3 / 5 : widest;
}

/* Only the name of a function is cut. A frame that is wider than a line wraps. */
static void put_frame(struct page *page, const struct incident_frame *frame, const char *name,
		      const char *place, size_t name_width)
{
	size_t columns = page->terminal->columns >= COLUMNS_MIN ? page->terminal->columns : 0;
	size_t width = shown_columns(page->terminal, name), pad, gap = 2;

	pad = width < name_width ? name_width - width : 0;
	width += INDENT + gap + shown_columns(page->terminal, place);
	if (columns && width + pad > columns)
		pad = 0;
	if (columns && width > columns)
		gap = 1; /* where the line breaks */
	begin(page, NULL, columns ? 2 * INDENT : INDENT);
	page->used = INDENT;
	fprintf(page->out, "%*s", INDENT, "");
	if (!page->paragraph)
		return;
	shown_printable(page->paragraph, page->terminal, name,
			columns && frame->function ? columns - INDENT : 0);
	if (place[0]) {
		fprintf(page->paragraph, "%*s", (int)(pad + gap), "");
		summary_name(&page->summary, place);
	}
	end(page);
}

static void put_frames(struct page *page, const struct incident_stack *stack, size_t first)
{
	size_t i, name_width = names_width(page, stack);
	char *name, *place;

	for (i = first; i < stack->count; i++) {
		name = shown_frame(&stack->frames[i]);
		place = shown_place(&stack->frames[i]);
		if (name && place)
			put_frame(page, &stack->frames[i], name, place, name_width);
		else
			page->failed = true;
		free(name);
		free(place);
	}
	if (!shown_cut(stack))
		return;
	begin(page, NULL, INDENT);
	summary_plain(&page->summary, "(%s)", shown_cut(stack));
	end(page);
}

/* Returns the number of frames in `stack` if `unwound` begins with all of them, or 0. */
static size_t begins_with(const struct incident_stack *unwound, const struct incident_stack *stack)
{
	size_t i;

	if (stack->count > unwound->count)
		return 0;
	for (i = 0; i < stack->count; i++)
		if (!stacks_same(&unwound->frames[i], &stack->frames[i]))
			return 0;
	return stack->count;
}

static void put_unwound(struct page *page, const struct incident *incident,
			const struct stacks *stacks)
{
	const struct incident_stack *unwound = &incident->unwound;
	size_t known = stacks->hottest ? begins_with(unwound, stacks->hottest->stack) : 0;
	bool first = stacks_unwound_first(incident, stacks);
	char took[SHOWN_LEN];

	heading(page, "Unwound stack");
	summary_plain(&page->summary, ": taken once, by debug information");
	if (incident->unwound_took_ns >= 0)
		summary_plain(&page->summary, ", in %s",
			      shown_duration(incident->unwound_took_ns, took));
	if (first)
		summary_plain(&page->summary, ", innermost first");
	else if (known)
		summary_plain(&page->summary,
			      known == unwound->count ? "; the same" : "; the same, called by");
	end(page);
	put_frames(page, unwound, first ? 0 : known);
}

static void put_python(struct page *page, const struct incident *incident,
		       const struct stacks *stacks)
{
	const struct stacks *python = stacks->python;
	struct incident_stack joined;
	char share[SHOWN_LEN];
	int err;

	if (!python || !python->hottest)
		return;
	heading(page, "Python stack");
	summary_plain(&page->summary, ": %zu of %zu read%s (%s), innermost first",
		      python->hottest->samples, python->samples, python->samples == 1 ? "" : "s",
		      shown_share(python->hottest->samples, python->samples, share));
	end(page);
	put_frames(page, python->hottest->stack, 0);
	err = python_join(python_native(incident, stacks), python->hottest->stack, &joined);
	if (err == -ENOMEM)
		page->failed = true;
	if (err)
		return;
	heading(page, "C code called from Python");
	summary_plain(&page->summary,
		      ": a native stack and the Python stack, taken one after the other");
	end(page);
	put_frames(page, &joined, 0);
	free(joined.frames);
}

static void put_stack(struct page *page, const struct incident *incident,
		      const struct stacks *stacks)
{
	bool unwound_first = stacks_unwound_first(incident, stacks);
	char share[SHOWN_LEN];

	put_python(page, incident, stacks);
	if (unwound_first)
		put_unwound(page, incident, stacks);
	if (stacks->hottest) {
		heading(page, "Hottest stack");
		summary_plain(&page->summary, ": %zu of %zu sample%s (%s), innermost first",
			      stacks->hottest->samples, stacks->samples,
			      stacks->samples == 1 ? "" : "s",
			      shown_share(stacks->hottest->samples, stacks->samples, share));
		end(page);
		put_frames(page, stacks->hottest->stack, 0);
	}
	if (incident->unwound.count && !unwound_first)
		put_unwound(page, incident, stacks);
}

static void put_functions(struct page *page, const struct stacks *stacks)
{
	const struct stacks_function *function;
	char share[SHOWN_LEN];
	char *name;
	size_t i;

	if (stacks->by_self_count < 2)
		return;
	heading(page, "Hottest functions");
	summary_plain(&page->summary, ", by the samples that were in them");
	end(page);
	for (i = 0; i < stacks->by_self_count && i < FUNCTIONS_SHOWN; i++) {
		function = &stacks->functions[stacks->by_self[i]];
		name = shown_frame(function->frame);
		fprintf(page->out, "%*s%10s  ", INDENT, "",
			shown_share(function->self, stacks->samples, share));
		if (name)
			shown_printable(page->out, page->terminal, name,
					page->terminal->columns >= COLUMNS_MIN
						? page->terminal->columns - INDENT - 12
						: 0);
		fputc('\n', page->out);
		free(name);
	}
	if (stacks->by_self_count > FUNCTIONS_SHOWN)
		fprintf(page->out, "%*sand %zu more\n", INDENT, "",
			stacks->by_self_count - FUNCTIONS_SHOWN);
}

/* Begins a row of the table. The call and its result follow in the paragraph. */
static void begin_call(struct page *page, const struct incident_slice *slice, long long calls,
		       long long time_ns)
{
	char rate[SHOWN_LEN], share[SHOWN_LEN];
	size_t used = (size_t)fprintf(page->out, "%*s%11s  %10s  ", INDENT, "",
				      system_calls_rate(slice, calls, rate),
				      system_calls_share(slice, time_ns, share));

	begin(page, NULL, used + INDENT);
	page->used = used;
}

static void put_slice(struct page *page, const struct incident_slice *slice)
{
	size_t i;

	if (slice->rows_count)
		fprintf(page->out, "%*s%11s  %10s  %s\n", INDENT, "", "calls per s", "time",
			"call and result");
	for (i = 0; i < slice->rows_count; i++) {
		begin_call(page, slice, slice->rows[i].calls, slice->rows[i].time_ns);
		system_calls_row(&page->summary, &slice->rows[i]);
		end(page);
	}
	if (slice->rest_calls > 0) {
		begin_call(page, slice, slice->rest_calls, slice->rest_time_ns);
		summary_plain(&page->summary, "others");
		end(page);
	}
	if (slice->is_inside) {
		begin(page, NULL, INDENT);
		system_calls_inside(&page->summary, slice);
		end(page);
	}
}

static void put_system_calls(struct page *page, const struct incident *incident)
{
	size_t i;

	for (i = 0; i < incident->slices_count; i++) {
		heading(page, i ? "System calls, later" : "System calls");
		summary_plain(&page->summary, ": ");
		system_calls_total(&page->summary, &incident->slices[i]);
		end(page);
		put_slice(page, &incident->slices[i]);
	}
}

static void put_descriptors(struct page *page, const struct incident *incident)
{
	char label[32];
	size_t i;

	if (!incident->descriptors_count)
		return;
	heading(page, "Descriptors");
	summary_plain(&page->summary, ", when its system calls were counted");
	end(page);
	for (i = 0; i < incident->descriptors_count; i++) {
		snprintf(label, sizeof(label), "fd %lld", incident->descriptors[i].fd);
		begin(page, label, INDENT + LABEL_WIDTH);
		descriptor_describe(&page->summary, &incident->descriptors[i]);
		end(page);
	}
}

static void put_siblings(struct page *page, const struct incident *incident)
{
	char label[32];
	size_t i;

	if (!incident->siblings_count)
		return;
	heading(page, "Other threads that ran");
	end(page);
	for (i = 0; i < incident->siblings_count; i++) {
		snprintf(label, sizeof(label), "%lld", incident->siblings[i].tid);
		begin(page, label, INDENT + LABEL_WIDTH);
		if (sibling_describe(&page->summary, incident, &incident->siblings[i]))
			page->failed = true;
		end(page);
	}
}

static void put_consumers(struct page *page, const struct incident *incident,
			  const struct stacks *stacks)
{
	const struct incident_consumer *consumer;
	size_t i;

	for (i = 0; i < stacks->consumers_count; i++) {
		consumer = &incident->group->consumers[i];
		heading(page, "Consumer");
		summary_plain(&page->summary, ": ");
		consumer_describe(&page->summary, incident, consumer);
		/* The headline has that of the first one. */
		if (i && stacks->consumers[i]->samples) {
			summary_plain(&page->summary, ". ");
			summary_where(&page->summary, consumer->only, stacks->consumers[i]);
		}
		consumer_process(&page->summary, incident, consumer);
		end(page);
		put_stack(page, consumer->only, stacks->consumers[i]);
	}
}

static void put_records(struct page *page, const struct incident *incident)
{
	const struct incident_record *record;
	char time[UTC_LEN], buf[SHOWN_LEN];
	char *act;
	size_t i;

	if (incident->is_look)
		return;
	heading(page, "What was done");
	summary_plain(&page->summary, ", in UTC");
	end(page);
	for (i = 0; i < incident->records_count; i++) {
		record = &incident->records[i];
		act = shown_act(record);
		begin(page, NULL, INDENT);
		summary_plain(&page->summary, "%s  ",
			      record->time_ns >= 0 ? utc_format(record->time_ns, 3, time)
						   : "at an unknown time     ");
		summary_name(&page->summary, record->event);
		if (record->count_ns >= 0)
			summary_plain(&page->summary, " at %s",
				      shown_duration(record->count_ns, buf));
		if (record->limit_ns > 0)
			summary_plain(&page->summary, ", limit %s",
				      shown_duration(record->limit_ns, buf));
		summary_plain(&page->summary, ": ");
		if (act)
			summary_name(&page->summary, act);
		/* The members of a group run on several CPUs. */
		if (record->cpu >= 0 && !incident->group)
			summary_plain(&page->summary, " (CPU %lld)", record->cpu);
		end(page);
		free(act);
	}
}

static void put_actions(struct page *page, const struct incident *incident)
{
	const struct incident_action *action = incident->actions;
	char time[UTC_LEN];

	for (; action < incident->actions + incident->actions_count; action++) {
		begin(page, NULL, INDENT);
		summary_plain(&page->summary, "%s  ",
			      action->time_ns >= 0 ? utc_format(action->time_ns, 3, time)
						   : "at an unknown time     ");
		summary_name(&page->summary, action->action ? action->action : "action");
		summary_plain(&page->summary, ": ");
		summary_name(&page->summary, action->text ? action->text : "unknown");
		end(page);
	}
}

static void put_notes(struct page *page, const struct incident *incident)
{
	size_t i;

	if (!incident->notes_count)
		return;
	heading(page, "Notes");
	end(page);
	for (i = 0; i < incident->notes_count; i++) {
		begin(page, "-", INDENT + 2);
		summary_name(&page->summary, incident->notes[i]);
		end(page);
	}
}

int report_text(const struct incident *incident, const struct stacks *stacks,
		const struct shown_terminal *terminal, bool bold, FILE *out)
{
	struct page page = {
		.summary = { .put = put, .label = label },
		.terminal = terminal,
		.bold = bold,
		.out = out,
	};

	begin(&page, NULL, 0);
	if (incident->is_look)
		summary_plain(&page.summary, "thread %lld of PID %lld", shown_tid(incident),
			      shown_pid(incident));
	else
		summary_plain(&page.summary, "incident %s%s%s", incident->id,
			      incident->repeated ? ", which repeats " : "", incident->repeats);
	end(&page);
	fputc('\n', out);
	begin(&page, NULL, 0);
	summary_headline(&page.summary, incident, stacks);
	end(&page);
	put_progress(&page, incident);
	if (incident->group)
		put_consumers(&page, incident, stacks);
	else
		put_stack(&page, incident, stacks);
	put_functions(&page, stacks);
	put_system_calls(&page, incident);
	put_descriptors(&page, incident);
	put_siblings(&page, incident);
	put_records(&page, incident);
	put_actions(&page, incident);
	heading(&page, "Facts");
	summary_facts(&page.summary, incident, stacks);
	end(&page);
	put_notes(&page, incident);
	if (page.failed)
		return -ENOMEM;
	return ferror(out) ? -EIO : 0;
}
