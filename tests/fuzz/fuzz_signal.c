/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any text as a signal or a recovery: a value or an error; a printed value reads back the
 * same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/maze.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), printed[64];
	maze_u32 recovery, recovery_again;
	int signal, again;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!maze_signal_parse(text, &signal, NULL)) {
		if (signal < 0 || signal > MAZE_SIGNAL_MAX)
			abort();
		maze_signal_format(signal, printed, sizeof(printed));
		if (maze_signal_parse(printed, &again, NULL) || again != signal)
			abort();
	}
	if (!maze_recovery_parse(text, &recovery, NULL)) {
		maze_recovery_format(recovery, printed, sizeof(printed));
		if (maze_recovery_parse(printed, &recovery_again, NULL) ||
		    recovery_again != recovery)
			abort();
	}
	free(text);
	return 0;
}
