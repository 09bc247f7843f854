/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any text as a map that a JIT compiler wrote for perf(1): names are terminated, and
 * found only for addresses within the range of a line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/symbols/named_addresses.h"

#define COUNT 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const maze_u64 wanted[COUNT] = { 0, 1, 0x1000, 0x7f0000001000ULL, ~0ULL };
	struct named_address addresses[COUNT];
	/* Allocated with the exact size, so that a read beyond the end is detected. */
	char *text = malloc(size ? size : 1);
	size_t i;

	if (!text)
		return 0;
	memcpy(text, data, size);
	memset(addresses, 0, sizeof(addresses));
	for (i = 0; i < COUNT; i++)
		addresses[i].address = wanted[COUNT - 1 - i];
	named_addresses_sort(addresses, COUNT);
	named_addresses_perf_map(text, size, addresses, COUNT);
	for (i = 0; i < COUNT; i++) {
		if (addresses[i].address != wanted[i] ||
		    !memchr(addresses[i].name, '\0', sizeof(addresses[i].name)))
			abort();
		if (addresses[i].name[0] && addresses[i].start > addresses[i].address)
			abort();
	}
	free(text);
	return 0;
}
