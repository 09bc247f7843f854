/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One figure of the benchmark as JSON on standard output: a table of numbers with named
 * rows and columns, samples to plot, notes, and targets. Programs that print or plot
 * figures do not depend on how they were measured.
 */
#ifndef MAZE_BENCH_FIGURE_H
#define MAZE_BENCH_FIGURE_H

#include <stddef.h>

struct figure;

/*
 * The name is the base name of its files; the title is shown. Ends the program without
 * memory.
 */
struct figure *figure_new(const char *name, const char *title);
/* Columns come before rows; `digits` after the point when printed. */
void figure_column(struct figure *figure, const char *head, int digits);
/* One value for each column, NAN for no value; the note may be NULL. */
void figure_row(struct figure *figure, const char *name, const double *values, const char *note);
/* The single values of a row, for plots of their distribution. */
void figure_samples(struct figure *figure, const char *name, const double *values, size_t n);
void figure_note(struct figure *figure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A target: `value` at most `limit`, with its 95 % confidence interval. */
void figure_target(struct figure *figure, const char *what, double value, double low, double high,
		   double limit);
/* Writes the figure and frees it. */
void figure_print(struct figure *figure);

#endif
