/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads configuration files into sections of keys and values, with their line numbers.
 * Reports a problem for invalid syntax, for an unknown key, and for a key that a section
 * has twice. Does not check values.
 */
#ifndef MAZE_DAEMON_CONF_H
#define MAZE_DAEMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "keys.h"
#include "problems.h"

/* The maximum length of a rule's name, enough for the usual names of units. */
#define CONF_NAME_MAX 64
/* The maximum size of a file. It is enough for RULES_MAX rules of 1 KiB each. */
#define CONF_FILE_MAX_BYTES (4U << 20)
/* The maximum number of drop-ins, the files in PATH.d. Each package can have one. */
#define CONF_FILES_MAX 1024

struct conf_entry {
	struct key key;
	char *value;
	const char *file; /* belongs to struct conf */
	unsigned int line;
};

struct conf_section {
	unsigned int kind; /* SECTION_*; 0: unknown, without entries */
	char *name;	   /* the name of a rule, also of [mode NAME], or unit; else NULL */
	const char *file;  /* belongs to struct conf */
	unsigned int line;
	bool shipped; /* in a file of a package, or built in; rules_load() sets it */
	struct conf_entry *entries;
	size_t count;
};

struct conf {
	struct conf_section **sections; /* in the order of the files, then of the lines */
	size_t count;
	char **files;
	size_t file_count;
};

void conf_init(struct conf *conf);
void conf_done(struct conf *conf);

/*
 * These functions add to `conf` and to `problems`. They return -ENOMEM, or 0 even if they
 * add problems.
 */
int conf_parse(struct conf *conf, const char *name, const char *text, size_t length,
	       struct problems *problems);
/* Parses the shipped rules, whose text is in this program too. */
int conf_read_built_in(struct conf *conf, struct problems *problems);
int conf_read_file(struct conf *conf, const char *path, struct problems *problems);
/*
 * Reads the text of a file. `refusal` returns the reason for refusing it, or NULL. Returns
 * -ENOMEM, or 0, with *ret_text unchanged if a problem was added.
 */
int conf_read_text(const char *path, const char *(*refusal)(const struct stat *status),
		   struct problems *problems, char **ret_text, size_t *ret_length);
/* Reads the *.conf files in `directory`, in the byte order of their names, if it exists. */
int conf_read_directory(struct conf *conf, const char *directory, struct problems *problems);
/* Does what conf_read_directory() does, for the directory PATH.d. */
int conf_read_drop_ins(struct conf *conf, const char *path, struct problems *problems);

/*
 * For parsers of other files. Return 0 or -ENOMEM. The new file, section or entry is the
 * last one. Names and values are copied. `name` may be NULL.
 */
int conf_add_file(struct conf *conf, const char *name);
int conf_add_section(struct conf *conf, unsigned int kind, const char *name, size_t length);
int conf_add_entry(struct conf_section *section, const struct conf_entry *entry);

/* Returns NULL if the section does not have the key. */
const struct conf_entry *conf_section_entry(const struct conf_section *section, const char *key);

#endif
