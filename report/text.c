/* SPDX-License-Identifier: GPL-2.0-only */
/* Collects escaped text in a paragraph, and then breaks the paragraph into lines. */
#include "report.h"
#include "python.h"
#include "../base/rfc3339.h"
#include "summary.h"

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
	bool failed;	   /* out of memory */
};

static void begin(struct page *page, const char *label, size_t indent)
{
	page->label = label;
	page->indent = indent;
	page->paragraph = open_memstream(&page->text, &page->size);
	if (!page->paragraph)
		page->failed = true;
}

/* Returns the bytes up to the last space that fits, or of one word if no space fits. */
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
		if (used > columns && fits)
			return (size_t)(fits - text);
	}
	return (size_t)(at - text);
}

static void end(struct page *page)
{
	size_t columns = page->terminal->columns, length;
	const char *at;

	if (!page->paragraph)
		return;
	fclose(page->paragraph);
	page->paragraph = NULL;
	fprintf(page->out, "%*s", (int)(page->label ? INDENT : page->indent), "");
	if (page->label)
		fprintf(page->out, "%-*s", (int)(page->indent - INDENT), page->label);
	for (at = page->text; *at;) {
		length = columns > page->indent + COLUMNS_MIN / 2
				 ? line_length(page, at, columns - page->indent)
				 : strlen(at);
		fprintf(page->out, "%.*s\n", (int)length, at);
		at += length;
		at += strspn(at, " ");
		if (*at)
			fprintf(page->out, "%*s", (int)page->indent, "");
	}
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

static void heading(struct page *page, const char *text)
{
	fprintf(page->out, "\n%s%s%s", page->bold ? "\033[1m" : "", text,
		page->bold ? "\033[0m" : "");
}

/* Sets the widths of the columns of names and places. 0: no limit. */
static void frame_columns(const struct page *page, const struct incident_stack *stack,
			  size_t *ret_name, size_t *ret_place)
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
	*ret_place = 0;
	if (columns >= COLUMNS_MIN) {
		if (widest > columns * 3 / 5)
			widest = columns * 3 / 5;
		*ret_place = columns - INDENT - widest - 2;
	}
	*ret_name = widest;
}

static void put_frames(struct page *page, const struct incident_stack *stack, size_t first)
{
	size_t i, written, name_width, place_width;
	char *name, *place;

	frame_columns(page, stack, &name_width, &place_width);
	for (i = first; i < stack->count; i++) {
		name = shown_frame(&stack->frames[i]);
		place = shown_place(&stack->frames[i]);
		if (name && place) {
			fprintf(page->out, "%*s", INDENT, "");
			written = shown_printable(page->out, page->terminal, name,
						  page->terminal->columns ? name_width : 0);
			if (place[0]) {
				fprintf(page->out, "%*s  ",
					(int)(written < name_width ? name_width - written : 0), "");
				shown_printable(page->out, page->terminal, place, place_width);
			}
			fputc('\n', page->out);
		} else {
			page->failed = true;
		}
		free(name);
		free(place);
	}
	if (shown_cut(stack))
		fprintf(page->out, "%*s(%s)\n", INDENT, "", shown_cut(stack));
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
	fputs(": taken once, by debug information", page->out);
	if (incident->unwound_took_ns >= 0)
		fprintf(page->out, ", in %s", shown_duration(incident->unwound_took_ns, took));
	if (first)
		fputs(", innermost first", page->out);
	else if (known)
		fputs(known == unwound->count ? "; the same" : "; the same, called by", page->out);
	fputc('\n', page->out);
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
	fprintf(page->out, ": %zu of %zu read%s (%s), innermost first\n", python->hottest->samples,
		python->samples, python->samples == 1 ? "" : "s",
		shown_share(python->hottest->samples, python->samples, share));
	put_frames(page, python->hottest->stack, 0);
	err = python_join(python_native(incident, stacks), python->hottest->stack, &joined);
	if (err == -ENOMEM)
		page->failed = true;
	if (err)
		return;
	heading(page, "C code called from Python");
	fputs(": a native stack and the Python stack, taken one after the other\n", page->out);
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
		fprintf(page->out, ": %zu of %zu sample%s (%s), innermost first\n",
			stacks->hottest->samples, stacks->samples, stacks->samples == 1 ? "" : "s",
			shown_share(stacks->hottest->samples, stacks->samples, share));
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
	fputs(", by the samples that were in them\n", page->out);
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

static void put_records(struct page *page, const struct incident *incident)
{
	const struct incident_record *record;
	char time[UTC_LEN], buf[SHOWN_LEN];
	char *act;
	size_t i;

	heading(page, "What was done");
	fputs(", in UTC\n", page->out);
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
		if (record->cpu >= 0)
			summary_plain(&page->summary, " (CPU %lld)", record->cpu);
		end(page);
		free(act);
	}
}

static void put_notes(struct page *page, const struct incident *incident)
{
	size_t i;

	if (!incident->notes_count)
		return;
	heading(page, "Notes");
	fputc('\n', page->out);
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

	fprintf(out, "incident %s\n\n", incident->id);
	begin(&page, NULL, 0);
	summary_headline(&page.summary, incident, stacks);
	end(&page);
	put_stack(&page, incident, stacks);
	put_functions(&page, stacks);
	put_records(&page, incident);
	heading(&page, "Facts");
	fputc('\n', out);
	summary_facts(&page.summary, incident, stacks);
	end(&page);
	put_notes(&page, incident);
	if (page.failed)
		return -ENOMEM;
	return ferror(out) ? -EIO : 0;
}
