/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `list` prints the watched threads. It gets them from mazed if mazed
 * runs, else from the pinned engine.
 */
#include "mazed_client.h"
#include "session.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../base/escape.h"
#include "../base/proc_files.h"

static void print_json(const struct maze_entry *entries, size_t count, const char *engine)
{
	char *object;
	size_t i;

	putchar('[');
	for (i = 0; i < count; i++) {
		object = maze_entry_json(&entries[i], engine);
		if (object)
			printf("%s\n%s", i ? "," : "", object);
		free(object);
	}
	puts(count ? "\n]" : "]");
}

static void print_stage(const char *name, maze_u64 limit_ns, const char *signal)
{
	char limit[64];

	if (limit_ns)
		printf("%s %s %s", name, maze_duration_format(limit_ns, limit, sizeof(limit)),
		       signal);
	else
		printf("%s off", name);
}

static void print_line(const struct maze_entry *entry)
{
	char count[64], recovery[32], soft_signal[32], hard_signal[32];
	char name[MAZE_COMM_LEN + 1] = "", comm[MAZE_COMM_LEN * ESCAPE_MAX];

	memcpy(name, entry->comm, MAZE_COMM_LEN);
	escape_copy(comm, sizeof(comm), name);
	maze_duration_format(entry->count_ns / MAZE_NSEC_PER_MSEC * MAZE_NSEC_PER_MSEC, count,
			     sizeof(count));
	maze_soft_signal_format(entry->flags, entry->soft_signal, soft_signal, sizeof(soft_signal));
	maze_signal_format(entry->hard_signal, hard_signal, sizeof(hard_signal));
	printf("%7u %7u %-15s %12s  %-8s  %-5s  ", entry->pid, entry->tid, comm, count,
	       maze_recovery_format(entry->recovery, recovery, sizeof(recovery)),
	       entry->flags & MAZE_POLICY_YIELD_COUNTS ? "count" : "reset");
	print_stage("soft", entry->soft_ns, soft_signal);
	print_stage(", hard", entry->hard_ns, hard_signal);
	printf("%s%s\n", entry->flags & MAZE_POLICY_SHADOW ? ", shadow" : "",
	       entry->flags & MAZE_POLICY_INHERIT ? "" : ", no-inherit");
}

/* The list lacks the watches of private engines, so name the processes that have one. */
static void name_private_engines(const struct command *command)
{
	char path[sizeof("/proc//cmdline") + NAME_MAX], comm[32], line[256];
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	ssize_t length;

	while (proc && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    read_file_at(AT_FDCWD, path, comm, sizeof(comm)) < 0 ||
		    strcmp(comm, PRIVATE_ENGINE_COMM "\n") != 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		length = read_file_at(AT_FDCWD, path, line, sizeof(line));
		/* The second word is "run" or "watch". */
		if (length > (ssize_t)strlen(line))
			print_error(command,
				    "maze %s (PID %s) has a private engine, whose watches are not "
				    "listed",
				    line + strlen(line) + 1, entry->d_name);
	}
	if (proc)
		closedir(proc);
}

struct listing {
	struct maze_entry *entries;
	size_t count;
	char engine[32];
};

static int list_from_engine(const struct command *command, const struct options *options,
			    struct listing *listing)
{
	struct maze_error error = { "" };
	struct maze *maze = NULL;
	int err;

	err = maze_open(options->engine, MAZE_EXISTING, &maze, &error);
	/* Without an engine there are no watches, so the list is empty. */
	if (!err) {
		snprintf(listing->engine, sizeof(listing->engine), "%s", maze_engine_name(maze));
		err = maze_list(maze, &listing->entries, &listing->count, &error);
	} else if (err == -ENOENT) {
		err = 0;
	}
	if (err)
		print_error(command, "%s", error.text);
	maze_close(maze);
	return err;
}

static int add_entry(struct mazed_client *client, struct listing *listing, const char *json)
{
	struct maze_error error = { "" };
	struct maze_entry *grown;

	/* If the count is 0 or a power of two, the array is full, so double it. */
	if (!(listing->count & (listing->count - 1))) {
		grown = reallocarray(listing->entries, listing->count ? listing->count * 2 : 1,
				     sizeof(*grown));
		if (!grown) {
			print_error(client->command, "out of memory");
			return -ENOMEM;
		}
		listing->entries = grown;
	}
	if (!maze_entry_parse(json, &listing->entries[listing->count], &error)) {
		listing->count++;
		return 0;
	}
	print_error(client->command, "mazed at %s: %s", client->path, error.text);
	return -EPROTO;
}

static int list_from_mazed(struct mazed_client *client, struct listing *listing)
{
	char *json = NULL;
	int err;

	if (!mazed_call(client, json_pack("{s:s}", "do", "list")))
		return -EPROTO;
	snprintf(listing->engine, sizeof(listing->engine), "%s",
		 client->engine ? client->engine : "unknown");
	while ((err = mazed_next(client, "entry", &json)) == 1) {
		err = add_entry(client, listing, json);
		free(json);
		if (err)
			return err;
	}
	return err;
}

static int get_listing(const struct command *command, const struct options *options,
		       struct listing *listing)
{
	static struct mazed_client client;
	int err = mazed_connect(&client, command, options);

	if (err < 0)
		return err;
	if (!err)
		return list_from_engine(command, options, listing);
	err = list_from_mazed(&client, listing);
	mazed_disconnect(&client);
	return err;
}

int cmd_list(const struct command *command, struct options *options, int argc, char **argv)
{
	struct listing listing = { .engine = "none" };
	size_t i;

	(void)argc;
	(void)argv;
	if (get_listing(command, options, &listing)) {
		free(listing.entries);
		return EXIT_MAZE_FAILED;
	}
	if (options->json) {
		print_json(listing.entries, listing.count, listing.engine);
	} else if (!listing.count) {
		puts("nothing is watched");
	} else {
		printf("%7s %7s %-15s %12s  %-8s  %-5s  %s\n", "PID", "TID", "NAME", "COUNT",
		       "RECOVERY", "YIELD", "LIMITS");
		for (i = 0; i < listing.count; i++)
			print_line(&listing.entries[i]);
	}
	if (notes_wanted(options))
		name_private_engines(command);
	free(listing.entries);
	return EXIT_MAZE_OK;
}
