/* SPDX-License-Identifier: GPL-2.0-only */
#include "command.h"

#include <stdlib.h>

bool print_record(FILE *stream, const char *prefix, const struct maze_record *record,
		  const char *engine, bool json)
{
	char text[1024], *object;
	int err;

	if (!json) {
		maze_record_text(record, engine, text, sizeof(text));
		return fprintf(stream, "%s%s\n", prefix, text) >= 0 && !fflush(stream);
	}
	object = maze_record_json(record, engine);
	if (!object)
		return false;
	/*
	 * Each line is one write(2), because several processes may append to the same
	 * file.
	 */
	err = fprintf(stream, "%s\n", object) < 0 || fflush(stream);
	free(object);
	return !err;
}

void print_json_item(char *object, size_t index)
{
	printf("%s\n%s", index ? "," : "[", object ? object : "null");
	free(object);
}

void print_json_end(size_t count)
{
	puts(count ? "\n]" : "[]");
}
