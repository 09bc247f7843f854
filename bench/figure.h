/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One figure of the benchmark as JSON on standard output: a table of numbers with a
 * name for each row and column, samples to plot, notes, and what was to be shown.
 * Whoever prints or plots figures knows nothing of how they were measured.
 */
#ifndef MAZE_BENCH_FIGURE_H
#define MAZE_BENCH_FIGURE_H

#include <stddef.h>

struct figure;

/* The name is that of its files; the title is for people. Ends the program without memory. */
struct figure *figure_new(const char *name, const char *title);
/* Columns come before rows; `digits` after the point when printed. */
void figure_column(struct figure *figure, const char *head, int digits);
/* One value a column, NAN for none; the note may be NULL. */
void figure_row(struct figure *figure, const char *name, const double *values, const char *note);
/* Single values behind a row, for plots of their distribution. */
void figure_samples(struct figure *figure, const char *name, const double *values, size_t n);
void figure_note(struct figure *figure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* What is to be shown: `value` at most `limit`, and where it lies with 95 % confidence. */
void figure_target(struct figure *figure, const char *what, double value, double low, double high,
		   double limit);
/* Writes it and frees it. */
void figure_print(struct figure *figure);

#endif
