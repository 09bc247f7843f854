/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of report_html(): the parts of the page. A text of others reaches the page only
 * through html_put() and html_name(), or as JSON through html_data().
 */
#ifndef MAZE_REPORT_HTML_H
#define MAZE_REPORT_HTML_H

#include <stdio.h>

#include "incident.h"
#include "stacks.h"
#include "summary.h"

struct html {
	struct summary summary; /* first, so that it is found by its words */
	FILE *out;
	const struct incident *incident;
	const struct stacks *stacks;
	bool term_open; /* a <dd> is to be closed */
	bool failed;	/* for want of memory */
};

/* Text as the content of an element or of an attribute in double quotes. */
void html_put(FILE *out, const char *text);
/* The same as code, apart from the text around it. NULL: nothing. */
void html_name(FILE *out, const char *name);
/* What the caller gives up; NULL is a lack of memory. */
void html_name_free(struct html *html, char *name);
/* "kernel", "user", "made" (at run time) or "unnamed": the class of what shows a frame. */
const char *html_kind(const struct incident_frame *frame);
/* A cell with a share of the samples, as a figure and as a bar. */
void html_share(FILE *out, size_t part, size_t whole);

void html_stack(struct html *html);
void html_functions(struct html *html);
void html_records(struct html *html);
void html_threads(struct html *html);
void html_notes(struct html *html);
/* What the script of the page draws, as JSON that can stand inside <script>. */
void html_data(struct html *html);

#endif
