/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `watch` watches running processes, through mazed if mazed runs, else in
 * the pinned engine. If no process can be watched, maze unloads an engine that this
 * command has loaded.
 */
#include "watch.h"
#include "groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int open_pinned(const struct command *command, const struct options *options,
		       struct maze **ret_maze, bool *ret_loaded)
{
	struct maze_error error = { "" };
	int err;

	*ret_loaded = false;
	err = maze_open(options->engine, MAZE_EXISTING, ret_maze, &error);
	/* After -EPERM, try MAZE_PINNED too. Its error names what each engine lacks. */
	if (err == -ENOENT || err == -EPERM) {
		err = maze_open(options->engine, MAZE_PINNED, ret_maze, &error);
		*ret_loaded = !err;
	}
	/* The error of MAZE_PINNED suggests --wait as well. */
	if (err)
		print_error(command, "%s%s", error.text,
			    err == -EACCES && !strcmp(options->engine, "auto")
				    ? "; without root: maze watch --wait"
				    : "");
	return err;
}

static void unload_if_unused(struct maze *maze)
{
	struct maze_entry *entries;
	size_t count;
	bool loaded;

	if (maze_list(maze, &entries, &count, NULL))
		return;
	free(entries);
	if (!count)
		maze_unload(maze_engine_name(maze), &loaded, NULL);
}

static int watch_in_engine(const struct command *command, const struct options *options,
			   const struct watch_targets *targets)
{
	struct maze *maze = NULL;
	int i, watched = 0;
	bool loaded;

	if (open_pinned(command, options, &maze, &loaded))
		return EXIT_MAZE_FAILED;
	for (i = 0; i < targets->count; i++)
		watched += watch_one(command, options, maze, targets, i, 0);
	if (watched)
		start_service(maze);
	else if (loaded)
		unload_if_unused(maze);
	maze_close(maze);
	return watched == targets->count ? EXIT_MAZE_OK : EXIT_MAZE_FAILED;
}

static json_t *watch_request(struct mazed_client *client, const struct options *options,
			     const struct watch_targets *targets, int index)
{
	if (targets->cgroups)
		return cgroup_request(client, "watch", targets->cgroups[index]);
	if (refuse_maze(client->command, targets->pids[index]))
		return NULL;
	return mazed_request(client, "watch", targets->pids[index], options->thread);
}

static int watch_through_mazed(struct mazed_client *client, const struct options *options,
			       const struct watch_targets *targets)
{
	int status = EXIT_MAZE_OK, i;
	json_t *request;

	for (i = 0; i < targets->count; i++) {
		request = watch_request(client, options, targets, i);
		if (request)
			json_object_set_new(request, "policy", mazed_policy(&options->policy));
		if (!mazed_call(client, request))
			status = EXIT_MAZE_FAILED;
	}
	return status;
}

static int watch_now(const struct command *command, const struct options *options,
		     const struct watch_targets *targets)
{
	static struct mazed_client client;
	int status = mazed_connect(&client, command, options);

	if (status < 0)
		return EXIT_MAZE_FAILED;
	if (!status && is_for_group(options)) {
		print_error(command,
			    "--scope %s needs mazed, which is not used here, or --wait: a group is "
			    "measured by the process that watches it",
			    maze_policy_scope_name(maze_policy_scope(options->policy.flags)));
		return EXIT_MAZE_FAILED;
	}
	print_start(command, options, NULL);
	if (!status)
		return watch_in_engine(command, options, targets);
	status = watch_through_mazed(&client, options, targets);
	mazed_disconnect(&client);
	return status;
}

/* Returns 0, or the exit status after an error message. */
static int parse_targets(const struct command *command, const struct options *options, int argc,
			 char **argv, struct watch_targets *targets)
{
	if (options->thread && is_for_group(options))
		return usage_error(command, "--thread is for --scope thread");
	if (maze_policy_scope(options->policy.flags) != MAZE_SCOPE_CGROUP)
		return targets_parse(command, options, argc, argv, &targets->pids, &targets->count);
	return cgroups_parse(command, argc, argv, &targets->cgroups, &targets->count);
}

int cmd_watch(const struct command *command, struct options *options, int argc, char **argv)
{
	struct watch_targets targets = { 0 };
	int status;

	if (options->wait && (options->socket || options->direct))
		return usage_error(command, "--wait never uses mazed: give neither --socket nor "
					    "--direct");
	if (!options->wait && (options->json || options->all || options->events))
		return usage_error(command, "--json, --all and --events need --wait");
	status = parse_targets(command, options, argc, argv, &targets);
	if (!status)
		status = options->wait ? watch_and_wait(command, options, &targets)
				       : watch_now(command, options, &targets);
	cgroups_free(targets.cgroups, targets.count);
	free(targets.pids);
	return status;
}
