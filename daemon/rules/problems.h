/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The problems of a configuration. Each has a file, a line, a key and a text. An error
 * makes mazed refuse the whole configuration. A note reports a setting that has no
 * effect, or that the built-in rules are used. The numbers of errors and notes include
 * problems that were not kept.
 */
#ifndef MAZE_DAEMON_PROBLEMS_H
#define MAZE_DAEMON_PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

/* A binary file can have a problem in each line, so only the first problems are kept. */
#define PROBLEMS_KEPT_MAX 1000

enum problem_kind {
	PROBLEM_ERROR, /* the configuration is refused */
	PROBLEM_NOTE,  /* the configuration is accepted */
};

struct problem {
	enum problem_kind kind;
	char *file;
	unsigned int line; /* from 1; 0: the whole file */
	char *key;	   /* NULL: not about one key */
	char *text;	   /* no full stop, no newline */
	size_t order;	   /* the order of adding */
};

struct problems {
	struct problem *items;
	size_t count;
	size_t errors; /* including those that were not kept */
	size_t notes;
};

void problems_init(struct problems *problems);
void problems_done(struct problems *problems);
void problems_add(struct problems *problems, enum problem_kind kind, const char *file,
		  unsigned int line, const char *key, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* Sorts by file, line, and order of adding. Drop-ins come after the main file. */
void problems_sort(struct problems *problems);
/*
 * Prints a line "FILE:LINE: KEY: text" for each problem, and the number of problems that
 * were not kept.
 */
void problems_print(const struct problems *problems, FILE *out);

#endif
