/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes one figure as JSON; see figure.h.
 */
#include "figure.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct figure {
	json_t *root, *columns, *rows, *samples, *notes, *targets;
};

static json_t *checked(json_t *value)
{
	if (!value) {
		fprintf(stderr, "out of memory, or invalid UTF-8\n");
		exit(1);
	}
	return value;
}

static json_t *number(double value)
{
	return checked(isfinite(value) ? json_real(value) : json_null());
}

static json_t *add(json_t *root, const char *key, json_t *value)
{
	json_object_set_new(root, key, checked(value));
	return value;
}

struct figure *figure_new(const char *name, const char *title)
{
	struct figure *figure = calloc(1, sizeof(*figure));

	if (!figure)
		abort();
	figure->root = checked(json_object());
	add(figure->root, "figure", json_string(name));
	add(figure->root, "title", json_string(title));
	figure->columns = add(figure->root, "columns", json_array());
	figure->rows = add(figure->root, "rows", json_array());
	figure->targets = add(figure->root, "targets", json_array());
	figure->notes = add(figure->root, "notes", json_array());
	figure->samples = add(figure->root, "samples", json_object());
	return figure;
}

void figure_column(struct figure *figure, const char *head, int digits)
{
	json_t *column = checked(json_object());

	add(column, "head", json_string(head));
	add(column, "digits", json_integer(digits));
	json_array_append_new(figure->columns, column);
}

void figure_row(struct figure *figure, const char *name, const double *values, const char *note)
{
	json_t *row = checked(json_object()), *array;
	size_t i, n = json_array_size(figure->columns);

	add(row, "name", json_string(name));
	array = add(row, "values", json_array());
	for (i = 0; i < n; i++)
		json_array_append_new(array, number(values[i]));
	if (note)
		add(row, "note", json_string(note));
	json_array_append_new(figure->rows, row);
}

void figure_samples(struct figure *figure, const char *name, const double *values, size_t n)
{
	json_t *array = add(figure->samples, name, json_array());
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(array, number(values[i]));
}

void figure_note(struct figure *figure, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(figure->notes, checked(json_string(text)));
}

void figure_target(struct figure *figure, const char *what, double value, double low, double high,
		   double limit)
{
	json_t *target = checked(json_object());

	add(target, "what", json_string(what));
	add(target, "value", number(value));
	add(target, "low", number(low));
	add(target, "high", number(high));
	add(target, "at_most", number(limit));
	add(target, "met", json_boolean(value <= limit));
	json_array_append_new(figure->targets, target);
}

void figure_print(struct figure *figure)
{
	json_dumpf(figure->root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(figure->root);
	free(figure);
}
