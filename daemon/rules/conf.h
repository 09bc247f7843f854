/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration files as text: sections with keys and values, each with its line. The
 * syntax is checked: only keys that exist, each once in a section. Values are not checked
 * here.
 */
#ifndef MAZE_DAEMON_CONF_H
#define MAZE_DAEMON_CONF_H

#include <stddef.h>

#include "keys.h"
#include "problems.h"

/* Room for the usual name of a unit. Each record of the rule has the name. */
#define CONF_NAME_MAX 64
/* Room for RULES_MAX rules of 1 KiB. */
#define CONF_FILE_MAX_BYTES (4U << 20)
/* Enough for one file per package. */
#define CONF_FILES_MAX 1024

struct conf_entry {
	struct key key;
	char *value;
	unsigned int line;
};

struct conf_section {
	unsigned int kind; /* SECTION_*; 0: unknown; it has no entries */
	char *name;	   /* of a rule; else NULL */
	const char *file;  /* belongs to struct conf */
	unsigned int line;
	struct conf_entry *entries;
	size_t count;
};

struct conf {
	struct conf_section **sections; /* files in order, sections in order */
	size_t count;
	char **files;
	size_t file_count;
};

void conf_init(struct conf *conf);
void conf_done(struct conf *conf);

/* Each adds to conf and to problems. Returns 0 also with problems; -ENOMEM. */
int conf_parse(struct conf *conf, const char *name, const char *text, size_t length,
	       struct problems *problems);
int conf_read_file(struct conf *conf, const char *path, struct problems *problems);
/* The *.conf files in PATH.d, in byte order of their names. */
int conf_read_drop_ins(struct conf *conf, const char *path, struct problems *problems);

/* NULL: the section does not have the key. */
const struct conf_entry *conf_section_entry(const struct conf_section *section, const char *key);

#endif
