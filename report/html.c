/* SPDX-License-Identifier: GPL-2.0-only */
/* page.inc has page.html with page.css and page.js. This file fills in its @MARKS@. */
#include "html.h"
#include "progress.h"
#include "report.h"
#include "../base/rfc3339.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char page[] = {
#include "page.inc"
};

void html_put(FILE *out, const char *text)
{
	/* Bidirectional controls in a name would reorder the text around it. */
	static const struct shown_terminal plain = { .page = true };
	char *printable = NULL;
	size_t size, i;
	FILE *stream = open_memstream(&printable, &size);

	if (!stream)
		return;
	shown_printable(stream, &plain, text, 0);
	fclose(stream);
	for (i = 0; printable && i < size; i++) {
		switch (printable[i]) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(printable[i], out);
		}
	}
	free(printable);
}

void html_name(FILE *out, const char *name)
{
	if (!name)
		return;
	fputs("<code>", out);
	html_put(out, name);
	fputs("</code>", out);
}

void html_name_free(struct html *html, char *name)
{
	if (!name)
		html->failed = true;
	html_name(html->out, name);
	free(name);
}

static void put(struct summary *summary, enum summary_kind kind, const char *text)
{
	struct html *html = (struct html *)summary;

	if (kind == SUMMARY_NAME)
		html_name(html->out, text);
	else if (kind == SUMMARY_FIGURE)
		fputs("<strong>", html->out);
	if (kind != SUMMARY_NAME)
		html_put(html->out, text);
	if (kind == SUMMARY_FIGURE)
		fputs("</strong>", html->out);
}

void html_close_term(struct html *html)
{
	if (html->term_open)
		fputs("</dd></div>\n", html->out);
	html->term_open = false;
}

static void label(struct summary *summary, const char *text)
{
	struct html *html = (struct html *)summary;

	html_close_term(html);
	fputs("<div><dt>", html->out);
	html_put(html->out, text);
	fputs("</dt><dd>", html->out);
	html->term_open = true;
}

/* ---- marks ------------------------------------------------------------------------- */

static void title(struct html *html)
{
	char used[SHOWN_LEN], asleep[SHOWN_LEN];

	html_put(html->out,
		 shown_process(html->incident) ? shown_process(html->incident) : "A process");
	if (shown_count(html->incident) >= 0)
		fprintf(html->out, ", %s of CPU time%s",
			shown_duration(shown_used(html->incident), used),
			shown_asleep(html->incident, asleep));
	fputs(" (maze)", html->out);
}

static void id(struct html *html)
{
	if (html->incident->is_look)
		fprintf(html->out, "thread <code>%lld</code> of PID <code>%lld</code>",
			shown_tid(html->incident), shown_pid(html->incident));
	else
		fprintf(html->out, "incident <code>%s</code>", html->incident->id);
}

static void what(struct html *html)
{
	summary_what(&html->summary, html->incident);
}

static void where(struct html *html)
{
	summary_where(&html->summary, html->incident, html->stacks);
	summary_acts(&html->summary, html->incident);
}

static void progress(struct html *html)
{
	if (!progress_is_known(html->incident))
		return;
	fputs("<p class=\"progress\">", html->out);
	progress_sentence(&html->summary, html->incident);
	fputs("</p>\n", html->out);
}

static void keys(struct html *html)
{
	summary_keys(&html->summary, html->incident);
	html_close_term(html);
}

static void facts(struct html *html)
{
	summary_facts(&html->summary, html->incident, html->stacks);
	html_close_term(html);
}

static void version(struct html *html)
{
	fputs(MAZE_VERSION, html->out);
}

static const struct html_mark marks[] = {
	{ "@TITLE@", title },
	{ "@ID@", id },
	{ "@WHAT@", what },
	{ "@WHERE@", where },
	{ "@PROGRESS@", progress },
	{ "@KEYS@", keys },
	{ "@CONSUMERS@", html_consumers },
	{ "@PYTHON@", html_python },
	{ "@STACK@", html_stack },
	{ "@FUNCTIONS@", html_functions },
	{ "@CALLS@", html_calls },
	{ "@SIBLINGS@", html_siblings },
	{ "@RECORDS@", html_records },
	{ "@FACTS@", facts },
	{ "@THREADS@", html_threads },
	{ "@NOTES@", html_notes },
	{ "@VERSION@", version },
	{ "@DATA@", html_data },
	{ NULL, NULL },
};

/* Returns the mark that begins at `at`. Its name is NULL if no mark begins there. */
static const struct html_mark *find_mark(const struct html_mark *mark, const char *at, size_t left)
{
	while (mark->name &&
	       (left < strlen(mark->name) || memcmp(at, mark->name, strlen(mark->name)) != 0))
		mark++;
	return mark;
}

int html_fill(struct html *html, const char *text, size_t size, const struct html_mark *fills)
{
	const char *at = text, *end = text + size, *next;
	const struct html_mark *mark;

	while (at < end) {
		next = memchr(at, '@', (size_t)(end - at));
		if (!next)
			next = end;
		fwrite(at, 1, (size_t)(next - at), html->out);
		if (next == end)
			break;
		mark = find_mark(fills, next, (size_t)(end - next));
		if (mark->name)
			mark->fill(html);
		else
			fputc('@', html->out);
		at = next + (mark->name ? strlen(mark->name) : 1);
	}
	if (html->failed)
		return -ENOMEM;
	return ferror(html->out) ? -EIO : 0;
}

int report_html(const struct incident *incident, const struct stacks *stacks, FILE *out)
{
	struct html html = {
		.summary = { .put = put, .label = label },
		.out = out,
		.incident = incident,
		.stacks = stacks,
	};

	return html_fill(&html, page, sizeof(page), marks);
}
