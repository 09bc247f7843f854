/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a line of /proc/maze/entries: accepted or refused, no read beyond the end,
 * and every accepted line is a policy that the core accepts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kmod/module/grammar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct grammar_order order;
	unsigned char untouched[sizeof(order)];
	char *line = malloc(size ? size : 1);

	if (!line)
		return 0;
	memcpy(line, data, size);
	memset(&order, 0x5a, sizeof(order));
	memset(untouched, 0x5a, sizeof(untouched));
	if (grammar_parse(line, size, &order)) {
		if (order.kind == GRAMMAR_WATCH &&
		    (maze_policy_check(&order.policy) != MAZE_POLICY_OK || !order.pid))
			abort();
		if (order.kind == GRAMMAR_END && !order.pid)
			abort();
	} else if (memcmp((unsigned char *)&order, untouched, sizeof(order)) != 0) {
		abort();
	}
	free(line);
	return 0;
}
