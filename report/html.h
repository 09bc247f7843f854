/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of report_html(). Untrusted text comes into the page only by html_put(), by
 * html_name(), or as JSON by html_data().
 */
#ifndef MAZE_REPORT_HTML_H
#define MAZE_REPORT_HTML_H

#include <stdio.h>

#include "incident.h"
#include "stacks.h"
#include "summary.h"

struct html {
	struct summary summary; /* must be first: the callbacks cast it to struct html */
	FILE *out;
	const struct incident *incident;
	const struct stacks *stacks;
	bool term_open; /* a <dd> is open */
	bool failed;	/* out of memory */
};

/* A mark of a page, such as "@TITLE@", and what it stands for. */
struct html_mark {
	const char *name;
	void (*fill)(struct html *html);
};

/*
 * Writes a page to html->out with its marks filled. The last mark has no name. Returns 0,
 * -ENOMEM, or -EIO if the stream failed.
 */
int html_fill(struct html *html, const char *text, size_t size, const struct html_mark *fills);

/* Writes text as the content of an element or of an attribute in double quotes. */
void html_put(FILE *out, const char *text);
/* Writes text in <code>. Ignores NULL. */
void html_name(FILE *out, const char *name);
/* Ends the last term of summary_facts() and the like. */
void html_close_term(struct html *html);
/* Writes `name` in <code> and frees it. NULL means out of memory. */
void html_name_free(struct html *html, char *name);
/*
 * Returns the class of a frame: "kernel", "user", "python", "made" (at run time), or
 * "unnamed".
 */
const char *html_kind(const struct incident_frame *frame);

void html_python(struct html *html);
void html_stack(struct html *html);
void html_functions(struct html *html);
void html_calls(struct html *html);
void html_siblings(struct html *html);
void html_consumers(struct html *html);
void html_records(struct html *html);
void html_threads(struct html *html);
void html_notes(struct html *html);
/* Writes the data of the page's script, as JSON that is safe inside <script>. */
void html_data(struct html *html);

#endif
