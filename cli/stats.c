/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `stats` prints what the engine and mazed count. Without mazed it counts the
 * verdicts that the engine keeps.
 */
#include "mazed_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rfc3339.h"
#include "lib/json_get.h"
#include "lib/record_stats.h"

#define BAR_WIDTH 40

/* The object is that of maze-control(5), but for "ok". On failure, prints the error. */
static void stats_from_engine(const struct command *command, const struct options *options,
			      json_t **ret_stats)
{
	struct record_stats stats = { 0 };
	struct maze_error error = { "" };
	struct maze_counts counts = { 0 };
	struct maze_reader *reader = NULL;
	struct maze_record record;
	struct maze *maze = NULL;
	int err = maze_open(options->engine, MAZE_EXISTING, &maze, &error);

	if (!err)
		err = maze_counts(maze, &counts, &error);
	if (!err)
		err = maze_reader_open(maze, true, &reader, &error);
	while (!err && maze_reader_next(reader, &record) == 1)
		record_stats_add(&stats, &record);
	if (err) {
		print_error(command, "%s", error.text);
	} else {
		*ret_stats = record_stats_json(&stats, &counts);
		json_object_set_new(*ret_stats, "engine", json_string(maze_engine_name(maze)));
		json_object_set_new(*ret_stats, "since", json_null());
		json_object_set_new(*ret_stats, "groups", json_integer(0));
		maze_reader_close(reader);
	}
	maze_close(maze);
}

static void print_number(const char *label, const json_t *object, const char *key)
{
	printf("%-26s %lld\n", label, json_number(object, key));
}

static const char *duration(long long ns, char buf[64])
{
	return maze_duration_format(ns > 0 ? (maze_u64)ns : 0, buf, 64);
}

static void print_bar(long long count, long long largest)
{
	/* What occurs at all has a bar. */
	long long width = (count * BAR_WIDTH + largest - 1) / (largest ? largest : 1);

	for (; width > 0; width--)
		putchar('#');
	putchar('\n');
}

/* Skips the empty buckets at both ends. */
static void print_lateness(const char *title, const json_t *lateness, const json_t *bounds)
{
	const json_t *counts = json_object_get(lateness, "counts");
	size_t i, buckets = json_array_size(counts), from = buckets, to = 0;
	long long count, total = 0, largest = 0, last;
	char buf[64], mean[64];

	for (i = 0; i < buckets; i++) {
		count = json_integer_value(json_array_get(counts, i));
		if (!count)
			continue;
		total += count;
		largest = count > largest ? count : largest;
		from = i < from ? i : from;
		to = i;
	}
	if (!total)
		return;
	printf("\nLateness of %lld verdict%s of %s: mean %s, at most %s\n", total,
	       total == 1 ? "" : "s", title,
	       duration(json_number(lateness, "sum_ns") / total, mean),
	       duration(json_number(lateness, "max_ns"), buf));
	for (i = from; i <= to; i++) {
		count = json_integer_value(json_array_get(counts, i));
		last = json_integer_value(json_array_get(bounds, i ? i - 1 : 0));
		if (i < json_array_size(bounds))
			last = json_integer_value(json_array_get(bounds, i));
		printf("  %s %-7s %9lld%s", i < json_array_size(bounds) ? "up to" : "above",
		       duration(last, buf), count, count ? "  " : "");
		print_bar(count, largest);
	}
}

static void print_text(const json_t *stats)
{
	const json_t *records = json_object_get(stats, "records");
	const json_t *lateness = json_object_get(stats, "lateness");
	const char *since = json_text(stats, "since");
	const char *engine = json_text(stats, "engine");
	long long ns;
	char time[UTC_LEN];

	printf("%-26s %.32s\n", "engine", engine ? engine : "unknown");
	print_number("threads watched", stats, "watched");
	print_number("groups watched", stats, "groups");
	printf("\nSince the engine was loaded\n");
	print_number("  verdicts", stats, "verdicts");
	print_number("  signals sent", stats, "signals");
	print_number("  children not watched", stats, "inherit_failures");
	print_number("  timer expirations", stats, "timer_expiries");
	if (since && rfc3339_parse(since, &ns))
		printf("\nSince mazed began, %s\n", local_time_format(ns, 0, time));
	else
		printf("\nOf the records that the engine keeps\n");
	print_number("  soft verdicts", records, "soft");
	print_number("  hard verdicts", records, "hard");
	print_number("  verdicts in shadow", records, "shadow");
	print_number("  signals sent", records, "sent");
	print_number("  records lost", records, "lost");
	print_lateness("threads", json_object_get(lateness, "threads"),
		       json_object_get(lateness, "bounds_ns"));
	print_lateness("groups", json_object_get(lateness, "groups"),
		       json_object_get(lateness, "bounds_ns"));
}

int cmd_stats(const struct command *command, struct options *options, int argc, char **argv)
{
	static struct mazed_client client;
	int err = mazed_connect(&client, command, options);
	json_t *stats = NULL;

	(void)argc;
	(void)argv;
	if (err == 1) {
		stats = mazed_ask(&client, json_pack("{s:s}", "do", "stats"));
		mazed_disconnect(&client);
	} else if (!err) {
		stats_from_engine(command, options, &stats);
	}
	if (!stats)
		return EXIT_MAZE_FAILED;
	json_object_del(stats, "ok");
	if (options->json)
		json_dumpf(stats, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	else
		print_text(stats);
	if (options->json)
		putchar('\n');
	json_decref(stats);
	return EXIT_MAZE_OK;
}
