/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `events` prints the records that the pinned engine keeps, and with
 * --follow also new records. If mazed runs, maze gets the records from mazed. With --file or
 * --journal it reads those that mazed has logged.
 */
#include "event.h"
#include "mazed_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/standard_streams.h"

static int print_kept(struct event_output *output, struct maze *maze, struct maze_reader *reader)
{
	struct maze_record record;
	int err = 0;
	char *json;

	while (!err && maze_reader_next(reader, &record) == 1) {
		json = maze_record_json(&record, maze_engine_name(maze));
		err = json ? event_output_put_text(output, json) : -ENOMEM;
		free(json);
	}
	return err;
}

static int follow(struct event_output *output, struct maze *maze, struct maze_reader *reader)
{
	struct pollfd fds[] = {
		{ .fd = maze_reader_fd(reader), .events = POLLIN },
		{ .fd = maze_service_fd(maze), .events = POLLIN },
		{ .fd = maze_gone_fd(maze), .events = POLLIN },
		/* POLLERR: standard output is a pipe, and its reader has exited. */
		{ .fd = STDOUT_FILENO },
	};
	int timeout = -1, err;

	for (;;) {
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), timeout) < 0 && errno != EINTR)
			return -errno;
		if (fds[3].revents) {
			standard_output_fail();
			return -EPIPE;
		}
		timeout = fds[1].fd >= 0 ? maze_service(maze) : -1;
		err = print_kept(output, maze, reader);
		if (err || maze_gone(maze))
			return err;
	}
}

static int print_from_engine(struct event_output *output, const struct options *options)
{
	const struct command *command = output->command;
	struct maze_error error = { "" };
	struct maze_reader *reader;
	struct maze *maze;
	int err;

	err = maze_open(options->engine, MAZE_EXISTING, &maze, &error);
	if (err) {
		print_error(command, "%s", error.text);
		/* Without an engine there are no records, which is not a failure. */
		return err == -ENOENT ? 0 : err;
	}
	err = maze_reader_open(maze, true, &reader, &error);
	if (err) {
		print_error(command, "%s", error.text);
		goto out_close;
	}
	err = print_kept(output, maze, reader);
	if (!err && options->follow)
		err = follow(output, maze, reader);
	maze_reader_close(reader);
out_close:
	maze_close(maze);
	return err;
}

static int print_from_mazed(struct event_output *output, struct mazed_client *client,
			    const struct options *options)
{
	json_t *record;
	int err;

	client->follows = options->follow;
	if (!mazed_call(client, json_pack("{s:s,s:b,s:b}", "do", "events", "kept", 1, "follow",
					  options->follow)))
		return -EPROTO;
	while ((err = mazed_next(client, "record", &record)) == 1) {
		err = event_output_put(output, record);
		if (!err && output->malformed)
			err = mazed_refuse(client, "record", record);
		json_decref(record);
		if (err)
			return err;
	}
	return err;
}

/* The engine knows neither rules nor units, and actions are only in the log. */
static int check_source(const struct command *command, const struct options *options,
			const struct event_output *output, bool mazed)
{
	const char *option = options->rule ? "rule" : options->unit ? "unit" : NULL;

	if (option && !mazed)
		return usage_error(command, "--%s needs mazed, --file or --journal", option);
	if (output->filter.kinds == 1U << EVENT_ACTION)
		return usage_error(command, "only mazed's log has actions: use --file or "
					    "--journal");
	return 0;
}

static int print_live(struct event_output *output, const struct options *options)
{
	static struct mazed_client client;
	int err = mazed_connect(&client, output->command, options), status;

	if (err < 0)
		return EXIT_MAZE_FAILED;
	status = check_source(output->command, options, output, err);
	if (!status && err)
		status = print_from_mazed(output, &client, options) ? EXIT_MAZE_FAILED : 0;
	else if (!status)
		status = print_from_engine(output, options) ? EXIT_MAZE_FAILED : 0;
	if (err)
		mazed_disconnect(&client);
	return status;
}

static int check_options(const struct command *command, const struct options *options)
{
	if (!options->file && !options->journal)
		return 0;
	if (options->file && options->journal)
		return usage_error(command, "--file and --journal exclude each other");
	if (options->socket || options->direct || strcmp(options->engine, "auto") != 0)
		return usage_error(command,
				   "--%s reads what mazed has logged; --socket, --direct "
				   "and --engine do not: choose one",
				   options->file ? "file" : "journal");
	if (options->file && options->follow)
		return usage_error(command, "--follow does not follow a file; use tail -F FILE | "
					    "maze events --file -");
	return 0;
}

int cmd_events(const struct command *command, struct options *options, int argc, char **argv)
{
	int status = check_options(command, options);
	struct event_output output;

	(void)argc;
	(void)argv;
	if (!status)
		status = event_output_init(&output, command, options);
	if (status)
		return status;
	if (options->file)
		return events_from_file(&output, options->file) ? EXIT_MAZE_FAILED : EXIT_MAZE_OK;
	if (options->journal)
		return events_from_journal(&output, options->follow) ? EXIT_MAZE_FAILED
								     : EXIT_MAZE_OK;
	return print_live(&output, options);
}
