/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of another process, as a callback. All code that interprets it uses only
 * this, so that tests and fuzzers can run it on any bytes.
 */
#ifndef MAZE_EVIDENCE_PYTHON_MEMORY_H
#define MAZE_EVIDENCE_PYTHON_MEMORY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../core/types.h"

struct python_memory {
	/* Reads all bytes, or returns false. The size is at most PYTHON_READ_MAX. */
	bool (*read)(void *arg, maze_u64 address, void *buf, size_t size);
	void *arg;
	unsigned int reads_left; /* bounds the work for one stack */
};

#define PYTHON_READ_MAX 4096
/* A stack of a hundred functions takes about a thousand reads. */
#define PYTHON_READS_MAX 20000

/* Returns 0, -EFAULT for an unreadable address, or -E2BIG after too many reads. */
static inline int python_memory_read(struct python_memory *memory, maze_u64 address, void *buf,
				     size_t size)
{
	if (!memory->reads_left)
		return -E2BIG;
	memory->reads_left--;
	if (!address || address > ~0ULL - size || !memory->read(memory->arg, address, buf, size))
		return -EFAULT;
	return 0;
}

#endif
