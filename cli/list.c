/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `list` prints the watched threads. It gets them from mazed if mazed
 * runs, else from the pinned engine. Only mazed has groups that another process can list.
 */
#include "listing.h"
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

static void print_json(const struct listing *listing)
{
	size_t i;

	for (i = 0; i < listing->count; i++)
		print_json_item(maze_entry_json(&listing->entries[i], listing->engine), i);
	for (i = 0; i < listing->groups_count; i++)
		print_json_item(maze_group_json(&listing->groups[i], listing->engine),
				listing->count + i);
	print_json_end(listing->count + listing->groups_count);
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

static void print_limits(const struct maze_entry *entry)
{
	char soft_signal[32], hard_signal[32];

	maze_soft_signal_format(entry->flags, entry->soft_signal, soft_signal, sizeof(soft_signal));
	maze_signal_format(entry->hard_signal, hard_signal, sizeof(hard_signal));
	print_stage("soft", entry->soft_ns, soft_signal);
	print_stage(", hard", entry->hard_ns, hard_signal);
	if (entry->flags & MAZE_POLICY_SHADOW)
		fputs(", shadow", stdout);
}

/* Whole milliseconds. Returns buf. */
static const char *format_ms(maze_u64 ns, char buf[64])
{
	return maze_duration_format(ns / MAZE_NSEC_PER_MSEC * MAZE_NSEC_PER_MSEC, buf, 64);
}

static void print_line(const struct maze_entry *entry)
{
	char count[64], recovery[32];
	char name[MAZE_COMM_LEN + 1] = "", comm[MAZE_COMM_LEN * ESCAPE_MAX];

	memcpy(name, entry->comm, MAZE_COMM_LEN);
	escape_copy(comm, sizeof(comm), name);
	printf("%7u %7u %-15s %12s  %-8s  %-5s  ", entry->pid, entry->tid, comm,
	       format_ms(entry->count_ns, count),
	       maze_recovery_format(entry->recovery, recovery, sizeof(recovery)),
	       entry->flags & MAZE_POLICY_YIELD_COUNTS ? "count" : "reset");
	print_limits(entry);
	puts(entry->flags & MAZE_POLICY_INHERIT ? "" : ", no-inherit");
}

/* A control group has no PID. Its path is long, so the name comes last. */
static void print_group(const struct maze_group *group)
{
	const struct maze_entry *entry = &group->entry;
	char pid[16] = "-", level[64], share[32], name[MAZE_GROUP_NAME_LEN * ESCAPE_MAX];

	if (entry->pid)
		snprintf(pid, sizeof(pid), "%u", entry->pid);
	printf("%7s %-7s %9u %12s  %-6s  ", pid,
	       maze_policy_scope_name(maze_policy_scope(entry->flags)), group->members,
	       format_ms(entry->count_ns, level),
	       maze_share_format(entry->share, share, sizeof(share)));
	print_limits(entry);
	printf("  %s\n", escape_copy(name, sizeof(name), group->name));
}

static void print_text(const struct listing *listing)
{
	size_t i;

	if (listing->count)
		printf("%7s %7s %-15s %12s  %-8s  %-5s  %s\n", "PID", "TID", "NAME", "COUNT",
		       "RECOVERY", "YIELD", "LIMITS");
	for (i = 0; i < listing->count; i++)
		print_line(&listing->entries[i]);
	if (listing->groups_count)
		printf("%s%7s %-7s %9s %12s  %-6s  %s\n", listing->count ? "\n" : "", "PID",
		       "SCOPE", "PROCESSES", "LEVEL", "SHARE", "LIMITS, NAME");
	for (i = 0; i < listing->groups_count; i++)
		print_group(&listing->groups[i]);
	if (!listing->count && !listing->groups_count)
		puts("nothing is watched");
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

static int list_from_engine(const struct command *command, const struct options *options,
			    struct listing *listing)
{
	struct maze_error error = { "" };
	struct maze *maze = NULL;
	int err;

	err = maze_open(options->engine, MAZE_EXISTING, &maze, &error);
	/* Without an engine there are no watches, so the list is empty. */
	if (!err)
		err = listing_from_engine(maze, listing, &error);
	else if (err == -ENOENT)
		err = 0;
	if (err)
		print_error(command, "%s", error.text);
	maze_close(maze);
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
	err = listing_from_mazed(&client, listing);
	mazed_disconnect(&client);
	return err;
}

int cmd_list(const struct command *command, struct options *options, int argc, char **argv)
{
	struct listing listing = { .engine = "none" };
	int err = get_listing(command, options, &listing);

	(void)argc;
	(void)argv;
	if (!err && options->json)
		print_json(&listing);
	else if (!err)
		print_text(&listing);
	if (!err && notes_wanted(options))
		name_private_engines(command);
	listing_free(&listing);
	return err ? EXIT_MAZE_FAILED : EXIT_MAZE_OK;
}
