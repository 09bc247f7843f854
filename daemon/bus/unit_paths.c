/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"

/* A unit with more drop-ins is refused by its reader anyway (UNIT_FILES_MAX). */
#define DROP_INS_MAX 1024

int unit_paths_request(struct bus *bus, const char *unit, maze_u64 timeout_ns,
		       bus_on_answer on_answer, void *arg, struct bus_call **ret_call,
		       struct maze_error *error)
{
	struct bus_method method = { .interface = BUS_PROPERTIES,
				     .member = "GetAll",
				     .timeout_ns = timeout_ns };
	char *path = NULL;
	int err = sd_bus_path_encode(BUS_UNITS_PATH, unit, &path);

	if (err < 0)
		return maze_fail(error, err, "%s: %s", unit, strerror(-err));
	method.path = path;
	err = bus_call_method(bus, &method, on_answer, arg, ret_call, error, "s", BUS_UNIT);
	free(path);
	return err;
}

bool unit_paths_none(const struct bus_answer *answer)
{
	return !strcmp(answer->name, "org.freedesktop.systemd1.NoSuchUnit") ||
	       !strcmp(answer->name, "org.freedesktop.DBus.Error.UnknownObject");
}

void unit_paths_free(char **paths)
{
	char **at;

	for (at = paths; at && *at; at++)
		free(*at);
	free(paths);
}

struct properties {
	char *fragment, **drop_ins;
};

static int read_text(sd_bus_message *message, char **ret_text)
{
	const char *text = NULL;
	int err = sd_bus_message_read(message, "v", "s", &text);

	if (err < 0)
		return err;
	free(*ret_text);
	*ret_text = strdup(text);
	return *ret_text ? 0 : -ENOMEM;
}

static int read_texts(sd_bus_message *message, char ***ret_texts)
{
	int err = sd_bus_message_enter_container(message, 'v', "as");

	if (err >= 0) {
		unit_paths_free(*ret_texts);
		*ret_texts = NULL;
		err = sd_bus_message_read_strv(message, ret_texts);
	}
	return err < 0 ? err : sd_bus_message_exit_container(message);
}

static int read_property(sd_bus_message *message, struct properties *properties)
{
	const char *name = NULL;
	int err = sd_bus_message_read(message, "s", &name);

	if (err < 0)
		return err;
	if (!strcmp(name, "FragmentPath"))
		return read_text(message, &properties->fragment);
	if (!strcmp(name, "DropInPaths"))
		return read_texts(message, &properties->drop_ins);
	return sd_bus_message_skip(message, "v");
}

static int read_properties(sd_bus_message *message, struct properties *properties)
{
	int err = sd_bus_message_enter_container(message, 'a', "{sv}");

	while (err >= 0) {
		err = sd_bus_message_enter_container(message, 'e', "sv");
		if (err <= 0)
			break;
		err = read_property(message, properties);
		if (err >= 0)
			err = sd_bus_message_exit_container(message);
	}
	return err;
}

int unit_paths_read(sd_bus_message *message, char ***ret_paths)
{
	struct properties properties = { 0 };
	size_t drop_ins = 0, count = 0, i;
	char **paths = NULL;
	int err = read_properties(message, &properties);

	while (properties.drop_ins && properties.drop_ins[drop_ins])
		drop_ins++;
	if (err >= 0 && drop_ins > DROP_INS_MAX)
		err = -E2BIG;
	if (err >= 0) {
		paths = calloc(drop_ins + 2, sizeof(*paths));
		err = paths ? 0 : -ENOMEM;
	}
	if (!err) {
		/* Units such as scopes may have no file. */
		if (properties.fragment && properties.fragment[0] == '/') {
			paths[count++] = properties.fragment;
			properties.fragment = NULL;
		}
		for (i = 0; i < drop_ins; i++)
			paths[count++] = properties.drop_ins[i];
		free(properties.drop_ins);
		properties.drop_ins = NULL;
		*ret_paths = paths;
	}
	free(properties.fragment);
	unit_paths_free(properties.drop_ins);
	return err;
}
