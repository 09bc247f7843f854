/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong with a configuration, as a list: file, line, key and a sentence.
 * A list with errors means that nothing of the configuration may be used; notes
 * are about what can be used but has no effect. The counts are right even when
 * there was no room or memory to keep every sentence.
 */
#ifndef MAZE_DAEMON_PROBLEMS_H
#define MAZE_DAEMON_PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

/*
 * More than a person reads at once; a file that is no configuration at all (a
 * binary, say) must not turn into as many sentences as it has lines.
 */
#define PROBLEMS_KEPT_MAX 1000

enum problem_kind {
	PROBLEM_ERROR, /* the configuration is refused */
	PROBLEM_NOTE,  /* it is taken, but this has no effect */
};

struct problem {
	enum problem_kind kind;
	char *file;
	unsigned int line; /* from 1; 0: the file as a whole */
	char *key;	   /* NULL: no one key */
	char *text;	   /* no full stop, no newline */
	size_t order;	   /* in which they were added */
};

struct problems {
	struct problem *items;
	size_t count;
	size_t errors; /* also those that were not kept */
	size_t notes;
};

void problems_init(struct problems *problems);
void problems_done(struct problems *problems);
void problems_add(struct problems *problems, enum problem_kind kind, const char *file,
		  unsigned int line, const char *key, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* By file, line, and order of adding: as one reads. Drop-ins come after their file. */
void problems_sort(struct problems *problems);
/* One line each, "FILE:LINE: KEY: sentence", and how many were not kept. */
void problems_print(const struct problems *problems, FILE *out);

#endif
