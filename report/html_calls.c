/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the system calls and the descriptors of the page. */
#include "html.h"
#include "descriptors.h"
#include "system_calls.h"

static void put_cells(struct html *html, const struct incident_slice *slice, long long calls,
		      long long time_ns)
{
	char rate[SHOWN_LEN], share[SHOWN_LEN];

	fprintf(html->out, "<tr><td class=\"figure\">%s</td><td class=\"figure\">%s</td><td>",
		system_calls_rate(slice, calls, rate), system_calls_share(slice, time_ns, share));
}

static void put_rows(struct html *html, const struct incident_slice *slice)
{
	size_t i;

	if (!slice->rows_count && slice->rest_calls <= 0)
		return;
	fputs("<table class=\"calls\"><thead><tr><th scope=\"col\" class=\"figure\">calls per "
	      "s</th>"
	      "<th scope=\"col\" class=\"figure\">time</th>"
	      "<th scope=\"col\">call and result</th></tr></thead>\n<tbody>\n",
	      html->out);
	for (i = 0; i < slice->rows_count; i++) {
		put_cells(html, slice, slice->rows[i].calls, slice->rows[i].time_ns);
		system_calls_row(&html->summary, &slice->rows[i]);
		fputs("</td></tr>\n", html->out);
	}
	if (slice->rest_calls > 0) {
		put_cells(html, slice, slice->rest_calls, slice->rest_time_ns);
		fputs("others</td></tr>\n", html->out);
	}
	fputs("</tbody></table>\n", html->out);
}

static void put_slice(struct html *html, const struct incident_slice *slice, bool later)
{
	fprintf(html->out, "<p class=\"hint%s", later ? " later\">Later in the episode: " : "\">");
	system_calls_total(&html->summary, slice);
	fputs(".</p>\n", html->out);
	put_rows(html, slice);
	if (!slice->is_inside)
		return;
	fputs("<p class=\"hint\">", html->out);
	system_calls_inside(&html->summary, slice);
	fputs(".</p>\n", html->out);
}

static void put_calls(struct html *html)
{
	const struct incident *incident = html->incident;
	size_t i;

	if (!incident->slices_count)
		return;
	fputs("<section aria-labelledby=\"calls-title\">\n"
	      "<h2 id=\"calls-title\">System calls</h2>\n",
	      html->out);
	for (i = 0; i < incident->slices_count; i++)
		put_slice(html, &incident->slices[i], i > 0);
	fputs("</section>\n", html->out);
}

static void put_descriptors(struct html *html)
{
	const struct incident *incident = html->incident;
	size_t i;

	if (!incident->descriptors_count)
		return;
	fputs("<section aria-labelledby=\"descriptors-title\">\n"
	      "<h2 id=\"descriptors-title\">Descriptors</h2>\n"
	      "<p class=\"hint\">When its system calls were counted.</p>\n"
	      "<dl class=\"list\">\n",
	      html->out);
	for (i = 0; i < incident->descriptors_count; i++) {
		fprintf(html->out, "<div><dt>fd %lld</dt><dd>", incident->descriptors[i].fd);
		descriptor_describe(&html->summary, &incident->descriptors[i]);
		fputs("</dd></div>\n", html->out);
	}
	fputs("</dl>\n</section>\n", html->out);
}

void html_calls(struct html *html)
{
	if (!html->incident->slices_count && !html->incident->descriptors_count)
		return;
	fputs("<div class=\"pair\">\n", html->out);
	put_calls(html);
	put_descriptors(html);
	fputs("</div>\n", html->out);
}
