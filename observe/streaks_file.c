/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies no strings, because the file keeps the JSON. */
#include "streaks_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/rfc3339.h"
#include "../report/file_text.h"
#include "../report/incident.h"
#include "../report/json_reader.h"
#include "names.h"

#define VERSION 1
#define DAY_SECONDS 86400
/* 256 buckets are written. */
#define BUCKETS_MAX 1024
#define COUNT_MAX (1LL << 53) /* a double has it exactly */
#define WHAT "a file of maze observe"

maze_u64 streak_bin_upper(maze_u64 lower)
{
	if (!lower)
		return STREAK_BIN_FIRST;
	return lower + (1ULL << (60 - __builtin_clzll(lower)));
}

static double read_count(struct json_reader *reader, const json_t *object, const char *key)
{
	long long number = read_number(reader, object, key);

	if (number < 0)
		type_error(reader, key, "a whole number of at least 0");
	return (double)number;
}

static void read_streak(struct json_reader *reader, const json_t *object, const char *key,
			struct streak *streak)
{
	object = read_object(reader, object, key);
	if (!object)
		return;
	streak->ns = read_number(reader, object, "ns");
	if (streak->ns < 0 || (maze_u64)streak->ns > STREAK_BIN_MAX)
		type_error(reader, "ns", "a whole number from 0 to 2^60");
	streak->time_ns = read_time(reader, object, "at");
	streak->pid = read_number(reader, object, "pid");
	streak->comm = read_text(reader, object, "comm");
}

/* The bins of the file must be those of streak_bin_upper(), and sorted. */
static bool is_bin(const struct streak_class *class, long long lower, long long count)
{
	maze_u64 from = (maze_u64)lower;

	if (count < 1 || count > COUNT_MAX || lower < 0 || from > STREAK_BIN_MAX)
		return false;
	if (from && (from < STREAK_BIN_FIRST || from % (streak_bin_upper(from) - from)))
		return false;
	return !class->bins_count || from > class->bins[class->bins_count - 1].lower;
}

static bool read_bins(struct json_reader *reader, const json_t *object, struct streak_class *class)
{
	json_t *array = read_array(reader, object, "buckets"), *pair;
	size_t count = json_array_size(array), i;
	json_int_t lower, number;

	if (count > BUCKETS_MAX)
		type_error(reader, "buckets", "an array of up to 1024 pairs");
	else if (!array_room(array, sizeof(*class->bins), &class->bins, &count))
		return false;
	for (i = 0; class->bins && i < count; i++) {
		pair = json_array_get(array, i);
		if (json_array_size(pair) != 2 || json_unpack(pair, "[I,I]", &lower, &number) ||
		    !is_bin(class, lower, number)) {
			type_error(reader, "buckets",
				   "pairs of a lower bound and a count above 0, sorted, 8 in an "
				   "octave");
			break;
		}
		class->bins[class->bins_count++] = (struct streak_bin){
			.lower = (maze_u64)lower,
			.count = (maze_u64)number,
		};
		class->streaks += (double)number;
	}
	return true;
}

static maze_u64 last_lower(const struct streak_class *class)
{
	return class->bins[class->bins_count - 1].lower;
}

static const json_t *read_names(struct json_reader *reader, const json_t *object, const char *key)
{
	const json_t *names = read_array(reader, object, key), *name;
	size_t i;

	json_array_foreach(names, i, name)
		if (!json_is_string(name))
			type_error(reader, key, "an array of strings");
	return names;
}

