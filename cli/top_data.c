/* SPDX-License-Identifier: GPL-2.0-only */
#include "top_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "lib/json_get.h"
#include "lib/record_parse.h"
#include "top_facts.h"

/* mazed that does not answer holds up the keys for no longer. */
#define ANSWER_SECONDS 2
/* Records that one call reads, so that many of them do not hold up the keys. */
#define RECORDS_AT_ONCE 512

/* ---- the source -------------------------------------------------------------------- */

static void close_engine(struct top_data *data)
{
	maze_reader_close(data->reader);
	maze_close(data->maze);
	data->reader = NULL;
	data->maze = NULL;
}

static void close_mazed(struct top_data *data)
{
	if (data->is_connected) {
		mazed_disconnect(&data->client);
		mazed_disconnect(&data->events);
	}
	data->is_connected = false;
	data->machine.version[0] = '\0';
}

/* The kept records come again from each source. */
static void forget_records(struct top_data *data)
{
	data->records_count = 0;
	data->machine.lost = 0;
}

/* Connects twice, because no request is possible behind one that follows records. */
static int open_mazed(struct top_data *data, struct maze_error *error)
{
	int err;

	data->client.error = data->events.error = error;
	data->client.patience_s = data->events.patience_s = ANSWER_SECONDS;
	err = mazed_connect(&data->client, data->command, data->options);
	/* mazed is meant to run, because the user has named its socket. */
	data->machine.uses_mazed |= err < 0;
	if (err != 1)
		return err;
	err = mazed_connect(&data->events, data->command, data->options);
	if (err != 1) {
		mazed_disconnect(&data->client);
		return err;
	}
	data->is_connected = data->machine.uses_mazed = true;
	close_engine(data);
	forget_records(data);
	if (mazed_call(&data->events,
		       json_pack("{s:s,s:b,s:b}", "do", "events", "kept", 1, "follow", 1)))
		return 1;
	close_mazed(data);
	return -EPROTO;
}

static int open_engine(struct top_data *data, struct maze_error *error)
{
	int err = maze_open(data->options->engine, MAZE_EXISTING, &data->maze, error);

	if (err)
		return err;
	forget_records(data);
	err = maze_reader_open(data->maze, true, &data->reader, error);
	if (err)
		close_engine(data);
	return err;
}

/* Prefers mazed, also when it comes back. 0: there is a source. -ENOENT: none is there. */
static int open_source(struct top_data *data, struct maze_error *error)
{
	int err = data->is_connected ? 1 : open_mazed(data, error);

	if (err < 0)
		return err;
	if (data->maze && maze_gone(data->maze))
		close_engine(data);
	return err == 1 || data->maze ? 0 : open_engine(data, error);
}

/* ---- lists ------------------------------------------------------------------------- */

static int read_mazed(struct top_data *data, struct listing *listing)
{
	struct top_machine *machine = &data->machine;
	const char *version;
	json_t *status;
	int err = listing_from_mazed(&data->client, listing);

	if (err)
		return err;
	status = mazed_ask(&data->client, json_pack("{s:s}", "do", "status"));
	if (!status)
		return -EPROTO;
	version = json_text(status, "version");
	snprintf(machine->version, sizeof(machine->version), "%s", version ? version : "?");
	machine->rules = json_number(status, "rules");
	machine->watched = json_number(status, "watched");
	machine->verdicts = json_number(status, "verdicts");
	machine->signals = json_number(status, "signals");
	machine->lost = (maze_u64)json_number(status, "lost");
	json_decref(status);
	return 0;
}

static int read_engine(struct top_data *data, struct listing *listing, struct maze_error *error)
{
	struct maze_counts counts;
	int err = listing_from_engine(data->maze, listing, error);

	if (!err)
		err = maze_counts(data->maze, &counts, error);
	if (err)
		return err;
	data->machine.watched = (long long)counts.watched;
	data->machine.verdicts = (long long)counts.verdicts;
	data->machine.signals = (long long)counts.signals;
	return 0;
}

