/* SPDX-License-Identifier: GPL-2.0-only */
#include "systemd_unit.h"

#include <ctype.h>
#include <string.h>

/* Returns the length of the name before this type; 0: it has another type, or no name. */
static size_t before_type(const char *name, size_t length, const char *type)
{
	size_t of_type = strlen(type);

	return length > of_type && !strncmp(name + length - of_type, type, of_type)
		       ? length - of_type
		       : 0;
}

static bool has_processes(const char *name, size_t length)
{
	static const char *const types[] = { ".service", ".scope", ".socket", ".mount", ".swap" };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (before_type(name, length, types[i]))
			return true;
	return false;
}

bool unit_has_processes(const char *name)
{
	return has_processes(name, strlen(name));
}

bool unit_name_is_valid(const char *name)
{
	size_t i, length = strlen(name);

	for (i = 0; i < length; i++)
		if (!isascii(name[i]) ||
		    (!isalnum((unsigned char)name[i]) && !strchr(":-_.\\@", name[i])))
			return false;
	return length < UNIT_NAME_SIZE && *name != '@' && *name != '.' &&
	       has_processes(name, length);
}

bool unit_is_template(const char *name)
{
	const char *at = strchr(name, '@');

	return at && at[1] == '.' && !strchr(at + 2, '.');
}

const char *unit_of_cgroup(const char *path, char ret_name[UNIT_NAME_SIZE])
{
	size_t length;

	ret_name[0] = '\0';
	for (;;) {
		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (!before_type(path, length, ".slice"))
			break;
		path += length;
	}
	/* systemd puts "_" before a name that the kernel could mistake for a file of its own. */
	if (*path == '_') {
		path++;
		length--;
	}
	if (!has_processes(path, length) || length >= UNIT_NAME_SIZE)
		return NULL;
	memcpy(ret_name, path, length);
	ret_name[length] = '\0';
	return path + length;
}

const char *unit_key(const char *key, char buf[UNIT_KEY_SIZE])
{
	bool begins = true;
	size_t n = 0;

	for (; *key && n < UNIT_KEY_SIZE - 1; key++) {
		if (*key != '-')
			buf[n++] = begins ? (char)toupper((unsigned char)*key) : *key;
		begins = *key == '-';
	}
	buf[n] = '\0';
	return buf;
}
