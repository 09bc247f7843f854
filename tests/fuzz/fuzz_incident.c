/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as an incident file: refused with an error message, or accepted and then
 * shown in every form. In the page, only its own script begins an element.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/incident_file.h"
#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The output, which the caller frees. */
typedef int (*show_fn)(const struct incident *incident, const struct stacks *stacks, FILE *out);

static int show_text(const struct incident *incident, const struct stacks *stacks, FILE *out)
{
	static const struct shown_terminal narrow = { .columns = 40 };

	return report_text(incident, stacks, &narrow, false, out);
}

static int show_folded(const struct incident *incident, const struct stacks *stacks, FILE *out)
{
	(void)incident;
	return report_folded(stacks, out);
}

static char *shown(show_fn show, const struct incident *incident, const struct stacks *stacks)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || show(incident, stacks, out) || fclose(out))
		abort();
	if (strlen(text) != size)
		abort();
	return text;
}

static void check_terminal(char *text)
{
	const char *at;

	for (at = text; *at; at++)
		if (((unsigned char)*at < ' ' && *at != '\n') || *at == 127)
			abort();
	free(text);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void check_page(char *text)
{
	if (count(text, "<script") != 2 || count(text, "</script") != 2 ||
	    count(text, "<style") != 1 || count(text, "<img") || count(text, "<!--") != 1)
		abort();
	free(text);
}

/* Binary, so its size is not that of a string. */
static void check_profile(const struct incident *incident, const struct stacks *stacks)
{
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	if (!out || report_pprof(incident, stacks, out) || fclose(out) || size < 20)
		abort();
	free(bytes);
}

/* Of whole events, or empty. */
static void check_trace(const struct incident *incident)
{
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	if (!out || report_trace(incident, out) || fclose(out) || size % 32)
		abort();
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maze_error error = { "" };
	struct incident *incident;
	struct stacks *stacks;

	if (incident_parse((const char *)data, size, &incident, &error)) {
		if (!error.text[0])
			abort();
		return 0;
	}
	if (stacks_make(incident, &stacks))
		abort();
	check_terminal(shown(show_text, incident, stacks));
	check_terminal(shown(show_folded, incident, stacks));
	check_page(shown(report_html, incident, stacks));
	free(shown(report_speedscope, incident, stacks));
	check_profile(incident, stacks);
	check_trace(incident);
	stacks_free(stacks);
	incident_free(incident);
	return 0;
}
