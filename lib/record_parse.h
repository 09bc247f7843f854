/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses records of any boot, from a log file or the journal. */
#ifndef MAZE_LIB_RECORD_PARSE_H
#define MAZE_LIB_RECORD_PARSE_H

#include <jansson.h>

#include "maze.h"

/*
 * Does what maze_record_parse() does, and sets *ret_wall_ns to the time of the record in ns
 * since 1970. The record may be of an earlier boot; its boot_ns is then 0. -EINVAL: malformed.
 */
int record_parse_object(const json_t *object, struct maze_record *ret_record,
			long long *ret_wall_ns);

#endif
