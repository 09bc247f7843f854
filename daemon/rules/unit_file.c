/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines are joined as systemd joins them, also in other sections: a line that ends with a
 * backslash takes the next one, so that what looks like a section there is none.
 */
#include "unit_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTION "[X-Maze]"
/* The maximum length of a value with its continued lines, as in maze.conf. */
#define VALUE_MAX 8192

struct reading {
	struct conf_section *section;
	struct problems *problems;
	const char *file;
	const char *at, *end; /* the rest of the text */
	unsigned int line;    /* the number of the last line that was read */
	bool inside;	      /* the current section is [X-Maze] */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Cuts blanks at both ends. */
static char *strip(char *text)
{
	size_t length;

	while (is_blank(*text))
		text++;
	length = strlen(text);
	while (length && is_blank(text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

static bool is_comment(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at < end && (*at == '#' || *at == ';');
}

/* An odd number of backslashes at the end continues the line. */
static bool continues(const char *at, const char *end)
{
	size_t count = 0;

	while (end > at && end[-1] == '\\') {
		end--;
		count++;
	}
	return count % 2;
}

/*
 * Copies the next line with those that continue it to `logical`, which has room for the
 * whole text. Comments between them are skipped. *ret_line is the number of its first line.
 */
static bool next_line(struct reading *reading, char *logical, unsigned int *ret_line)
{
	const char *begin, *end;
	size_t length = 0;
	bool more = true, any = false;

	while (more && reading->at < reading->end) {
		begin = reading->at;
		end = memchr(begin, '\n', (size_t)(reading->end - begin)) ?: reading->end;
		reading->at = end < reading->end ? end + 1 : end;
		reading->line++;
		if (!any)
			*ret_line = reading->line;
		any = true;
		if (end > begin && end[-1] == '\r')
			end--;
		if (is_comment(begin, end)) {
			more = length > 0;
			continue;
		}
		more = continues(begin, end);
		memcpy(logical + length, begin, (size_t)(end - begin));
		length += (size_t)(end - begin);
		if (more)
			logical[length - 1] = ' ';
	}
	logical[length] = '\0';
	return any;
}

/* ---- keys -------------------------------------------------------------------------- */

/* Takes back what earlier lines have set. */
static void reset_key(struct conf_section *section, const char *key)
{
	size_t i;

	for (i = 0; i < section->count; i++) {
		if (strcmp(section->entries[i].key.name, key) != 0)
			continue;
		free(section->entries[i].value);
		memmove(&section->entries[i], &section->entries[i + 1],
			(section->count - i - 1) * sizeof(section->entries[0]));
		section->count--;
		return;
	}
}

static int set_key(struct reading *reading, const char *name, const char *value, unsigned int line)
{
	struct conf_entry entry = { .value = (char *)value, .file = reading->file, .line = line };
	char list[512];

	if (!key_find(SECTION_UNIT, name, &entry.key)) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, line, name,
			     "unknown key in " SECTION "; known keys: %s",
			     keys_list(SECTION_UNIT, list, sizeof(list)));
		return 0;
	}
	if (strlen(value) > VALUE_MAX) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, line, name,
			     "the value is longer than %d bytes", VALUE_MAX);
		return 0;
	}
	reset_key(reading->section, entry.key.name);
	return *value ? conf_add_entry(reading->section, &entry) : 0;
}

static int parse_line(struct reading *reading, char *text, unsigned int line)
{
	char *sign;

	text = strip(text);
	if (*text == '[') {
		reading->inside = !strcmp(text, SECTION);
		if (reading->inside) {
			reading->section->file = reading->file;
			reading->section->line = line;
		}
		return 0;
	}
	if (!reading->inside || !*text)
		return 0;
	sign = strchr(text, '=');
	if (!sign || sign == text) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, line, NULL,
			     "invalid line in " SECTION "; expected KEY=VALUE, or a comment (# or "
			     ";)");
		return 0;
	}
	*sign = '\0';
	return set_key(reading, strip(text), strip(sign + 1), line);
}

int unit_file_parse(struct conf *conf, const char *name, const char *text, size_t length,
		    struct problems *problems)
{
	struct reading reading = { .section = conf->sections[conf->count - 1],
				   .problems = problems,
				   .at = text,
				   .end = text + length };
	unsigned int line = 0;
	char *logical;
	int err = conf_add_file(conf, name);

	if (err)
		return err;
	reading.file = conf->files[conf->file_count - 1];
	if (memchr(text, '\0', length)) {
		problems_add(problems, PROBLEM_ERROR, name, 0, NULL, "it has a NUL byte");
		return 0;
	}
	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		reading.at += 3;
	logical = malloc(length + 1);
	if (!logical)
		return -ENOMEM;
	while (!err && next_line(&reading, logical, &line))
		err = parse_line(&reading, logical, line);
	free(logical);
	return err;
}

/* Returns the reason for refusing the file, or NULL. */
static const char *refusal(const struct stat *status)
{
	bool by_group = status->st_mode & S_IWGRP && status->st_gid;

	/* PID 1 reads the same files as root. */
	if (!S_ISREG(status->st_mode))
		return "not a regular file";
	if (status->st_size > UNIT_FILE_MAX_BYTES)
		return "larger than the maximum of 1 MiB";
	if (status->st_uid && status->st_uid != geteuid())
		return "it does not belong to root; change the owner (chown root)";
	if (by_group || status->st_mode & S_IWOTH)
		return "other users may write to it; remove that permission (chmod go-w)";
	return NULL;
}

int unit_file_read(struct conf *conf, const char *path, struct problems *problems)
{
	char *text = NULL;
	size_t length = 0;
	struct stat status;
	int err;

	if (stat(path, &status) ? errno == ENOENT || errno == ENOTDIR
				: S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))
		return 0;
	err = conf_read_text(path, refusal, problems, &text, &length);
	if (!err && text)
		err = unit_file_parse(conf, path, text, length, problems);
	free(text);
	return err;
}

int unit_files_read(struct conf *conf, const char *unit, char *const *paths,
		    struct problems *problems)
{
	char name[sizeof(UNIT_RULE_PREFIX) + UNIT_NAME_SIZE];
	size_t i;
	int err;

	snprintf(name, sizeof(name), UNIT_RULE_PREFIX "%s", unit);
	err = conf_add_section(conf, SECTION_UNIT, name, strlen(name));
	if (err)
		return err;
	for (i = 0; !err && paths[i]; i++) {
		if (i == UNIT_FILES_MAX) {
			problems_add(problems, PROBLEM_ERROR, paths[i], 0, NULL,
				     "the unit has more than %d files", UNIT_FILES_MAX);
			break;
		}
		err = unit_file_read(conf, paths[i], problems);
	}
	return err;
}
