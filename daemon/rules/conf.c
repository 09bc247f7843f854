/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The library inih parses keys, values, comments and continued lines. As distributions
 * build it, inih reports no line numbers. It silently cuts lines of more than 200 bytes
 * and section names of more than 50. It does not report empty sections, and it reports
 * only the first invalid line. So this file passes the text to inih line by line. It
 * counts the lines, rejects long lines, and parses the section headers. If inih does not
 * call back for a line, this file reports the line as invalid.
 */
#include "conf.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"

/* inih's line buffer has CR, LF and NUL too, so a line must be three bytes shorter. */
#define INI_LINE_OVERHEAD 3
/* The maximum length of a value with its continued lines. No valid value is longer. */
#define VALUE_MAX 8192

struct reading {
	struct conf *conf;
	struct problems *problems;
	const char *file;
	const char *at; /* the line that inih reads next */
	const char *end;
	unsigned int line;	      /* the number of inih's current line */
	bool indented;		      /* the current line begins with a blank */
	bool pending;		      /* inih has not yet called back for the current line */
	bool discards;		      /* skips lines that continue a refused key */
	bool after_key;		      /* the section has had a key */
	struct conf_section *section; /* NULL: before the first header */
	int err;		      /* 0 or -ENOMEM */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* ---- sections ---------------------------------------------------------------------- */

/* Makes room for one item. The array is full if `count` is a power of two. */
static void *grow(void *items, size_t count, size_t item_size)
{
	if (count & (count - 1))
		return items;
	return realloc(items, (count ? count * 2 : 1) * item_size);
}

int conf_add_section(struct conf *conf, unsigned int kind, const char *name, size_t length)
{
	struct conf_section *section, **grown;

	grown = grow(conf->sections, conf->count, sizeof(struct conf_section *));
	if (!grown)
		return -ENOMEM;
	conf->sections = grown;
	section = calloc(1, sizeof(*section));
	if (!section)
		return -ENOMEM;
	section->kind = kind;
	if (name) {
		section->name = strndup(name, length);
		if (!section->name) {
			free(section);
			return -ENOMEM;
		}
	}
	conf->sections[conf->count++] = section;
	return 0;
}

static int add_section(struct reading *reading, unsigned int kind, const char *name, size_t length)
{
	int err = conf_add_section(reading->conf, kind, name, length);

	if (err)
		return err;
	reading->section = reading->conf->sections[reading->conf->count - 1];
	reading->section->file = reading->file;
	reading->section->line = reading->line;
	return 0;
}

static bool is_name(const char *name, size_t length)
{
	size_t i;

	if (!length || length > CONF_NAME_MAX)
		return false;
	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-@:+", name[i]))
			return false;
	return true;
}

/* inih ignores all text after a section header, but only a comment is valid there. */
static bool ends_well(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at == end || *at == ';' || *at == '#';
}

/*
 * Returns SECTION_* for the header [text], or 0 if the header is unknown. For a rule or
 * a mode,
 * sets *text and *length to its name.
 */
static unsigned int section_kind(const char **text, size_t *length)
{
	unsigned int kind = 0;

	if (*length == 8 && !strncmp(*text, "defaults", 8))
		return SECTION_DEFAULTS;
	if (*length == 6 && !strncmp(*text, "daemon", 6))
		return SECTION_DAEMON;
	if (*length < 5 || !is_blank((*text)[4]))
		return 0;
	if (!strncmp(*text, "rule", 4))
		kind = SECTION_RULE;
	else if (!strncmp(*text, "mode", 4))
		kind = SECTION_MODE;
	while (*length > 4 && is_blank((*text)[4])) {
		(*text)++;
		(*length)--;
	}
	*text += 4;
	*length -= 4;
	return is_name(*text, *length) ? kind : 0;
}

static void begin_section(struct reading *reading, const char *at, const char *end)
{
	const char *close = memchr(at, ']', (size_t)(end - at)), *name = at + 1;
	unsigned int kind = 0;
	size_t length = 0;

	if (close) {
		while (name < close && is_blank(*name))
			name++;
		length = (size_t)(close - name);
		while (length && is_blank(name[length - 1]))
			length--;
		kind = section_kind(&name, &length);
	}
	if (!close || !ends_well(close + 1, end)) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, NULL,
			     "a section line holds only the name in brackets, such as "
			     "[defaults]");
		kind = 0;
	} else if (!kind) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, NULL,
			     "unknown section [%.*s]; known are [defaults], [daemon], [rule NAME] "
			     "and [mode NAME], where NAME is up to %d letters, digits and . _ - @ "
			     ": +",
			     (int)(close - at - 1), at + 1, CONF_NAME_MAX);
	}
	reading->after_key = false;
	if (add_section(reading, kind, kind & (SECTION_RULE | SECTION_MODE) ? name : NULL, length))
		reading->err = -ENOMEM;
}

