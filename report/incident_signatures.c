/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the incidents with one signature. A directory can have 100,000 incidents of 100 KiB,
 * so the signature is the third key of the file, and one read gets it.
 */
#include "incident_dir.h"
#include "incident_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* The version, the longest ID, and a signature with each byte escaped. */
#define BEGIN_LEN 8192
/* Incidents of an earlier version that one search reads as a whole. */
#define LOADS_MAX 200

/* Returns the end of the JSON string at `text`, behind its quote, or NULL. */
static const char *string_end(const char *text)
{
	const char *at = text + 1;

	for (; *at && *at != '"'; at++)
		if (*at == '\\' && !*++at)
			return NULL;
	return *at ? at + 1 : NULL;
}

/* Finds the signature in the begin of a file. False: the file must be read as a whole. */
static bool find_in_begin(const char *begin, const char *id, char ret_signature[SIGNATURE_LEN])
{
	char head[INCIDENT_ID_MAX + 64];
	const char *value, *end;
	json_t *string;
	size_t length;

	length = (size_t)snprintf(head, sizeof(head),
				  "{\"version\":1,\"id\":\"%s\",\"signature\":", id);
	if (strncmp(begin, head, length) != 0)
		return false;
	value = begin + length;
	ret_signature[0] = '\0';
	if (!strncmp(value, "null,", 5))
		return true;
	end = *value == '"' ? string_end(value) : NULL;
	string = end ? json_loadb(value, (size_t)(end - value), JSON_DECODE_ANY, NULL) : NULL;
	if (string)
		snprintf(ret_signature, SIGNATURE_LEN, "%s", json_string_value(string));
	json_decref(string);
	return string;
}

static bool read_begin(const struct incident_dir *dir, const char *id,
		       char ret_signature[SIGNATURE_LEN])
{
	char name[NAME_MAX + 1], begin[BEGIN_LEN];
	ssize_t length;
	int fd;

	snprintf(name, sizeof(name), "%s.json", id);
	/* O_NONBLOCK: opening a FIFO would wait for its writer. */
	fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	length = fd < 0 ? -1 : read(fd, begin, sizeof(begin) - 1);
	if (fd >= 0)
		close(fd);
	if (length < 0)
		return false;
	begin[length] = '\0';
	return find_in_begin(begin, id, ret_signature);
}

int incident_dir_signature(const struct incident_dir *dir, const char *id,
			   char ret_signature[SIGNATURE_LEN], struct maze_error *error)
{
	struct incident *incident;
	int err;

	if (read_begin(dir, id, ret_signature))
		return 0;
	err = incident_dir_load(dir, id, &incident, error);
	if (err)
		return err;
	memcpy(ret_signature, incident->signature, SIGNATURE_LEN);
	incident_free(incident);
	return 0;
}

void incident_dir_note_repeats(const struct incident_dir *dir, struct incident *incident,
			       const char *id)
{
	char signature[SIGNATURE_LEN];
	unsigned int loads = 0;
	size_t i;

	for (i = 0; incident->signature[0] && i < dir->count && strcmp(dir->ids[i], id) < 0; i++) {
		if (!read_begin(dir, dir->ids[i], signature) &&
		    (loads++ >= LOADS_MAX ||
		     incident_dir_signature(dir, dir->ids[i], signature, NULL)))
			continue;
		if (strcmp(signature, incident->signature) != 0)
			continue;
		if (!incident->repeated++)
			snprintf(incident->repeats, sizeof(incident->repeats), "%s", dir->ids[i]);
	}
}