static bool read_class(struct json_reader *reader, const json_t *object, struct streak_class *class)
{
	const json_t *units = read_names(reader, object, "units");

	class->rules = json_array();
	class->units = json_array();
	if (!class->rules || !class->units)
		return false;
	/* mazed reads these of its own file. */
	read_names(reader, object, "users");
	class->program = read_text(reader, object, "program");
	if (!class->program) {
		type_error(reader, "program", "a string");
		class->program = "";
	}
	class->exe = read_text(reader, object, "exe");
	/* A glob without / would match other programs too. */
	if (class->exe && class->exe[0] != '/')
		class->exe = NULL;
	if (read_text(reader, object, "rule") &&
	    json_array_append(class->rules, json_object_get(object, "rule")))
		return false;
	class->processes = read_count(reader, object, "processes");
	class->cpu_ns = read_count(reader, object, "cpu_ns");
	read_streak(reader, object, "longest", &class->longest);
	read_streak(reader, object, "running", &class->running);
	read_streak(reader, object, "awake", &class->awake);
	if (!names_merge(class->units, units) || !read_bins(reader, object, class))
		return false;
	if (class->bins_count && class->longest.ns < (long long)last_lower(class))
		class->longest = (struct streak){ .ns = (long long)last_lower(class),
						  .time_ns = INCIDENT_UNKNOWN,
						  .pid = INCIDENT_UNKNOWN };
	return true;
}

static void class_done(struct streak_class *class)
{
	json_decref(class->rules);
	json_decref(class->units);
	free(class->bins);
}

/* By what a rule matches: the path, or the name if that is unknown, which comes behind. */
static int by_program(const void *a, const void *b)
{
	const struct streak_class *left = a, *right = b;

	if (left->exe && right->exe)
		return strcmp(left->exe, right->exe);
	return left->exe ? -1 : right->exe ? 1 : strcmp(left->program, right->program);
}

static int by_cpu(const void *a, const void *b)
{
	const struct streak_class *left = a, *right = b;

	/*
	 * A rule without a path matches all programs of the name, so it comes behind the rules
	 * of these.
	 */
	if (!left->exe != !right->exe)
		return left->exe ? -1 : 1;
	if (left->cpu_ns != right->cpu_ns)
		return left->cpu_ns < right->cpu_ns ? 1 : -1;
	return by_program(a, b);
}

static bool merge_bins(struct streak_class *into, const struct streak_class *from)
{
	size_t room = into->bins_count + from->bins_count, i = 0, k = 0, n = 0;
	struct streak_bin *bins = calloc(room ? room : 1, sizeof(*bins));

	if (!bins)
		return false;
	while (i < into->bins_count || k < from->bins_count) {
		if (k == from->bins_count ||
		    (i < into->bins_count && into->bins[i].lower <= from->bins[k].lower))
			bins[n] = into->bins[i++];
		else
			bins[n] = from->bins[k++];
		if (n && bins[n - 1].lower == bins[n].lower)
			bins[n - 1].count += bins[n].count;
		else
			n++;
	}
	free(into->bins);
	into->bins = bins;
	into->bins_count = n;
	return true;
}

static bool merge(struct streak_class *into, const struct streak_class *from)
{
	if (!names_merge(into->rules, from->rules) || !names_merge(into->units, from->units) ||
	    !merge_bins(into, from))
		return false;
	into->processes += from->processes;
	into->cpu_ns += from->cpu_ns;
	into->streaks += from->streaks;
	if (from->longest.ns > into->longest.ns)
		into->longest = from->longest;
	if (from->running.ns > into->running.ns)
		into->running = from->running;
	if (from->awake.ns > into->awake.ns)
		into->awake = from->awake;
	return true;
}

/* Makes one class of those that differ only in their rule. */
static bool merge_classes(struct streaks_file *file)
{
	bool merged = true;
	size_t i, n = 0;

	if (!file->count)
		return true;
	qsort(file->classes, file->count, sizeof(*file->classes), by_program);
	for (i = 1; i < file->count; i++) {
		if (by_program(&file->classes[n], &file->classes[i])) {
			file->classes[++n] = file->classes[i];
		} else {
			merged = merged && merge(&file->classes[n], &file->classes[i]);
			class_done(&file->classes[i]);
		}
	}
	file->count = n + 1;
	qsort(file->classes, file->count, sizeof(*file->classes), by_cpu);
	return merged;
}

