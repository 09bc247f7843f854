/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `doctor` shows which engines can run here, and the limitations of each.
 */
#include "doctor.h"
#include "terminal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than the number of engines, which is 3. */
#define REPORTS_MAX 8

static void print(const char *prefix, const char *text)
{
	terminal_print(stdout, terminal_columns(STDOUT_FILENO), prefix, text);
}

static void print_sentences(const char *text)
{
	char *sentences = strdup(text), *next = sentences, *sentence;

	if (*text)
		puts("  limitations here:");
	while ((sentence = strsep(&next, "\n")) && *sentence)
		print("    - ", sentence);
	free(sentences);
}

/* Returns false if the engine is not loaded, or if this user may not use it. */
static bool get_counts(const struct maze_engine_report *report, struct maze_counts *ret_counts)
{
	struct maze *maze = NULL;
	bool got = report->pinned && !maze_open(report->name, MAZE_EXISTING, &maze, NULL) &&
		   !maze_counts(maze, ret_counts, NULL);

	maze_close(maze);
	return got;
}

static void print_report(const struct maze_engine_report *report)
{
	struct maze_counts counts;
	char text[256];

	if (!report->usable) {
		printf("%s: cannot run here\n", report->name);
		print("  ", report->why_not);
		return;
	}
	printf("%s: can run here%s\n", report->name, report->pinned ? ", and is loaded" : "");
	print("  ", report->detail);
	if (get_counts(report, &counts)) {
		snprintf(text, sizeof(text),
			 "%llu task%s watched; since it was loaded: %llu verdict%s, %llu signal%s, "
			 "%llu %s not watched",
			 counts.watched, counts.watched == 1 ? "" : "s", counts.verdicts,
			 counts.verdicts == 1 ? "" : "s", counts.signals,
			 counts.signals == 1 ? "" : "s", counts.inherit_failures,
			 counts.inherit_failures == 1 ? "child" : "children");
		print("  ", text);
	}
	print_sentences(report->blind_spots);
}

static json_t *sentences_json(const char *text)
{
	json_t *list = json_array();
	const char *end;

	for (; *text; text = end + (*end == '\n')) {
		end = strchrnul(text, '\n');
		json_array_append_new(list, json_stringn(text, (size_t)(end - text)));
	}
	return list;
}

static json_t *counts_json(const struct maze_engine_report *report)
{
	struct maze_counts counts;

	if (!get_counts(report, &counts))
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "watched", (json_int_t)counts.watched,
			 "verdicts", (json_int_t)counts.verdicts, "signals",
			 (json_int_t)counts.signals, "inherit_failures",
			 (json_int_t)counts.inherit_failures, "timer_expiries",
			 (json_int_t)counts.timer_expiries);
}

static void print_json(const struct maze_engine_report *reports, size_t count)
{
	json_t *all = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(all, json_pack("{s:s, s:b, s:b, s:s, s:s, s:o, s:o}",
						     "engine", reports[i].name, "usable",
						     reports[i].usable, "loaded", reports[i].pinned,
						     "why_not", reports[i].why_not, "detail",
						     reports[i].detail, "blind_spots",
						     sentences_json(reports[i].blind_spots),
						     "counts", counts_json(&reports[i])));
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

int cmd_doctor(const struct command *command, struct options *options, int argc, char **argv)
{
	struct maze_engine_report reports[REPORTS_MAX];
	bool any = false;
	size_t count, i;

	if (argc > 1)
		return usage_error(command, "unexpected argument \"%s\"", argv[1]);
	count = maze_probe(reports, REPORTS_MAX);
	if (argc) {
		for (i = 0; i < count && !reports[i].usable; i++)
			;
		return doctor_process(command, options, argv[0],
				      i < count ? reports[i].name : NULL);
	}
	for (i = 0; i < count; i++) {
		any |= reports[i].usable;
		if (!options->json)
			print_report(&reports[i]);
	}
	if (options->json)
		print_json(reports, count);
	return any ? EXIT_MAZE_OK : EXIT_MAZE_FAILED;
}
