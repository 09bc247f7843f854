/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of a record, in the order of its JSON. Each field is one row. The table
 * defines the JSON and its parser, the journal fields, and the environment of commands.
 * make lint compares maze(1) with the table.
 */
#ifndef MAZE_LIB_RECORD_TABLE_H
#define MAZE_LIB_RECORD_TABLE_H

#include "maze.h"

enum record_field_type {
	RECORD_NUMBER,
	RECORD_FLAG,
	RECORD_TIME,
	RECORD_EVENT,
	RECORD_SCOPE, /* of a group only */
	RECORD_COMM,
	RECORD_SIGNAL, /* the name; the parser reads signal_number instead */
	RECORD_NOT_SENT,
	RECORD_SHARE,
	RECORD_ENGINE, /* not in struct maze_record */
};

struct record_field {
	const char *key;
	const char *variable; /* in the journal and the environment; NULL: JSON only */
	enum record_field_type type;
	size_t offset, size;
	maze_u32 flag;	     /* of RECORD_FLAG */
	unsigned int events; /* events with the field, as 1 << event; 0: all */
	unsigned int scopes; /* scopes with the field, as 1 << scope; 0: all */
	/* The field may be missing if this key is missing, as in older versions. */
	const char *optional_with;
};

/* A NULL key ends the table. */
extern const struct record_field record_table[];

/* True if the JSON of this record has the field. */
bool record_has_field(const struct maze_record *record, const struct record_field *field);
/* Returns the value of a number, or 1 for a flag that is set. */
maze_u64 record_get(const struct maze_record *record, const struct record_field *field);

#endif
