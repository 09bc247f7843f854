/* SPDX-License-Identifier: GPL-2.0-only */
/* The request is the one of mazed (tracker/unit_sections.c), in an event loop of its own. */
#include "unit_lookup.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/proc_files.h"
#include "bus/unit_paths.h"
#include "rules/unit_file.h"

/* A person waits for the output. */
#define TIMEOUT_NS (5 * MAZE_NSEC_PER_SEC)

struct lookup {
	sd_event *event;
	char **paths;
	int err;
	struct maze_error *error;
};

static void on_answer(void *arg, const struct bus_answer *answer)
{
	struct lookup *lookup = arg;

	lookup->err = answer->err;
	if (!answer->err)
		lookup->err = unit_paths_read(answer->message, &lookup->paths);
	if (lookup->err)
		maze_fail(lookup->error, lookup->err, "%s",
			  answer->err ? answer->text : strerror(-lookup->err));
	sd_event_exit(lookup->event, 0);
}

static int find_paths(const char *unit, char ***ret_paths, struct maze_error *error)
{
	struct lookup lookup = { .err = 0, .error = error };
	struct bus *bus = NULL;
	int err = sd_event_new(&lookup.event);

	if (err >= 0)
		err = bus_new(lookup.event, bus_connect_system, NULL, &bus);
	if (err < 0)
		maze_fail(error, err, "cannot create the event loop: %s", strerror(-err));
	else
		err = unit_paths_request(bus, unit, TIMEOUT_NS, on_answer, &lookup, NULL, error);
	if (!err) {
		err = sd_event_loop(lookup.event);
		if (err < 0)
			maze_fail(error, err, "the event loop failed: %s", strerror(-err));
		else
			err = lookup.err;
	}
	bus_free(bus);
	sd_event_unref(lookup.event);
	*ret_paths = lookup.paths;
	return err;
}

static int add_unit(const char *name, char *const *paths, const struct rules *rules,
		    struct unit_rules *units, struct problems *problems)
{
	struct unit *unit = unit_rules_add(units, name);
	struct conf conf;
	int err;

	if (!unit)
		return -ENOMEM;
	conf_init(&conf);
	err = unit_files_read(&conf, name, paths, problems);
	unit_rules_set(units, unit, rules, &conf, problems);
	return err;
}

int unit_lookup(pid_t pid, struct rules *rules, struct unit_rules **ret_units,
		struct problems *problems, struct maze_error *error)
{
	char process[32], cgroup[PROC_CGROUP_SIZE], name[UNIT_NAME_SIZE];
	struct maze_error reason = { "" };
	char **paths = NULL;
	int err;

	snprintf(process, sizeof(process), "%d", pid);
	/* A process that does not exist is reported by explain_process(). */
	if (!rules->daemon.unit_sections || sd_booted() <= 0 || proc_cgroup_of(process, cgroup) ||
	    !unit_of_cgroup(cgroup, name))
		return 0;
	err = find_paths(name, &paths, &reason);
	if (err)
		return maze_fail(error, err, "the section [X-Maze] of %s, if any, is unknown: %s",
				 name, reason.text);
	err = unit_rules_new(ret_units);
	if (!err)
		err = add_unit(name, paths, rules, *ret_units, problems);
	unit_paths_free(paths);
	rules->units = *ret_units;
	return err ? maze_fail(error, err, "out of memory") : 0;
}
