/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration files as text: sections, and in them keys with their values, each
 * with the line it stands on. What is here has the shape of maze.conf(5) and only
 * keys that there are, none twice in its section; what the values mean is not
 * looked at.
 */
#ifndef MAZE_DAEMON_CONF_H
#define MAZE_DAEMON_CONF_H

#include <stddef.h>

#include "keys.h"
#include "problems.h"

/* A rule's name is printed in every record of it; that of a unit fits. */
#define CONF_NAME_MAX 64
/* All rules there may be, at a KiB each. */
#define CONF_FILE_MAX_BYTES (4U << 20)
/* One for each package that has something to say; a directory of more is a mistake. */
#define CONF_FILES_MAX 1024

struct conf_entry {
	struct key key;
	char *value;
	unsigned int line;
};

struct conf_section {
	unsigned int kind; /* SECTION_*; 0: none that there is, and empty */
	char *name;	   /* of a rule, else NULL */
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

/*
 * Each adds to conf and to problems. 0, also when there were problems; -ENOMEM.
 */
int conf_parse(struct conf *conf, const char *name, const char *text, size_t length,
	       struct problems *problems);
int conf_read_file(struct conf *conf, const char *path, struct problems *problems);
/* The files in PATH.d whose names end in .conf, in order of name by byte. */
int conf_read_drop_ins(struct conf *conf, const char *path, struct problems *problems);

/* NULL: the section has no such key. */
const struct conf_entry *conf_section_entry(const struct conf_section *section, const char *key);

#endif
