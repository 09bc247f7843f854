/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the tables of the page. They work without its script. */
#include "consumers.h"
#include "html.h"
#include "python.h"
#include "siblings.h"
#include "shown.h"
#include "../base/rfc3339.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The maximum of table rows. The flame graph shows all functions. */
#define FUNCTIONS_SHOWN 30
#define THREADS_SHOWN 200

/* Writes a cell with a share of the samples. */
static void put_share(FILE *out, size_t part, size_t whole)
{
	char share[SHOWN_LEN];

	fprintf(out, "<td class=\"figure\">%s</td>", shown_share(part, whole, share));
}

/* Draws the bar as an image, because the page allows no inline style. */
static void put_gauge(FILE *out, size_t part, size_t whole)
{
	fprintf(out,
		"<td class=\"gauge\" aria-hidden=\"true\"><svg><rect width=\"%.2f%%\" "
		"height=\"100%%\"></rect></svg></td>",
		whole ? (double)part * 100 / (double)whole : 0.0);
}

static void put_place(struct html *html, const struct incident_frame *frame)
{
	char *place = shown_place(frame);

	if (!place) {
		html->failed = true;
		return;
	}
	fputs("<span class=\"place\">", html->out);
	html_put(html->out, place);
	fputs("</span>", html->out);
	free(place);
}

static void put_frames(struct html *html, const struct incident_stack *stack)
{
	const struct incident_frame *frame;
	const char *cut;
	size_t i;

	fputs("<ol class=\"stack\">\n", html->out);
	for (i = 0; i < stack->count; i++) {
		frame = &stack->frames[i];
		fprintf(html->out, "<li class=\"%s\">", html_kind(frame));
		html_name_free(html, shown_frame(frame));
		fputs(" ", html->out);
		put_place(html, frame);
		fputs("</li>\n", html->out);
	}
	fputs("</ol>\n", html->out);
	cut = shown_cut(stack);
	if (cut)
		fprintf(html->out, "<p class=\"hint\">%c%s.</p>\n", toupper(cut[0]), cut + 1);
}

static void put_unwound(struct html *html, bool open)
{
	const struct incident *incident = html->incident;
	char took[SHOWN_LEN];

	fprintf(html->out, "<details%s><summary>Unwound once by debug information",
		open ? " open" : "");
	if (incident->unwound_took_ns >= 0)
		fprintf(html->out, ", in %s", shown_duration(incident->unwound_took_ns, took));
	fputs("</summary>\n", html->out);
	put_frames(html, &incident->unwound);
	fputs("</details>\n", html->out);
}

static void put_joined(struct html *html, struct incident_stack *joined)
{
	fputs("<details open><summary>C code called from Python: a native stack and the Python "
	      "stack, taken one after the other</summary>\n",
	      html->out);
	put_frames(html, joined);
	fputs("</details>\n", html->out);
	free(joined->frames);
}

/* Returns whether there is a Python stack. */
static bool has_python(const struct html *html)
{
	return html->stacks->python && html->stacks->python->hottest;
}

static void put_python(struct html *html)
{
	const struct stacks *python = html->stacks->python;
	struct incident_stack joined;
	int err;

	fputs("<p class=\"hint\">In ", html->out);
	summary_reads(&html->summary, python->hottest->samples, python->samples);
	fputs("; innermost first.</p>\n", html->out);
	put_frames(html, python->hottest->stack);
	err = python_join(python_native(html->incident, html->stacks), python->hottest->stack,
			  &joined);
	if (err == -ENOMEM)
		html->failed = true;
	if (!err)
		put_joined(html, &joined);
}

void html_python(struct html *html)
{
	if (!has_python(html))
		return;
	fputs("<section class=\"python\" aria-labelledby=\"python-title\">\n"
	      "<h2 id=\"python-title\">Python stack</h2>\n",
	      html->out);
	put_python(html);
	fputs("</section>\n", html->out);
}

void html_stack(struct html *html)
{
	const struct stacks_fold *hottest = html->stacks->hottest;
	bool unwound_first = stacks_unwound_first(html->incident, html->stacks);

	if (unwound_first)
		put_unwound(html, true);
	if (hottest) {
		fputs("<p class=\"hint\">Taken by ", html->out);
		summary_share(&html->summary, hottest->samples, html->stacks->samples);
		fputs("; innermost first.</p>\n", html->out);
		put_frames(html, hottest->stack);
	} else if (html->incident->unwound.count) {
		fputs("<p class=\"hint\">There are no samples.</p>\n", html->out);
	} else {
		fputs("<p class=\"hint\">No stack was taken.</p>\n", html->out);
	}
	if (html->incident->unwound.count && !unwound_first)
		put_unwound(html, hottest && hottest->callers);
}

