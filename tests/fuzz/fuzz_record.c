/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a record: one line of text without control characters, and one line of
 * JSON that can be parsed.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/maze.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(char *text)
{
	json_t *object;

	if (!text || strchr(text, '\n'))
		abort();
	object = json_loads(text, 0, NULL);
	if (!object)
		abort();
	json_decref(object);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maze_record record = { 0 };
	struct maze_entry entry = { 0 };
	struct maze_group group = { 0 };
	char text[1024], *at;

	memcpy(&record, data, size < sizeof(record) ? size : sizeof(record));
	memcpy(&entry, data, size < sizeof(entry) ? size : sizeof(entry));
	memcpy(&group, data, size < sizeof(group) ? size : sizeof(group));
	if (maze_record_text(&record, "bpf", text, sizeof(text)) >= (int)sizeof(text))
		abort();
	for (at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			abort();
	check_json(maze_record_json(&record, "bpf"));
	check_json(maze_entry_json(&entry, "bpf"));
	check_json(maze_group_json(&group, "bpf"));
	return 0;
}