/* ---- keys and values --------------------------------------------------------------- */

const struct conf_entry *conf_section_entry(const struct conf_section *section, const char *key)
{
	size_t i;

	for (i = 0; i < section->count; i++)
		if (!strcmp(section->entries[i].key.name, key))
			return &section->entries[i];
	return NULL;
}

/* Returns true and the key, or adds a problem and returns false. */
static bool key_is_right(struct reading *reading, const char *name, struct key *ret_key)
{
	const struct conf_section *section = reading->section;
	const struct conf_entry *first;
	char list[512];

	if (!key_find(section->kind, name, ret_key)) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, name,
			     "unknown key in %s; known keys: %s",
			     section->kind == SECTION_RULE	 ? "[rule NAME]"
			     : section->kind == SECTION_MODE	 ? "[mode NAME]"
			     : section->kind == SECTION_DEFAULTS ? "[defaults]"
								 : "[daemon]",
			     keys_list(section->kind, list, sizeof(list)));
		return false;
	}
	first = conf_section_entry(section, name);
	if (first) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, name,
			     "duplicate key, first set in line %u; write all values there",
			     first->line);
		return false;
	}
	return true;
}

int conf_add_entry(struct conf_section *section, const struct conf_entry *entry)
{
	struct conf_entry *grown = grow(section->entries, section->count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	section->entries = grown;
	grown[section->count] = *entry;
	grown[section->count].value = strdup(entry->value);
	if (!grown[section->count].value)
		return -ENOMEM;
	section->count++;
	return 0;
}

static int add_entry(struct reading *reading, const char *name, const char *value)
{
	struct conf_section *section = reading->section;
	struct conf_entry entry = { .value = (char *)value,
				    .file = reading->file,
				    .line = reading->line };

	reading->after_key = true;
	reading->discards = true;
	if (!section) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, name,
			     "key before the first section; begin with [defaults] or [rule "
			     "NAME]");
		return 0;
	}
	/* An unknown section has already been reported, so its keys are skipped. */
	if (!section->kind || !key_is_right(reading, name, &entry.key))
		return 0;
	reading->discards = false;
	return conf_add_entry(section, &entry);
}

/* Returns whether an indented line is probably a new key, not the rest of a value. */
static bool looks_like_key(const struct reading *reading, const char *text)
{
	size_t length = strcspn(text, "=: \t");
	const char *sign = text + length + strspn(text + length, " \t");
	char name[32];
	struct key key;

	if ((*sign != '=' && *sign != ':') || length >= sizeof(name))
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	return key_find(reading->section->kind, name, &key);
}

static int continue_entry(struct reading *reading, const char *text)
{
	struct conf_entry *entry;
	size_t length, text_length;
	char *longer;

	if (reading->discards)
		return 0;
	entry = &reading->section->entries[reading->section->count - 1];
	if (looks_like_key(reading, text)) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, NULL,
			     "a line that begins with a blank continues the value of %s; to set a "
			     "key, remove the blank",
			     entry->key.name);
		return 0;
	}
	length = strlen(entry->value);
	text_length = strlen(text);
	if (length + text_length + 1 > VALUE_MAX) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line,
			     entry->key.name, "the value is longer than %d bytes", VALUE_MAX);
		reading->discards = true;
		return 0;
	}
	longer = realloc(entry->value, length + text_length + 2);
	if (!longer)
		return -ENOMEM;
	entry->value = longer;
	longer[length] = ' ';
	memcpy(longer + length + 1, text, text_length + 1);
	return 0;
}

/* inih calls this for each key, and for each line that continues a value. */
static int handle_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *reading = arg;
	int err;

	(void)section;
	/*
	 * Some builds of inih accept a key without '='. `pending` stays set then, so
	 * settle_pending() reports the line.
	 */
	if (!value || reading->err)
		return 1;
	reading->pending = false;
	if (reading->indented && reading->after_key) {
		err = continue_entry(reading, value);
	} else if (!*name) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, NULL,
			     "missing key before =");
		err = 0;
	} else {
		err = add_entry(reading, name, value);
	}
	if (err)
		reading->err = err;
	return 1;
}