/* The newest verdict on a row that was not there when the record was read. */
static void find_verdict(const struct top_data *data, struct top_row *row)
{
	const struct maze_record *record;
	size_t i;

	/* A verdict from before the process began is of another one with its PID. */
	for (i = 0; (record = top_data_record(data, i)); i++)
		if (top_rows_find(&(struct top_rows){ row, 1 }, record) &&
		    record->boot_ns >= top_facts_began_ns(row)) {
			row->verdict_ns = record->boot_ns;
			return;
		}
}

static void take(struct top_data *data, const struct listing *listing)
{
	size_t i;

	snprintf(data->machine.engine, sizeof(data->machine.engine), "%s", listing->engine);
	data->machine.groups = listing->groups_count;
	for (i = 0; i < data->rows.count; i++) {
		struct top_row *row = &data->rows.rows[i];
		bool is_new = row->is_new;

		top_facts_read(row, i + data->refreshes);
		if (is_new)
			find_verdict(data, row);
	}
	data->refreshes++;
}

int top_data_refresh(struct top_data *data, struct maze_error *error)
{
	struct listing listing = { .engine = "" };
	int err = open_source(data, error);

	if (!err) {
		data->client.error = error;
		err = data->is_connected ? read_mazed(data, &listing)
					 : read_engine(data, &listing, error);
		if (err) {
			close_mazed(data);
			close_engine(data);
		}
	} else if (err == -ENOENT && !data->machine.uses_mazed) {
		/* Without an engine there are no watches, so the list is empty. */
		err = 0;
	}
	if (!err && top_rows_update(&data->rows, &listing))
		err = maze_fail(error, -ENOMEM, "out of memory");
	if (!err)
		take(data, &listing);
	listing_free(&listing);
	return err;
}

/* ---- records ----------------------------------------------------------------------- */

static void add_record(struct top_data *data, const struct maze_record *record)
{
	bool verdict = record->event == MAZE_EVENT_SOFT || record->event == MAZE_EVENT_HARD;
	struct top_row *row;

	if (!verdict && record->event != MAZE_EVENT_LOST)
		return;
	data->records[data->records_count++ % TOP_RECORDS] = *record;
	/* mazed has its own count, in its status. */
	if (data->maze && !verdict && !record->tid)
		data->machine.lost += record->lost;
	row = verdict ? top_rows_find(&data->rows, record) : NULL;
	if (row)
		row->verdict_ns = record->boot_ns;
}

/* Returns 1 and a record, 0 if there is none now, or -errno. */
static int next_record(struct top_data *data, struct maze_record *record)
{
	long long wall_ns;
	json_t *object;
	int err;

	if (data->reader)
		return maze_reader_next(data->reader, record);
	if (!data->is_connected || !mazed_is_ready(&data->events))
		return 0;
	err = mazed_next(&data->events, "record", &object);
	if (err != 1)
		return err ? err : -EPROTO;
	err = record_parse_object(object, record, &wall_ns);
	json_decref(object);
	return err ? err : 1;
}

bool top_data_read_records(struct top_data *data)
{
	struct maze_error ignored = { "" };
	struct maze_record record;
	int i, found = 0;

	data->events.error = &ignored;
	for (i = 0; i < RECORDS_AT_ONCE && (found = next_record(data, &record)) == 1; i++)
		add_record(data, &record);
	/* The next refresh connects again, and has the message if that fails. */
	if (found < 0)
		close_mazed(data);
	return found == 1;
}

int top_data_fd(const struct top_data *data)
{
	if (data->reader)
		return maze_reader_fd(data->reader);
	return data->is_connected ? data->events.fd : -1;
}

const struct maze_record *top_data_record(const struct top_data *data, size_t back)
{
	if (back >= data->records_count || back >= TOP_RECORDS)
		return NULL;
	return &data->records[(data->records_count - 1 - back) % TOP_RECORDS];
}

void top_data_close(struct top_data *data)
{
	close_mazed(data);
	close_engine(data);
	top_rows_free(&data->rows);
	top_facts_free();
}
