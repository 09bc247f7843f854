/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads what maze top shows, from mazed or from the engine. If the source goes away, the
 * rows stay as they are, and each refresh tries again.
 */
#ifndef MAZE_CLI_TOP_DATA_H
#define MAZE_CLI_TOP_DATA_H

#include "mazed_client.h"
#include "top_rows.h"
#include "top_text.h"

/* The verdicts that are kept. */
#define TOP_RECORDS 256

/* Begin with only `command` and `options` set. */
struct top_data {
	const struct command *command;
	const struct options *options;
	struct mazed_client client; /* for lists; not connected: the engine is used */
	struct mazed_client events; /* follows records */
	bool is_connected;
	struct maze *maze;
	struct maze_reader *reader;
	struct top_rows rows;
	struct top_machine machine;
	struct maze_record records[TOP_RECORDS]; /* a ring of verdicts and losses */
	size_t records_count;			 /* of all that were read */
	unsigned int refreshes;
};

/* Reads a list. Returns 0, or -errno and a message. `rows` can be moved. */
int top_data_refresh(struct top_data *data, struct maze_error *error);
/* A descriptor that is readable when there may be records; -1: none. */
int top_data_fd(const struct top_data *data);
/* Reads new records. Returns true if more may be left. */
bool top_data_read_records(struct top_data *data);
/* A record of the ring, 0: the newest. NULL: there are not so many. */
const struct maze_record *top_data_record(const struct top_data *data, size_t back);
void top_data_close(struct top_data *data);

#endif
