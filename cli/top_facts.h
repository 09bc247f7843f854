/* SPDX-License-Identifier: GPL-2.0-only */
/* What maze top reads of a watched task itself: CPU time, user, control group and unit. */
#ifndef MAZE_CLI_TOP_FACTS_H
#define MAZE_CLI_TOP_FACTS_H

#include "lib/origin.h"
#include "top_rows.h"

/*
 * Reads the CPU time of the row, and what else is due. Of a row that is not new, that is
 * little, and differs by `turn`, so that a refresh with a thousand rows is cheap.
 */
void top_facts_read(struct top_row *row, size_t turn);
/* The time at which the process began, CLOCK_BOOTTIME; 0: unknown. */
maze_u64 top_facts_began_ns(const struct top_row *row);
/* Finds unit, container and pod of the row's control group. False: it is unknown. */
bool top_facts_origin(const struct top_row *row, struct origin *ret_origin);
/* Forgets the names of users, to which rows refer. */
void top_facts_free(void);

#endif
