/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommands `protect` and `unprotect` write and remove the section [X-Maze] of a unit,
 * in a drop-in. mazed reads it when systemd has read its units again.
 */
#include "command.h"
#include "drop_in.h"
#include "systemd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/error.h"
#include "../lib/control.h"

#define PERMANENT "/etc/systemd/system"
#define RUNTIME "/run/systemd/system"

static const char *directory_of(const struct options *options)
{
	return options->runtime ? RUNTIME : PERMANENT;
}

static void print_key(FILE *out, const char *key, const char *value)
{
	char name[UNIT_KEY_SIZE];

	fprintf(out, "%s=%s\n", unit_key(key, name), value);
}

static void print_limit(FILE *out, const char *key, maze_u64 ns)
{
	char text[128];

	print_key(out, key, ns ? maze_duration_format(ns, text, sizeof(text)) : "0");
}

/* The keys that the options set; `maze watch` would have the same policy. */
static void print_section(FILE *out, const struct options *options, const char *unit)
{
	const maze_u32 limits = maze_policy_given("soft") | maze_policy_given("hard");
	const struct maze_policy_key *key = maze_policy_keys();
	size_t i;

	fprintf(out, "# maze unprotect%s %s removes it.\n[X-Maze]\n",
		options->runtime ? " --runtime" : "", unit);
	for (i = 0; key[i].name; i++) {
		if (maze_policy_given(key[i].name) & limits) {
			/* One limit gives the other, whatever [defaults] of maze.conf is. */
			if (options->given & limits)
				print_limit(out, key[i].name,
					    !strcmp(key[i].name, "soft") ? options->policy.soft_ns
									 : options->policy.hard_ns);
		} else if (!strcmp(key[i].name, "shadow")) {
			/* As shipped, [defaults] has shadow = yes. */
			print_key(out, "shadow",
				  options->policy.flags & MAZE_POLICY_SHADOW ? "yes" : "no");
		} else if (options->given & maze_policy_given(key[i].name)) {
			print_key(out, key[i].name, options->policy_values[i] ?: "yes");
		}
	}
}

/* A file in /etc hides one of the same name in /run. */
static int check_hidden(const struct options *options, const char *unit, struct maze_error *error)
{
	int exists = options->runtime ? drop_in_exists(PERMANENT, unit, error) : 0;
	char path[PATH_MAX];

	if (exists <= 0)
		return exists;
	return maze_fail(error, -EEXIST,
			 "%s would hide a drop-in of --runtime; remove it by maze unprotect %s",
			 drop_in_path(PERMANENT, unit, path), unit);
}

static int write_unit(const struct options *options, const char *unit, struct maze_error *error)
{
	char path[PATH_MAX], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int err = check_hidden(options, unit, error);

	if (!out)
		return maze_fail(error, -ENOMEM, "out of memory");
	print_section(out, options, unit);
	fclose(out);
	if (!err)
		err = drop_in_write(directory_of(options), unit, text, error);
	if (!err)
		printf("%s:\n%s\n%s", drop_in_path(directory_of(options), unit, path), DROP_IN_MARK,
		       text);
	free(text);
	return err;
}

static int remove_unit(const struct options *options, const char *unit, struct maze_error *error)
{
	int err = drop_in_remove(directory_of(options), unit, error);
	char path[PATH_MAX];

	drop_in_path(directory_of(options), unit, path);
	if (err == -ENOENT)
		return maze_fail(error, err,
				 "%s is not protected by maze protect%s: there is no %s", unit,
				 options->runtime ? " --runtime" : "", path);
	if (!err)
		printf("removed %s\n", path);
	return err;
}

/* mazed reads the sections as soon as it runs, so this is no failure. */
static void note_mazed(const struct command *command)
{
	if (access(MAZE_CONTROL_SOCKET, F_OK))
		print_error(command,
			    "note: mazed does not run, so the limits are not in force; systemctl "
			    "enable --now mazed starts it");
}

static int change_units(const struct command *command, const struct options *options, int argc,
			char **argv,
			int (*change)(const struct options *options, const char *unit,
				      struct maze_error *error))
{
	bool protects = change == write_unit, changed = false;
	struct maze_error error = { "" };
	char unit[UNIT_NAME_SIZE];
	sd_bus *bus = NULL;
	int i, err, status = EXIT_MAZE_OK;

	if (options->users_manager)
		return usage_error(
			command,
			"--user is not supported: mazed reads the unit files of the system "
			"only, because it runs as root; for a process of your own, use maze "
			"watch PID");
	if (!argc)
		return usage_error(command, "no unit given, such as nginx.service");
	err = systemd_connect(&bus, &error);
	if (err) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	for (i = 0; i < argc; i++) {
		err = systemd_find_unit(bus, argv[i], protects, unit, &error);
		if (!err)
			err = change(options, unit, &error);
		if (err) {
			print_error(command, "%s", error.text);
			status = EXIT_MAZE_FAILED;
		}
		changed |= !err;
	}
	if (changed && systemd_reload(bus, &error)) {
		print_error(command, "%s; systemctl daemon-reload completes the change",
			    error.text);
		status = EXIT_MAZE_FAILED;
	} else if (changed && protects) {
		note_mazed(command);
	}
	sd_bus_flush_close_unref(bus);
	return status;
}

int cmd_protect(const struct command *command, struct options *options, int argc, char **argv)
{
	return change_units(command, options, argc, argv, write_unit);
}

int cmd_unprotect(const struct command *command, struct options *options, int argc, char **argv)
{
	return change_units(command, options, argc, argv, remove_unit);
}
