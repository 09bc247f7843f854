/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any text as a duration: a value or an error; a printed value reads back the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/maze.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maze_error error = { "" };
	maze_u64 ns = 0, again = 0;
	char *text = malloc(size + 1), printed[256];

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!maze_duration_parse(text, &ns, &error)) {
		maze_duration_format(ns, printed, sizeof(printed));
		if (maze_duration_parse(printed, &again, &error) || again != ns)
			abort();
	} else if (!error.text[0]) {
		abort();
	}
	free(text);
	return 0;
}
