/* SPDX-License-Identifier: GPL-2.0-only */
#include "systemd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "../base/error.h"

#define NAME "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define UNIT "org.freedesktop.systemd1.Unit"
/* A machine with thousands of units takes seconds to read them again. */
#define TIMEOUT_USEC (90 * 1000000ULL)

int systemd_connect(sd_bus **ret_bus, struct maze_error *error)
{
	sd_bus *bus = NULL;
	int err;

	if (sd_booted() <= 0)
		return maze_fail(error, -ENOTSUP,
				 "this machine was not booted with systemd, so it has no units; "
				 "write rules into maze.conf(5)");
	/* As systemctl does: root needs no broker. */
	err = geteuid() ? -EPERM : sd_bus_new(&bus);
	if (err >= 0)
		err = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
	if (err >= 0)
		err = sd_bus_start(bus);
	if (err < 0) {
		bus = sd_bus_unref(bus);
		err = sd_bus_open_system(&bus);
	}
	if (err < 0)
		return maze_fail(error, err, "cannot connect to systemd: %s", strerror(-err));
	err = sd_bus_set_method_call_timeout(bus, TIMEOUT_USEC);
	*ret_bus = bus;
	return err < 0 ? err : 0;
}

/* Takes the reason of the failure, if systemd has given one. */
static int fail(struct maze_error *error, int err, const char *what, sd_bus_error *reason)
{
	maze_fail(error, err, "%s: %s", what, reason->message ?: strerror(-err));
	sd_bus_error_free(reason);
	return err;
}

/* A template is not loaded itself. */
static int check_template(sd_bus *bus, const char *name, struct maze_error *error)
{
	sd_bus_error reason = SD_BUS_ERROR_NULL;
	int err = sd_bus_call_method(bus, NAME, PATH, MANAGER, "GetUnitFileState", &reason, NULL,
				     "s", name);

	if (err < 0)
		return fail(error, err, name, &reason);
	return 0;
}

static int read_loaded(sd_bus *bus, const char *path, const char *name, bool must_exist,
		       char ret_name[UNIT_NAME_SIZE], struct maze_error *error)
{
	sd_bus_error reason = SD_BUS_ERROR_NULL;
	char *id = NULL, *state = NULL;
	int err = sd_bus_get_property_string(bus, NAME, path, UNIT, "Id", &reason, &id);

	if (err >= 0)
		err = sd_bus_get_property_string(bus, NAME, path, UNIT, "LoadState", &reason,
						 &state);
	if (err < 0) {
		fail(error, err, name, &reason);
		goto out;
	}
	err = 0;
	if (must_exist && strcmp(state, "loaded") != 0)
		err = maze_fail(error, -ENOENT,
				!strcmp(state, "not-found") ? "there is no unit %s"
							    : "systemd cannot load %s: %s",
				name, state);
	else if (!unit_name_is_valid(id))
		err = maze_fail(error, -EPROTO, "systemd has an invalid name for %s", name);
	else
		snprintf(ret_name, UNIT_NAME_SIZE, "%s", id);
out:
	free(id);
	free(state);
	return err;
}

int systemd_find_unit(sd_bus *bus, const char *given, bool must_exist,
		      char ret_name[UNIT_NAME_SIZE], struct maze_error *error)
{
	sd_bus_error reason = SD_BUS_ERROR_NULL;
	sd_bus_message *answer = NULL;
	char name[UNIT_NAME_SIZE];
	const char *path = NULL;
	int err;

	if (snprintf(name, sizeof(name), "%s%s", given,
		     unit_has_processes(given) ? "" : ".service") >= (int)sizeof(name) ||
	    !unit_name_is_valid(name))
		return maze_fail(error, -EINVAL,
				 "\"%.64s\" is not the name of a unit with processes, such as "
				 "nginx.service, getty@.service or session-1.scope",
				 given);
	snprintf(ret_name, UNIT_NAME_SIZE, "%s", name);
	if (unit_is_template(name))
		return must_exist ? check_template(bus, name, error) : 0;
	err = sd_bus_call_method(bus, NAME, PATH, MANAGER, "LoadUnit", &reason, &answer, "s", name);
	if (err >= 0)
		err = sd_bus_message_read(answer, "o", &path);
	if (err < 0)
		err = fail(error, err, name, &reason);
	else
		err = read_loaded(bus, path, name, must_exist, ret_name, error);
	sd_bus_message_unref(answer);
	return err;
}

int systemd_reload(sd_bus *bus, struct maze_error *error)
{
	sd_bus_error reason = SD_BUS_ERROR_NULL;
	int err = sd_bus_call_method(bus, NAME, PATH, MANAGER, "Reload", &reason, NULL, NULL);

	return err < 0 ? fail(error, err, "systemd cannot read its units again", &reason) : 0;
}
