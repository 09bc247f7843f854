/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole text is made at the request, because a reload frees rules. The samples of the
 * formats are equal; their names of families and their types differ.
 */
#include "control_metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"
#include "../../lib/totals.h"
#include "metrics.h"
#include "../rules/tag.h"

/*
 * A line of the answer has whole lines of the text, up to this. If each byte is escaped, it
 * fits CONTROL_ANSWER_MAX, with the "id".
 */
#define CHUNK_MAX 760
/* Invalid as the names of rules. */
#define UNITS "(units)"
#define REQUESTS "(requests)"

/* As a label and as JSON. Stops where less than two bytes and a NUL are left. */
static char *escape(char *at, const char *limit, const char *text, size_t length)
{
	const char *end = text + length;

	for (; text < end && at + 2 < limit; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			*at++ = '\\';
		*at++ = *text == '\n' ? 'n' : *text;
	}
	return at;
}

const char *metrics_escape(char *buf, size_t size, const char *text)
{
	*escape(buf, buf + size, text, strlen(text)) = '\0';
	return buf;
}

/* ---- the text ------------------------------------------------------------------------- */

/* In OpenMetrics, a family has the name without the suffix of its type. */
static void write_head(FILE *out, const struct metric *metric, enum metrics_format format)
{
	bool open = format == METRICS_OPENMETRICS, info = !strcmp(metric->type, "info");
	size_t length = strlen(metric->name);

	if (open && info)
		length -= strlen("_info");
	else if (open && !strcmp(metric->type, "counter"))
		length -= strlen("_total");
	fprintf(out, "# HELP %.*s %s.\n# TYPE %.*s %s\n", (int)length, metric->name, metric->help,
		(int)length, metric->name, info && !open ? "gauge" : metric->type);
	if (open && metric->unit[0])
		fprintf(out, "# UNIT %.*s %s\n", (int)length, metric->name, metric->unit);
}

static void note_nearest(struct rule_counters *row, maze_u64 nearest)
{
	double near = (double)nearest / MAZE_TOTAL_ONE;

	if (near > row->nearest)
		row->nearest = near;
}

static int measure_threads(const struct maze_total *total, void *arg)
{
	struct rule_counters *row = counters_at(arg, total->tag);

	if (total->tag == tag_of_no_rule())
		return 0;
	row->threads += total->threads;
	note_nearest(row, total->nearest);
	return 0;
}

static void measure_groups(struct counters *counters, struct maze *maze)
{
	struct maze_group *groups = NULL;
	struct maze_total total;
	struct rule_counters *row;
	size_t count = 0, i;

	if (maze_list_groups(maze, &groups, &count, NULL))
		return;
	for (i = 0; i < count; i++) {
		row = counters_at(counters, groups[i].entry.tag);
		total = (struct maze_total){ 0 };
		maze_total_add(&total, groups[i].entry.count_ns, groups[i].entry.soft_ns,
			       groups[i].entry.hard_ns);
		row->groups++;
		note_nearest(row, total.nearest);
	}
	free(groups);
}

static int measure_all(struct metrics *metrics, struct maze_error *error)
{
	struct counters *counters = metrics->host->counters;
	size_t i;
	int err;

	for (i = 0; i < metrics->count; i++)
		metrics->rows[i].counters->threads = metrics->rows[i].counters->groups =
			metrics->rows[i].counters->nearest = 0;
	err = maze_totals(metrics->host->maze, measure_threads, counters, error);
	if (!err)
		measure_groups(counters, metrics->host->maze);
	return err;
}

static struct metrics_row *add_row(struct metrics *metrics, const char *name,
				   struct rule_counters *counters)
{
	struct metrics_row *row = &metrics->rows[metrics->count++];

	metrics_escape(row->label, sizeof(row->label), name);
	row->counters = counters;
	return row;
}

