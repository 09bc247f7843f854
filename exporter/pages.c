/* SPDX-License-Identifier: GPL-2.0-only */
#include "pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/rfc3339.h"
#include "../report/html.h"
#include "../report/incident_dir.h"
#include "../report/incident_file.h"
#include "../report/incident_group.h"
#include "../report/report.h"
#include "../report/shown.h"

/* Rows of one page of the list. The next page has the older ones. */
#define ROWS_MAX 100

static const char live[] = {
#include "live.inc"
};
static const char incidents[] = {
#include "incidents.inc"
};

struct list_page {
	struct html html; /* must be first: the marks cast it to struct list_page */
	const struct incident_index *index;
	const char *filter, *before;
	const char *last; /* the ID of the last row */
	size_t shown, matching;
	bool has_more; /* rows after the last one */
};

char *page_live(size_t *ret_size)
{
	char *text = malloc(sizeof(live));

	if (text)
		memcpy(text, live, sizeof(live));
	*ret_size = sizeof(live);
	return text;
}

/* ---- the list of incidents ------------------------------------------------------------ */

static bool contains(const char *text, const char *word)
{
	return text && strcasestr(text, word);
}

static bool matches(const struct indexed_incident *item, const char *filter)
{
	const struct incident_line *line = &item->line;

	if (!filter || !*filter || contains(item->id, filter))
		return true;
	return item->is_read &&
	       (contains(line->process, filter) || contains(line->stage, filter) ||
		contains(line->scope, filter) || contains(line->function, filter) ||
		contains(line->action, filter));
}

static void put_cell(FILE *out, const char *class, const char *label, const char *text)
{
	if (label)
		fprintf(out, "<td class=\"%s\" data-label=\"%s\">", class, label);
	else
		fprintf(out, "<td class=\"%s\">", class);
	html_put(out, text ? text : "?");
	fputs("</td>", out);
}

static void put_columns(FILE *out, const struct incident_line *line)
{
	char time[UTC_LEN], buf[SHOWN_LEN];

	fprintf(out,
		"<tr><td class=\"time\"><a "
		"href=\"/incidents/%s\">%s</a></td>",
		line->id, line->began ? utc_format(line->began, 0, time) : line->id);
	fputs("<td class=\"name\">", out);
	html_name(out, line->process ? line->process : "?");
	fputs("</td>", out);
	put_cell(out, "figure", "Thread", line->scope ? line->scope : shown_number(line->tid, buf));
	put_cell(out, "stage", NULL, line->stage);
	put_cell(out, "figure", "Count", shown_duration(line->count_ns, buf));
	fputs("<td class=\"hot\" data-label=\"Hottest\">", out);
	html_name(out, line->function ? line->function : "?");
	fputs("</td>", out);
	put_cell(out, "done", NULL, line->action);
	fputs("</tr>\n", out);
}

static void put_unread(FILE *out, const struct indexed_incident *item)
{
	fprintf(out, "<tr><td class=\"time\">%s</td>", item->id);
	fputs("<td colspan=\"6\">", out);
	html_put(out, item->is_new ? "is read now; reload the page" : item->why);
	fputs("</td></tr>\n", out);
}

static void rows(struct html *html)
{
	struct list_page *page = (struct list_page *)html;
	const struct indexed_incident *item;
	size_t i;

	for (i = page->index->count; i > 0; i--) {
		item = &page->index->items[i - 1];
		if (!matches(item, page->filter))
			continue;
		if (page->before && strcmp(item->id, page->before) >= 0)
			continue;
		page->has_more = page->shown == ROWS_MAX;
		if (page->has_more)
			continue;
		page->shown++;
		page->last = item->id;
		if (item->is_read)
			put_columns(html->out, &item->line);
		else
			put_unread(html->out, item);
	}
}

static void filter(struct html *html)
{
	const struct list_page *page = (struct list_page *)html;

	if (page->filter)
		html_put(html->out, page->filter);
}

static void summary(struct html *html)
{
	const struct list_page *page = (struct list_page *)html;
	const struct incident_index *index = page->index;

	if (index->error.text[0]) {
		html_put(html->out, index->error.text);
		return;
	}
	if (!page->matching)
		fputs(index->count ? "No incident matches. " : "No incidents yet. ", html->out);
	fprintf(html->out, "%zu of %zu %s", page->matching, index->count,
		index->count == 1 ? "incident" : "incidents");
	if (index->omitted)
		fprintf(html->out, "; %zu older ones are not listed", index->omitted);
	fputs(" in ", html->out);
	html_name(html->out, index->path);
	fputs(".", html->out);
}

/* A query that is valid in an attribute. */
static void put_encoded(FILE *out, const char *text)
{
	for (; text && *text; text++)
		fprintf(out, "%%%02X", (unsigned char)*text);
}

static void older(struct html *html)
{
	const struct list_page *page = (struct list_page *)html;

	if (!page->has_more)
		return;
	fprintf(html->out, "<p><a href=\"/incidents?before=%s&amp;q=", page->last);
	put_encoded(html->out, page->filter);
	fputs("\">Older incidents</a></p>\n", html->out);
}

static void version(struct html *html)
{
	fputs(MAZE_VERSION, html->out);
}

char *page_incidents(const struct incident_index *index, const char *wanted, const char *before,
		     size_t *ret_size)
{
	static const struct html_mark marks[] = {
		{ "@FILTER@", filter }, { "@ROWS@", rows },	  { "@SUMMARY@", summary },
		{ "@OLDER@", older },	{ "@VERSION@", version }, { NULL, NULL },
	};
	struct list_page page = { .index = index, .filter = wanted, .before = before };
	char *text = NULL;
	size_t i;
	int err;

	for (i = 0; i < index->count; i++)
		page.matching += matches(&index->items[i], wanted);
	page.html.out = open_memstream(&text, ret_size);
	if (!page.html.out)
		return NULL;
	err = html_fill(&page.html, incidents, sizeof(incidents), marks);
	if (fclose(page.html.out) || err) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- one incident --------------------------------------------------------------------- */

static int write_page(const struct incident *incident, char **ret_text, size_t *ret_size)
{
	struct stacks *stacks = NULL;
	int err = stacks_make(incident, &stacks);
	char *text = NULL;
	FILE *out;

	if (err)
		return err;
	out = open_memstream(&text, ret_size);
	err = out ? report_html(incident, stacks, out) : -ENOMEM;
	if (out && fclose(out) && !err)
		err = -ENOMEM;
	stacks_free(stacks);
	if (err)
		free(text);
	else
		*ret_text = text;
	return err;
}

char *page_incident(const struct incident_index *index, const char *id, size_t *ret_size,
		    int *ret_err, struct maze_error *error)
{
	struct incident *incident = NULL;
	struct incident_dir dir;
	char *text = NULL;

	*ret_err = incident_index_load(index, id, &incident, error);
	if (*ret_err)
		return NULL;
	/* As maze report does: another incident of the process may have ended this thread. */
	if (!incident_dir_open(index->path, &dir, NULL)) {
		incident_group_note_end(&dir, incident, id);
		incident_dir_close(&dir);
	}
	incident_index_note_repeats(index, incident, id);
	*ret_err = write_page(incident, &text, ret_size);
	incident_free(incident);
	if (*ret_err)
		maze_fail(error, *ret_err, "cannot make the page: %s", strerror(-*ret_err));
	return text;
}
