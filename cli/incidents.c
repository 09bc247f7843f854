/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `incidents` prints one line for each stored incident, the newest last.
 * It reports an unreadable file and still lists the others.
 */
#include "command.h"
#include "incidents_group.h"
#include "terminal.h"
#include "report/incident_dir.h"
#include "report/incident_file.h"
#include "report/incident_line.h"
#include "base/rfc3339.h"
#include "lib/entry_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The width of a column for MAZE_COMM_LEN bytes without the NUL. */
#define PROCESS_WIDTH 15
/* maze cuts longer names in this table. maze report shows the whole names. */
#define FUNCTION_WIDTH 28
#define FUNCTION_WIDTH_MIN 7

static json_t *text_json(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *number_json(long long number)
{
	return number >= 0 ? json_integer(number) : json_null();
}

static void print_json(const struct incident_line *lines, size_t count)
{
	char time[UTC_LEN], rfc3339[UTC_LEN + 1];
	json_t *object;
	size_t i;

	for (i = 0; i < count; i++) {
		utc_format(lines[i].began, 9, time);
		time[strlen("YYYY-MM-DD")] = 'T';
		snprintf(rfc3339, sizeof(rfc3339), "%sZ", time);
		object = json_object();
		json_object_set_new(object, "id", json_string(lines[i].id));
		json_object_set_new(object, "time",
				    lines[i].began ? json_string(rfc3339) : json_null());
		json_object_set_new(object, "pid", number_json(lines[i].pid));
		json_object_set_new(object, "tid", number_json(lines[i].tid));
		json_object_set_new(object, "scope", text_json(lines[i].scope));
		json_object_set_new(object, "process", text_json(lines[i].process));
		json_object_set_new(object, "stage", text_json(lines[i].stage));
		json_object_set_new(object, "count_ns", number_json(lines[i].count_ns));
		json_object_set_new(object, "function", text_json(lines[i].function));
		json_object_set_new(object, "function_samples",
				    json_integer((json_int_t)lines[i].self));
		json_object_set_new(object, "samples", json_integer((json_int_t)lines[i].samples));
		json_object_set_new(object, "done", text_json(lines[i].action));
		json_object_set_new(object, "signature", text_json(lines[i].signature));
		json_object_set_new(object, "repeats", text_json(lines[i].repeats));
		print_json_item(json_line(object), i);
	}
	print_json_end(count);
}

static void print_column(const struct shown_terminal *terminal, const char *text, size_t width)
{
	size_t written = shown_printable(stdout, terminal, text ? text : "?", width);

	printf("%*s  ", (int)(written < width ? width - written : 0), "");
}

static void print_table(const struct incident_line *lines, size_t count)
{
	size_t i, width, id_width = strlen("ID"), function_width = FUNCTION_WIDTH_MIN;
	char time[UTC_LEN], buf[SHOWN_LEN];
	struct shown_terminal terminal;
	bool bold;

	terminal_query(&terminal, &bold);
	for (i = 0; i < count; i++) {
		if (strlen(lines[i].id) > id_width)
			id_width = strlen(lines[i].id);
		width = lines[i].function ? shown_columns(&terminal, lines[i].function) : 1;
		if (width > function_width)
			function_width = width;
	}
	if (function_width > FUNCTION_WIDTH)
		function_width = FUNCTION_WIDTH;
	printf("%-*s  %-19s  %-*s  %7s  %-5s  %11s  %-*s  %s\n", (int)id_width, "ID", "WHEN (UTC)",
	       PROCESS_WIDTH, "PROCESS", "THREAD", "STAGE", "COUNT", (int)function_width, "HOTTEST",
	       "DONE");
	for (i = 0; i < count; i++) {
		printf("%-*s  %-19s  ", (int)id_width, lines[i].id,
		       lines[i].began ? utc_format(lines[i].began, 0, time) : "?");
		print_column(&terminal, lines[i].process, PROCESS_WIDTH);
		printf("%7.16s  ",
		       lines[i].scope ? lines[i].scope : shown_number(lines[i].tid, buf));
		print_column(&terminal, lines[i].stage, strlen("STAGE"));
		printf("%11s  ", shown_duration(lines[i].count_ns, buf));
		print_column(&terminal, lines[i].function, function_width);
		shown_printable(stdout, &terminal, lines[i].action ? lines[i].action : "?", 0);
		putchar('\n');
	}
}

static int compare_signatures(const void *left, const void *right)
{
	const struct incident_line *const *a = left, *const *b = right;
	int order = strcmp((*a)->signature, (*b)->signature);

	return order ? order : strcmp((*a)->id, (*b)->id);
}

/* As in incident_dir_note_repeats(), the first is that with the lowest ID. */
static void note_repeats(struct incident_line *lines, size_t count)
{
	struct incident_line **sorted = calloc(count + 1, sizeof(void *));
	const struct incident_line *first = NULL;
	size_t i, n = 0;

	for (i = 0; sorted && i < count; i++)
		if (lines[i].signature)
			sorted[n++] = &lines[i];
	if (n)
		qsort(sorted, n, sizeof(void *), compare_signatures);
	for (i = 0; i < n; i++) {
		if (first && !strcmp(first->signature, sorted[i]->signature))
			sorted[i]->repeats = first->id;
		else
			first = sorted[i];
	}
	free(sorted);
}

/* Reads all incidents. *ret_bad is the number of files that cannot be read. */
static struct incident_line *read_lines(const struct command *command,
					const struct incident_dir *dir, size_t *ret_count,
					size_t *ret_bad)
{
	struct incident_line *lines = calloc(dir->count + 1, sizeof(*lines));
	struct maze_error error = { "" };
	struct incident *incident;
	size_t i, count = 0;

	*ret_bad = 0;
	for (i = 0; lines && i < dir->count; i++) {
		if (incident_dir_load(dir, dir->ids[i], &incident, &error)) {
			print_error(command, "%s", error.text);
			(*ret_bad)++;
			continue;
		}
		lines[count].id = dir->ids[i];
		if (incident_line_fill(incident, &lines[count])) {
			count++;
		} else {
			print_error(command, "%s/%s.json: out of memory", dir->path, dir->ids[i]);
			(*ret_bad)++;
		}
		incident_free(incident);
	}
	if (lines) {
		qsort(lines, count, sizeof(*lines), incident_line_compare);
		note_repeats(lines, count);
	}
	*ret_count = count;
	return lines;
}

static void free_lines(struct incident_line *lines, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		incident_line_done(&lines[i]);
	free(lines);
}

int cmd_incidents(const struct command *command, struct options *options, int argc, char **argv)
{
	const char *path = options->incidents ? options->incidents : MAZE_INCIDENT_DIR;
	struct maze_error error = { "" };
	struct incident_dir dir;
	struct incident_line *lines;
	size_t count, bad;
	int status;

	(void)argc;
	(void)argv;
	if (incident_dir_open(path, &dir, &error)) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	if (options->group) {
		status = print_incident_groups(command, options, &dir);
		incident_dir_close(&dir);
		return status;
	}
	lines = read_lines(command, &dir, &count, &bad);
	if (!lines) {
		print_error(command, "out of memory");
		incident_dir_close(&dir);
		return EXIT_MAZE_FAILED;
	}
	if (options->json)
		print_json(lines, count);
	else if (count)
		print_table(lines, count);
	else if (!bad)
		printf("no incidents in %s\n", path);
	free_lines(lines, count);
	incident_dir_close(&dir);
	return bad ? EXIT_MAZE_FAILED : EXIT_MAZE_OK;
}
