/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of addresses from texts that list them by the ten thousand: /proc/kallsyms, and
 * the map that a JIT compiler leaves for perf(1). Read once from end to end for a set of
 * addresses; nothing of it is kept.
 */
#ifndef MAZE_EVIDENCE_NAMED_ADDRESSES_H
#define MAZE_EVIDENCE_NAMED_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "symbols.h"

struct named_address {
	maze_u64 address;
	maze_u64 start;		     /* of what has that name */
	char name[SYMBOLS_NAME_MAX]; /* "": not known */
};

/* Puts them in the order that the finders want. */
void named_addresses_sort(struct named_address *addresses, size_t count);
/*
 * Lines "START SIZE NAME", the first two hexadecimal, in any order; where two overlap, the
 * later holds, as code is replaced. Lines that are none are passed over. `text` need not
 * end with NUL.
 */
void named_addresses_perf_map(const char *text, size_t size, struct named_address *addresses,
			      size_t count);
/*
 * Lines as in /proc/kallsyms. False: all addresses in it are 0, which is how the kernel
 * says that they are not for this user.
 */
bool named_addresses_kallsyms(int fd, struct named_address *addresses, size_t count);

#endif