static void put_consumer(struct html *html, size_t number)
{
	const struct incident_consumer *consumer = &html->incident->group->consumers[number];
	struct html only = *html;

	only.incident = consumer->only;
	only.stacks = html->stacks->consumers[number];
	fputs("<details open><summary>", html->out);
	consumer_describe(&html->summary, html->incident, consumer);
	fputs("</summary>\n<dl class=\"list\">\n", html->out);
	consumer_process(&only.summary, html->incident, consumer);
	html_close_term(&only);
	fputs("</dl>\n", html->out);
	if (has_python(&only))
		put_python(&only);
	if (only.stacks->hottest || only.incident->unwound.count)
		html_stack(&only);
	fputs("</details>\n", html->out);
	html->failed |= only.failed;
}

void html_consumers(struct html *html)
{
	size_t i;

	if (!html->stacks->consumers_count)
		return;
	fputs("<section aria-labelledby=\"consumers-title\">\n"
	      "<h2 id=\"consumers-title\">Largest consumers</h2>\n",
	      html->out);
	for (i = 0; i < html->stacks->consumers_count; i++)
		put_consumer(html, i);
	fputs("</section>\n", html->out);
}

static void put_function(struct html *html, const struct stacks_function *function)
{
	fputs("<tr>", html->out);
	put_share(html->out, function->self, html->stacks->samples);
	put_gauge(html->out, function->self, html->stacks->samples);
	put_share(html->out, function->total, html->stacks->samples);
	fputs("<td class=\"function\">", html->out);
	html_name_free(html, shown_frame(function->frame));
	fputs(" ", html->out);
	put_place(html, function->frame);
	fputs("</td></tr>\n", html->out);
}

void html_functions(struct html *html)
{
	const struct stacks *stacks = html->stacks;
	size_t i;

	if (!stacks->by_self_count)
		return;
	fputs("<section aria-labelledby=\"functions-title\">\n"
	      "<h2 id=\"functions-title\">Hottest functions</h2>\n"
	      "<table class=\"functions\"><thead><tr><th scope=\"col\">in it</th>"
	      "<th class=\"gauge\" aria-hidden=\"true\"></th>"
	      "<th scope=\"col\">and below</th><th scope=\"col\">function</th></tr></thead>\n"
	      "<tbody>\n",
	      html->out);
	for (i = 0; i < stacks->by_self_count && i < FUNCTIONS_SHOWN; i++)
		put_function(html, &stacks->functions[stacks->by_self[i]]);
	fputs("</tbody></table>\n", html->out);
	if (stacks->by_self_count > FUNCTIONS_SHOWN)
		fprintf(html->out, "<p class=\"hint\">And %zu more.</p>\n",
			stacks->by_self_count - FUNCTIONS_SHOWN);
	fputs("</section>\n", html->out);
}

static void put_time(struct html *html, long long time_ns)
{
	char time[UTC_LEN];

	fputs("<tr><td class=\"time\">", html->out);
	if (time_ns >= 0) {
		utc_format(time_ns, 3, time);
		fprintf(html->out, "<span class=\"date\">%.10s </span>%s", time, time + 11);
	} else {
		fputs("unknown", html->out);
	}
	fputs("</td><td>", html->out);
}

static void put_action(struct html *html, const struct incident_action *action)
{
	put_time(html, action->time_ns);
	html_put(html->out, action->action ? action->action : "action");
	fputs("</td><td></td><td></td><td>", html->out);
	html_put(html->out, action->text ? action->text : "unknown");
	fputs("</td><td></td></tr>\n", html->out);
}

static void put_record(struct html *html, const struct incident_record *record)
{
	char *act = shown_act(record);
	char buf[SHOWN_LEN];

	put_time(html, record->time_ns);
	html_put(html->out, record->event);
	fprintf(html->out, "</td><td class=\"figure\">%s</td>",
		record->count_ns >= 0 ? shown_duration(record->count_ns, buf) : "");
	fprintf(html->out, "<td class=\"figure\">%s</td><td>",
		record->limit_ns > 0 ? shown_duration(record->limit_ns, buf) : "");
	if (act)
		html_put(html->out, act);
	else
		html->failed = true;
	fprintf(html->out, "</td><td class=\"figure\">%s</td></tr>\n",
		record->cpu >= 0 && !html->incident->group ? shown_number(record->cpu, buf) : "");
	free(act);
}

