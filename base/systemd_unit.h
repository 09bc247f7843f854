/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of systemd's units, as in control groups, unit files and on command lines. */
#ifndef MAZE_BASE_SYSTEMD_UNIT_H
#define MAZE_BASE_SYSTEMD_UNIT_H

#include <stdbool.h>
#include <stddef.h>

/* The longest name, as in systemd, and its NUL. */
#define UNIT_NAME_SIZE 256
/* Room for a key of a unit file, such as HardSignal. */
#define UNIT_KEY_SIZE 64

/* The type behind the last dot is one whose units have processes, such as ".service". */
bool unit_has_processes(const char *name);
/* A name as systemd permits it, with a type that has processes. Templates are valid. */
bool unit_name_is_valid(const char *name);
/* True for the name of a template, such as "getty@.service". */
bool unit_is_template(const char *name);

/*
 * Finds the unit of the control group `path`: the first component below the slices.
 * Returns the rest of the path behind that component. Returns NULL, and an empty name, if
 * the control group belongs to no unit.
 */
const char *unit_of_cgroup(const char *path, char ret_name[UNIT_NAME_SIZE]);

/* "HardSignal" for the key "hard-signal": a key as unit files have it. Returns buf. */
const char *unit_key(const char *key, char buf[UNIT_KEY_SIZE]);

#endif
