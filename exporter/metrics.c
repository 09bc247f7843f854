/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/clock.h"
#include "../lib/json_get.h"

/* 4096 rules have about 7 MiB. */
#define SIZE_MAX_BYTES ((size_t)16 << 20)
/* Longer headers are not read to their end. */
#define ACCEPT_MAX 1024

/* ---- the answer ----------------------------------------------------------------------- */

/* why NULL: the answer is complete. */
static void finish(struct metrics *metrics, const char *why)
{
	bool failed = fclose(metrics->out);

	metrics->out = NULL;
	link_close(&metrics->link);
	if (!why && failed)
		why = "out of memory";
	free(metrics->text);
	metrics->text = why ? NULL : metrics->next;
	metrics->size = metrics->next_size;
	snprintf(metrics->why, sizeof(metrics->why), "%s", why ? why : "");
	if (why)
		free(metrics->next);
	metrics->next = NULL;
	metrics->ready(metrics, metrics->arg);
}

static void on_failure(struct link *link, const char *why)
{
	struct metrics *metrics = link->arg;

	if (metrics->out)
		finish(metrics, why);
}

static void on_line(struct link *link, json_t *object)
{
	const char *text = json_text(object, "metrics");
	const char *why = link_refusal(object);
	struct metrics *metrics = link->arg;

	if (text)
		fputs(text, metrics->out);
	if (why)
		finish(metrics, why);
	else if (ftello(metrics->out) > (off_t)SIZE_MAX_BYTES)
		finish(metrics, "the answer of mazed is too long");
	else if (json_object_get(object, "done"))
		finish(metrics, NULL);
}

bool metrics_want(struct metrics *metrics)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	struct maze_error error = { "out of memory" };
	char line[64];

	if (metrics->out)
		return false;
	if (metrics->tried_ns && now - metrics->tried_ns < LINK_FRESH_NS)
		return true;
	metrics->tried_ns = now;
	snprintf(line, sizeof(line), "{\"do\":\"metrics\",\"format\":\"%s\"}\n", metrics->format);
	metrics->out = open_memstream(&metrics->next, &metrics->next_size);
	if (!metrics->out || link_send(&metrics->link, line, &error)) {
		free(metrics->text);
		metrics->text = NULL;
		snprintf(metrics->why, sizeof(metrics->why), "%s", error.text);
		if (metrics->out)
			fclose(metrics->out);
		metrics->out = NULL;
		free(metrics->next);
		metrics->next = NULL;
		return true;
	}
	link_expect(&metrics->link);
	return false;
}

int metrics_init(struct metrics *metrics, sd_event *event, const char *socket)
{
	metrics->link.event = event;
	metrics->link.path = socket;
	metrics->link.on_line = on_line;
	metrics->link.on_failure = on_failure;
	metrics->link.arg = metrics;
	return link_init(&metrics->link);
}

void metrics_done(struct metrics *metrics)
{
	link_done(&metrics->link);
	if (metrics->out)
		fclose(metrics->out);
	free(metrics->next);
	free(metrics->text);
}

/* ---- the header Accept ------------------------------------------------------------------ */

/* Sets *ret_q to the weight of an item if it takes `version`; otherwise to 0. */
static const char *parse_item(char *item, const char *version, double *ret_q)
{
	char *next, *type = strtok_r(item, "; \t", &next), *parameter;

	*ret_q = 1;
	while ((parameter = strtok_r(NULL, "; \t", &next))) {
		if (!strncasecmp(parameter, "q=", 2))
			*ret_q = strtod(parameter + 2, NULL);
		else if (!strncasecmp(parameter, "version=", 8) &&
			 strcmp(parameter + 8, version) != 0)
			*ret_q = 0;
	}
	return type ? type : "";
}

bool metrics_accept_open(const char *accept)
{
	char *copy = strndup(accept ? accept : "", ACCEPT_MAX), *next, *item, *again;
	double q, open = 0, plain = 0;
	const char *type;

	for (item = copy ? strtok_r(copy, ",", &next) : NULL; item;
	     item = strtok_r(NULL, ",", &next)) {
		again = strdup(item);
		type = parse_item(item, "1.0.0", &q);
		if (!strcasecmp(type, "application/openmetrics-text") && q > open)
			open = q;
		type = again ? parse_item(again, "0.0.4", &q) : "";
		if ((!strcasecmp(type, "text/plain") || !strcmp(type, "text/*") ||
		     !strcmp(type, "*/*")) &&
		    q > plain)
			plain = q;
		free(again);
	}
	free(copy);
	return open > 0 && open >= plain;
}
