/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the names of addresses in long lists: /proc/kallsyms, and the map that a JIT
 * compiler writes for perf(1). A list is read once for a set of addresses and not kept.
 */
#ifndef MAZE_EVIDENCE_NAMED_ADDRESSES_H
#define MAZE_EVIDENCE_NAMED_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "symbols.h"

struct named_address {
	maze_u64 address;
	maze_u64 start;		     /* of the function */
	char name[SYMBOLS_NAME_MAX]; /* "": unknown */
};

/* Sorts the addresses. The other calls need them sorted. */
void named_addresses_sort(struct named_address *addresses, size_t count);
/*
 * The text has lines "START SIZE NAME" with hexadecimal numbers, in any order. If two
 * ranges overlap, the later line is valid, because a JIT compiler replaces code. Other
 * lines are ignored. The text needs no NUL.
 */
void named_addresses_perf_map(const char *text, size_t size, struct named_address *addresses,
			      size_t count);
/* Reads /proc/kallsyms. Returns false if this user sees only 0 for all addresses. */
bool named_addresses_kallsyms(int fd, struct named_address *addresses, size_t count);

#endif
