/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The texts that say where an incident is from. Each is one row of origin_table, which
 * defines its key in the incident file and its place in the facts of a report. make lint
 * compares maze-incident(5) with the table.
 */
#ifndef MAZE_LIB_ORIGIN_H
#define MAZE_LIB_ORIGIN_H

/* In the order of the facts. */
enum origin_text {
	ORIGIN_CONTAINER,
	ORIGIN_RUNTIME,
	ORIGIN_POD,
	ORIGIN_UNIT,
	ORIGIN_USER_UNIT,
	ORIGIN_HOST,
	ORIGIN_MACHINE_ID,
	ORIGIN_BOOT_ID,
	ORIGIN_OS,
	ORIGIN_OS_ID,
	ORIGIN_OS_VERSION,
	ORIGIN_KERNEL,
	ORIGIN_ARCH,
	ORIGIN_MAZE,
	ORIGIN_ENGINE,
	ORIGIN_INTERFACE,
	ORIGIN_COUNT_,
};

/* Room for the name of a cgroup, the longest of the texts. */
#define ORIGIN_LEN 256
struct origin {
	char text[ORIGIN_COUNT_][ORIGIN_LEN]; /* "": unknown */
};

struct origin_field {
	const char *object; /* the member of the incident that has the key */
	const char *key;
	const char *label;  /* rows with one label are one fact */
	const char *before; /* the words before the text */
};
extern const struct origin_field origin_table[ORIGIN_COUNT_];

/* The interface version of an engine (engine.h). "": unknown, or the engine has none. */
void origin_interface(const char *engine, char ret_version[ORIGIN_LEN]);

#endif
