/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pages. Each returns HTML, which the caller frees, and its size; NULL: out of memory,
 * or an error as its comment says.
 */
#ifndef MAZE_EXPORTER_PAGES_H
#define MAZE_EXPORTER_PAGES_H

#include "incident_index.h"

char *page_live(size_t *ret_size);
/*
 * The incidents whose columns contain `filter`, which may be NULL, in any case; if `before`
 * is not NULL, those with lesser IDs.
 */
char *page_incidents(const struct incident_index *index, const char *filter, const char *before,
		     size_t *ret_size);
/* The page of maze report --html. On error, *ret_err is -errno. */
char *page_incident(const struct incident_index *index, const char *id, size_t *ret_size,
		    int *ret_err, struct maze_error *error);

#endif
