/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints figures as tables, and after them all targets and whether they are met. Beside
 * each NAME.json it writes NAME.tsv (the rows) and NAME.samples.tsv (one column for each
 * name) for gnuplot.
 *
 * usage: table FILE.json...
 * Exit status: 0, also with an unmet target; 1: a file is not a figure.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* The width of the longest row name. */
#define NAME_WIDTH 46

static double number_in(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int width_of(const json_t *column)
{
	int width = (int)strlen(text_in(column, "head"));

	return width < 9 ? 11 : width + 2;
}

static void print_cell(const json_t *column, const json_t *value)
{
	int width = width_of(column);

	if (json_is_number(value))
		printf("%*.*f", width, (int)number_in(column, "digits"), json_number_value(value));
	else
		printf("%*s", width, "-");
}

static void print_figure(const json_t *figure)
{
	const json_t *columns = json_object_get(figure, "columns"), *row, *item;
	size_t i, k;

	printf("\n== %s\n%-*s", text_in(figure, "title"), NAME_WIDTH, "");
	json_array_foreach(columns, i, item)
		printf("%*s", width_of(item), text_in(item, "head"));
	putchar('\n');
	json_array_foreach(json_object_get(figure, "rows"), i, row) {
		printf("%-*s", NAME_WIDTH, text_in(row, "name"));
		json_array_foreach(columns, k, item)
			print_cell(item, json_array_get(json_object_get(row, "values"), k));
		if (json_object_get(row, "note"))
			printf("  %s", text_in(row, "note"));
		putchar('\n');
	}
	json_array_foreach(json_object_get(figure, "notes"), i, item)
		printf("  %s\n", json_string_value(item));
}

/* With the limit between the bounds, this run shows neither. */
static const char *judge(const json_t *target)
{
	double limit = number_in(target, "at_most"), low = number_in(target, "low");
	double high = number_in(target, "high");

	if (isnan(low) || isnan(high))
		return number_in(target, "value") <= limit ? "met" : "NOT MET";
	if (high <= limit)
		return "met";
	if (low > limit)
		return "NOT MET";
	return number_in(target, "value") <= limit ? "met, not beyond doubt"
						   : "not met, not beyond doubt";
}

static void print_targets(const json_t *figure)
{
	const json_t *target;
	size_t i;

	json_array_foreach(json_object_get(figure, "targets"), i, target) {
		printf("%-60s %9.3f", text_in(target, "what"), number_in(target, "value"));
		if (json_is_number(json_object_get(target, "low")))
			printf(" (%.3f to %.3f)", number_in(target, "low"),
			       number_in(target, "high"));
		printf(", at most %.3f: %s\n", number_in(target, "at_most"), judge(target));
	}
}

static FILE *create(const char *base, const char *end)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%.4000s%s", base, end);
	file = fopen(path, "we");
	if (!file)
		bench_die(path);
	return file;
}

static void put_number(FILE *file, const json_t *value)
{
	if (json_is_number(value))
		fprintf(file, "\t%.9g", json_number_value(value));
	else
		fputs("\t?", file);
}

static void write_rows(const json_t *figure, const char *base)
{
	FILE *file = create(base, ".tsv");
	const json_t *row, *item;
	size_t i, k;

	fputs("name", file);
	json_array_foreach(json_object_get(figure, "columns"), i, item)
		fprintf(file, "\t%s", text_in(item, "head"));
	fputc('\n', file);
	json_array_foreach(json_object_get(figure, "rows"), i, row) {
		fputs(text_in(row, "name"), file);
		json_array_foreach(json_object_get(row, "values"), k, item)
			put_number(file, item);
		fputc('\n', file);
	}
	fclose(file);
}

/* Sorted, each with its rank: a curve of how many are at most that late. */
static void write_samples(json_t *figure, const char *base)
{
	FILE *file = create(base, ".samples.tsv");
	const char *name;
	const json_t *item;
	double *values;
	json_t *array;
	size_t i, n;

	json_object_foreach(json_object_get(figure, "samples"), name, array) {
		n = json_array_size(array);
		values = bench_values(n);
		json_array_foreach(array, i, item)
			values[i] = json_number_value(item);
		bench_quantile(values, n, 0.5);
		fprintf(file, "\"%s\"\n", name);
		for (i = 0; i < n; i++)
			fprintf(file, "%.9g\t%.9g\n", values[i], (double)(i + 1) / (double)n);
		fputs("\n\n", file);
		free(values);
	}
	fclose(file);
}

static json_t *read_figure(const char *path)
{
	json_error_t error;
	json_t *figure = json_load_file(path, 0, &error);

	if (!figure || !json_is_array(json_object_get(figure, "rows")))
		bench_fail("%s is not a figure: %s", path, figure ? "it has no rows" : error.text);
	return figure;
}

int main(int argc, char **argv)
{
	json_t **figures;
	char base[4096];
	int i;

	if (argc < 2)
		bench_fail("usage: table FILE.json...");
	figures = calloc((size_t)argc, sizeof(json_t *));
	if (!figures)
		bench_die("memory");
	for (i = 1; i < argc; i++) {
		figures[i] = read_figure(argv[i]);
		snprintf(base, sizeof(base), "%s", argv[i]);
		if (strlen(base) > 5 && !strcmp(base + strlen(base) - 5, ".json"))
			base[strlen(base) - 5] = '\0';
		print_figure(figures[i]);
		write_rows(figures[i], base);
		write_samples(figures[i], base);
	}
	puts("\n== Targets");
	for (i = 1; i < argc; i++) {
		print_targets(figures[i]);
		json_decref(figures[i]);
	}
	free(figures);
	return 0;
}
