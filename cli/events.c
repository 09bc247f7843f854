/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `events` prints the records that the pinned engine keeps, and with
 * --follow also new records. If mazed runs, maze gets the records from mazed.
 */
#include "mazed_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/standard_streams.h"

static int print_kept(const struct options *options, struct maze *maze, struct maze_reader *reader)
{
	struct maze_record record;

	while (maze_reader_next(reader, &record) == 1)
		if (!print_record(stdout, "", &record, maze_engine_name(maze), options->json))
			return -errno;
	return 0;
}

static int follow(const struct options *options, struct maze *maze, struct maze_reader *reader)
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
		err = print_kept(options, maze, reader);
		if (err || maze_gone(maze))
			return err;
	}
}

static int print_from_engine(const struct command *command, const struct options *options)
{
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
	err = print_kept(options, maze, reader);
	if (!err && options->follow)
		err = follow(options, maze, reader);
	maze_reader_close(reader);
out_close:
	maze_close(maze);
	return err;
}

static int print_from_mazed(struct mazed_client *client, const struct options *options)
{
	struct maze_error error = { "" };
	struct maze_record record;
	char *json = NULL;
	int err;

	client->follows = options->follow;
	if (!mazed_call(client, json_pack("{s:s,s:b,s:b}", "do", "events", "kept", 1, "follow",
					  options->follow)))
		return -EPROTO;
	while ((err = mazed_next(client, "record", &json)) == 1) {
		err = maze_record_parse(json, &record, &error);
		free(json);
		if (err) {
			print_error(client->command, "mazed at %s: %s", client->path, error.text);
			return err;
		}
		if (!print_record(stdout, "", &record, client->engine ? client->engine : "unknown",
				  options->json))
			return -errno;
	}
	return err;
}

int cmd_events(const struct command *command, struct options *options, int argc, char **argv)
{
	static struct mazed_client client;
	int err;

	(void)argc;
	(void)argv;
	err = mazed_connect(&client, command, options);
	if (err == 1) {
		err = print_from_mazed(&client, options);
		mazed_disconnect(&client);
	} else if (!err) {
		err = print_from_engine(command, options);
	}
	return err ? EXIT_MAZE_FAILED : EXIT_MAZE_OK;
}
