/* SPDX-License-Identifier: GPL-2.0-only */
/* What the subcommands about units call of systemd's system manager, with a time-out. */
#ifndef MAZE_CLI_SYSTEMD_H
#define MAZE_CLI_SYSTEMD_H

#include <systemd/sd-bus.h>

#include "../base/systemd_unit.h"
#include "lib/maze.h"

/* The caller closes it with sd_bus_flush_close_unref(). Returns 0, or -errno and a message. */
int systemd_connect(sd_bus **ret_bus, struct maze_error *error);
/*
 * Finds the name of a unit that may be given by an alias or without ".service". With
 * `must_exist`, refuses a unit that systemd cannot load. Returns 0, or -errno and a message.
 */
int systemd_find_unit(sd_bus *bus, const char *given, bool must_exist,
		      char ret_name[UNIT_NAME_SIZE], struct maze_error *error);
/* Makes systemd read all unit files again. */
int systemd_reload(sd_bus *bus, struct maze_error *error);

#endif