void html_siblings(struct html *html)
{
	const struct incident *incident = html->incident;
	size_t i;

	if (!incident->siblings_count)
		return;
	fputs("<section aria-labelledby=\"siblings-title\">\n"
	      "<h2 id=\"siblings-title\">Other threads that ran</h2>\n<dl class=\"list\">\n",
	      html->out);
	for (i = 0; i < incident->siblings_count; i++) {
		fprintf(html->out, "<div><dt>TID %lld</dt><dd>", incident->siblings[i].tid);
		if (sibling_describe(&html->summary, incident, &incident->siblings[i]))
			html->failed = true;
		fputs("</dd></div>\n", html->out);
	}
	fputs("</dl>\n</section>\n", html->out);
}

void html_records(struct html *html)
{
	size_t i;

	if (html->incident->is_look) {
		fputs("<p class=\"hint\">maze only looked at the thread.</p>\n", html->out);
		return;
	}
	fputs("<div class=\"wide\"><table><thead><tr><th scope=\"col\">time (UTC)</th>"
	      "<th scope=\"col\">what</th><th scope=\"col\" class=\"figure\">count</th>"
	      "<th scope=\"col\" class=\"figure\">limit</th><th scope=\"col\">done</th>"
	      "<th scope=\"col\" class=\"figure\">CPU</th></tr></thead>\n<tbody>\n",
	      html->out);
	for (i = 0; i < html->incident->records_count; i++)
		put_record(html, &html->incident->records[i]);
	for (i = 0; i < html->incident->actions_count; i++)
		put_action(html, &html->incident->actions[i]);
	fputs("</tbody></table></div>\n", html->out);
}

/* Returns the meaning of a state letter of proc_pid_stat(5). */
static const char *state_word(const char *state)
{
	static const struct {
		const char *letter, *word;
	} states[] = {
		{ "R", "running" }, { "S", "sleeping" }, { "D", "waiting, uninterruptible" },
		{ "T", "stopped" }, { "t", "traced" },	 { "Z", "ended" },
		{ "X", "ended" },   { "I", "idle" },
	};
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(state, states[i].letter))
			return states[i].word;
	return state;
}

void html_threads(struct html *html)
{
	const struct incident_process *process = &html->incident->process;
	const struct incident_thread *thread;
	long long tid = shown_tid(html->incident);
	char buf[SHOWN_LEN];
	size_t i, shown_count = process->threads_count, total = process->threads_count;

	if (!process->threads_count)
		return;
	if (shown_count > THREADS_SHOWN)
		shown_count = THREADS_SHOWN;
	if (process->threads_total > (long long)total)
		total = (size_t)process->threads_total;
	fputs("<section aria-labelledby=\"threads-title\">\n"
	      "<h2 id=\"threads-title\">Threads</h2>\n"
	      "<div class=\"wide\"><table class=\"threads\"><thead><tr><th scope=\"col\" "
	      "class=\"figure\">TID</th>"
	      "<th scope=\"col\">name</th><th scope=\"col\">state</th>"
	      "<th scope=\"col\" class=\"figure\">CPU time</th></tr></thead>\n<tbody>\n",
	      html->out);
	for (i = 0; i < shown_count; i++) {
		thread = &process->threads[i];
		fprintf(html->out, "<tr%s><td class=\"figure\">%s</td><td>",
			thread->tid >= 0 && thread->tid == tid ? " class=\"runaway\"" : "",
			shown_number(thread->tid, buf));
		html_name(html->out, thread->comm);
		if (thread->tid >= 0 && thread->tid == tid)
			fprintf(html->out, " <span class=\"tag\">%s</span>",
				html->incident->is_look ? "this one" : "runaway");
		fputs("</td><td>", html->out);
		html_put(html->out, thread->state ? state_word(thread->state) : "?");
		fprintf(html->out, "</td><td class=\"figure\">%s</td></tr>\n",
			shown_duration(thread->cpu_ns, buf));
	}
	fputs("</tbody></table></div>\n", html->out);
	if (total > shown_count)
		fprintf(html->out, "<p class=\"hint\">And %zu more.</p>\n", total - shown_count);
	fputs("</section>\n", html->out);
}

void html_notes(struct html *html)
{
	const struct incident *incident = html->incident;
	size_t i;

	if (!incident->notes_count)
		return;
	fputs("<section aria-labelledby=\"notes-title\">\n<h2 id=\"notes-title\">Notes</h2>\n"
	      "<ul class=\"notes\">\n",
	      html->out);
	for (i = 0; i < incident->notes_count; i++) {
		fputs("<li>", html->out);
		html_put(html->out, incident->notes[i]);
		fputs("</li>\n", html->out);
	}
	fputs("</ul>\n</section>\n", html->out);
}