static void read_days(struct json_reader *reader, struct streaks_file *file)
{
	json_t *array = read_array(reader, file->root, "days"), *object;
	char time[RFC3339_LEN];
	const char *date;
	double seconds;
	long long ns;
	size_t i;

	reader->where = "days";
	for (i = 0; i < json_array_size(array); i++) {
		object = read_element(reader, array, i);
		date = read_text(reader, object, "date");
		snprintf(time, sizeof(time), "%sT00:00:00Z", date ? date : "");
		if (!rfc3339_parse(time, &ns)) {
			type_error(reader, "date", "a date such as \"2026-11-28\"");
			return;
		}
		seconds = read_count(reader, object, "seconds");
		/* A day of a time zone can have an hour more. */
		if (seconds > DAY_SECONDS + 3600)
			type_error(reader, "seconds", "at most the seconds of a day");
		file->seconds += seconds;
		/* 1970 began with a Thursday. */
		file->weekday_seconds[(ns / MAZE_NSEC_PER_SEC / DAY_SECONDS + 4) % 7] += seconds;
	}
}

static bool read_classes(struct json_reader *reader, struct streaks_file *file)
{
	json_t *array = read_array(reader, file->root, "classes");
	size_t i;

	reader->where = "classes";
	if (!array_room(array, sizeof(*file->classes), &file->classes, &file->count))
		return false;
	for (i = 0; i < file->count; i++) {
		if (!read_class(reader, read_element(reader, array, i), &file->classes[i]))
			return false;
		file->processes += file->classes[i].processes;
	}
	return true;
}

static int check_version(const json_t *root, struct maze_error *error)
{
	json_t *version = json_object_get(root, "version");

	if (!json_is_integer(version))
		return maze_fail(error, -EINVAL, "not " WHAT ": the key \"version\" is missing");
	if (json_integer_value(version) != VERSION)
		return maze_fail(error, -EPROTONOSUPPORT,
				 "format version %lld; this maze reads version %d",
				 (long long)json_integer_value(version), VERSION);
	return 0;
}

static int read_file(struct streaks_file *file, struct maze_error *error)
{
	struct json_reader reader = { 0 };
	int err = check_version(file->root, error);

	if (err)
		return err;
	file->host = read_text(&reader, file->root, "host");
	file->from_ns = read_time(&reader, file->root, "from");
	file->to_ns = read_time(&reader, file->root, "to");
	if (file->from_ns < 0 || file->to_ns < file->from_ns)
		type_error(&reader, "to", "a time behind \"from\", both as in RFC 3339");
	read_days(&reader, file);
	if (!read_classes(&reader, file))
		return maze_fail(error, -ENOMEM, "out of memory");
	if (reader.wrong_key)
		return json_reader_fail(&reader, WHAT, error);
	return merge_classes(file) ? 0 : maze_fail(error, -ENOMEM, "out of memory");
}

int streaks_file_from_json(json_t *root, struct streaks_file **ret_file, struct maze_error *error)
{
	struct streaks_file *file = calloc(1, sizeof(*file));
	int err;

	if (!file)
		return maze_fail(error, -ENOMEM, "out of memory");
	file->root = json_incref(root);
	err = read_file(file, error);
	if (err) {
		streaks_file_free(file);
		return err;
	}
	*ret_file = file;
	return 0;
}

int streaks_file_parse(const char *text, size_t size, struct streaks_file **ret_file,
		       struct maze_error *error)
{
	json_error_t json_error;
	json_t *root = json_loadb(text, size, 0, &json_error);
	int err;

	if (!root)
		return json_syntax_fail(WHAT, &json_error, error);
	err = streaks_file_from_json(root, ret_file, error);
	json_decref(root);
	return err;
}

int streaks_file_load(const char *path, struct streaks_file **ret_file, struct maze_error *error)
{
	size_t size;
	char *text;
	int err = file_text_read(AT_FDCWD, path, 0, STREAKS_FILE_MAX, &text, &size, error);

	if (err)
		return err;
	err = streaks_file_parse(text, size, ret_file, error);
	free(text);
	return err;
}

void streaks_file_free(struct streaks_file *file)
{
	size_t i;

	for (i = 0; i < file->count; i++)
		class_done(&file->classes[i]);
	free(file->classes);
	json_decref(file->root);
	free(file);
}