static int make_rows(struct metrics *metrics)
{
	const struct rules *rules = metrics->host->rules;
	const struct rule_states *states = metrics->host->rule_states;
	struct counters *counters = metrics->host->counters;
	const struct rule_state *state;
	struct metrics_row *row;
	size_t i;

	metrics->rows = calloc(rules->count + 2, sizeof(*metrics->rows));
	if (!metrics->rows)
		return -ENOMEM;
	for (i = 0; i < rules->count; i++) {
		row = add_row(metrics, rules->rules[i].name,
			      counters_at(counters, rules->rules[i].tag));
		row->rule = &rules->rules[i];
		row->tripped = rule_states_at(states, i)->tripped_ns;
	}
	row = add_row(metrics, UNITS, &counters->units);
	for (; (state = rule_states_at(states, i)); i++)
		row->tripped |= state->tripped_ns != 0;
	add_row(metrics, REQUESTS, &counters->requests);
	return 0;
}

int metrics_text(const struct control_host *host, enum metrics_format format, bool all,
		 char **ret_text, size_t *ret_size, struct maze_error *error)
{
	struct metrics metrics = { .host = host };
	const struct metric *metric;
	char *text = NULL;
	size_t i;
	int err = 0;

	metrics.out = open_memstream(&text, ret_size);
	if (!metrics.out || make_rows(&metrics))
		err = maze_fail(error, -ENOMEM, "out of memory");
	if (!err)
		err = measure_all(&metrics, error);
	/* Users get rules only, as from {"do":"rules"}. */
	if (!all)
		metrics.count = host->rules->count;
	for (i = 0; !err && (metric = metric_at(i)); i++) {
		if ((metric->readers && !all) ||
		    (format == METRICS_TEXTFILE && strncmp(metric->name, "maze_", 5) != 0))
			continue;
		metrics.metric = metric;
		write_head(metrics.out, metric, format);
		metric->write(&metrics);
	}
	if (!err && format == METRICS_OPENMETRICS)
		fputs("# EOF\n", metrics.out);
	free(metrics.rows);
	if (metrics.out && fclose(metrics.out) && !err)
		err = maze_fail(error, -ENOMEM, "out of memory");
	if (err)
		free(text);
	else
		*ret_text = text;
	return err;
}

/* ---- the request ---------------------------------------------------------------------- */

struct metrics_stream {
	struct control_stream stream; /* first, because it is cast to metrics_stream */
	char *text;
	size_t size, at;
};

/* Returns the length of as many whole lines as a line of the answer can have. */
static size_t next_chunk(const char *text, size_t left)
{
	const char *end;

	if (left <= CHUNK_MAX)
		return left;
	end = memrchr(text, '\n', CHUNK_MAX);
	return end ? (size_t)(end - text) + 1 : CHUNK_MAX;
}

/* As a JSON string. A text of metrics has no control characters but newlines. */
static void quote(char json[2 * CHUNK_MAX + 4], const char *text, size_t length)
{
	json[0] = '"';
	memcpy(escape(json + 1, json + 2 * CHUNK_MAX + 4, text, length), "\"", 2);
}

static enum control_produced produce(struct control_client *client, struct control_stream *stream)
{
	struct metrics_stream *metrics = (struct metrics_stream *)stream;
	char json[2 * CHUNK_MAX + 4];
	size_t length;

	for (; metrics->at < metrics->size; metrics->at += length) {
		if (!control_client_room(client))
			return CONTROL_MORE;
		length = next_chunk(metrics->text + metrics->at, metrics->size - metrics->at);
		quote(json, metrics->text + metrics->at, length);
		control_client_line(client, "metrics", json);
	}
	if (!control_client_room(client))
		return CONTROL_MORE;
	control_client_ok(client, json_pack("{s:b}", "done", 1));
	return CONTROL_END;
}

static void free_stream(struct control_stream *stream)
{
	struct metrics_stream *metrics = (struct metrics_stream *)stream;

	free(metrics->text);
	free(metrics);
}

void control_metrics(const struct control_host *host, struct control_client *client,
		     enum metrics_format format)
{
	struct metrics_stream *metrics = calloc(1, sizeof(*metrics));
	struct maze_error error = { "out of memory" };
	int err = metrics ? metrics_text(host, format, client->reads_all, &metrics->text,
					 &metrics->size, &error)
			  : -ENOMEM;

	if (err) {
		free(metrics);
		control_client_error(client, err, error.text);
		return;
	}
	metrics->stream = (struct control_stream){ produce, free_stream };
	control_client_ok(client, NULL);
	client->stream = &metrics->stream;
}