/* ---- lines ------------------------------------------------------------------------- */

static void settle_pending(struct reading *reading)
{
	if (!reading->pending)
		return;
	reading->pending = false;
	problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, NULL,
		     "invalid line; expected [SECTION], KEY = VALUE, or a comment (# or ;)");
}

/* Returns the length of the line, or 0 if inih need not parse the line. */
static size_t inspect_line(struct reading *reading, const char *at, const char *end, size_t room)
{
	const char *first = at;

	while (first < end && is_blank(*first))
		first++;
	if (first == end || *first == ';' || *first == '#')
		return 0;
	reading->indented = first > at;
	if ((size_t)(end - at) > room) {
		problems_add(reading->problems, PROBLEM_ERROR, reading->file, reading->line, NULL,
			     "the line has %zu bytes, the maximum is %zu; continue in a next "
			     "line that begins with a blank",
			     (size_t)(end - at), room);
		reading->discards = true;
		return 0;
	}
	if (*first == '[' && !(reading->indented && reading->after_key)) {
		begin_section(reading, first, end);
		return 0;
	}
	reading->pending = true;
	return (size_t)(end - at);
}

/* inih calls this instead of fgets(3). Unlike fgets(3), this never splits a line. */
static char *next_line(char *buf, int size, void *arg)
{
	struct reading *reading = arg;
	const char *begin = reading->at, *end;
	struct conf_section *before = reading->section;
	size_t length;

	settle_pending(reading);
	if (reading->at == reading->end || reading->err || size <= INI_LINE_OVERHEAD)
		return NULL;
	end = memchr(begin, '\n', (size_t)(reading->end - begin));
	if (!end)
		end = reading->end;
	reading->at = end < reading->end ? end + 1 : end;
	reading->line++;
	length = inspect_line(reading, begin, end, (size_t)size - INI_LINE_OVERHEAD);
	if (reading->section != before) {
		/*
		 * The header [-] makes inih forget the last key, so that no line of the
		 * new section continues that key.
		 */
		snprintf(buf, (size_t)size, "[-]\n");
		return buf;
	}
	memcpy(buf, begin, length);
	buf[length] = '\n';
	buf[length + 1] = '\0';
	return buf;
}

int conf_add_file(struct conf *conf, const char *name)
{
	char **grown = grow(conf->files, conf->file_count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	conf->files = grown;
	grown[conf->file_count] = strdup(name);
	if (!grown[conf->file_count])
		return -ENOMEM;
	conf->file_count++;
	return 0;
}

int conf_parse(struct conf *conf, const char *name, const char *text, size_t length,
	       struct problems *problems)
{
	struct reading reading = { .conf = conf, .problems = problems };
	const char *nul = memchr(text, '\0', length);
	int err = conf_add_file(conf, name);

	if (err)
		return err;
	reading.file = conf->files[conf->file_count - 1];
	if (nul) {
		problems_add(problems, PROBLEM_ERROR, name, 0, NULL,
			     "byte %zu is NUL: not a text file", (size_t)(nul - text));
		return 0;
	}
	/* Skip the byte order mark that some editors write. */
	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		length -= 3;
	}
	reading.at = text;
	reading.end = text + length;
	/*
	 * inih returns -2 if memory is short. Other results are ignored, because this
	 * file itself reports invalid lines.
	 */
	if (ini_parse_stream(next_line, &reading, handle_pair, &reading) == -2)
		return -ENOMEM;
	/*
	 * Some builds of inih stop at the first invalid line, which then stays pending.
	 */
	settle_pending(&reading);
	return reading.err;
}

void conf_init(struct conf *conf)
{
	*conf = (struct conf){ 0 };
}

static void section_free(struct conf_section *section)
{
	size_t i;

	for (i = 0; i < section->count; i++)
		free(section->entries[i].value);
	free(section->entries);
	free(section->name);
	free(section);
}

void conf_done(struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->count; i++)
		section_free(conf->sections[i]);
	for (i = 0; i < conf->file_count; i++)
		free(conf->files[i]);
	free(conf->sections);
	free(conf->files);
	conf_init(conf);
}
