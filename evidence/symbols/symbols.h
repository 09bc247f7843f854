/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a place in an ELF file to functions and source lines, by DWARF where there is any
 * and else by symbol tables. The files may be anybody's, so this runs in the helper
 * process (symbolizer.h), on descriptors that were opened for it; it opens no file, and asks
 * nobody on the network (debuginfod), itself.
 */
#ifndef MAZE_EVIDENCE_SYMBOLS_H
#define MAZE_EVIDENCE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/types.h"

/* More functions inlined into each other than that are cut off at the outer end. */
#define SYMBOLS_INLINE_MAX 16
/* C++ names can be longer; what a person reads is the beginning. */
#define SYMBOLS_NAME_MAX 512

struct symbol {
	char function[SYMBOLS_NAME_MAX]; /* "": not known */
	char file[SYMBOLS_NAME_MAX];	 /* source; "": not known */
	unsigned int line;		 /* 0: not known */
	bool inlined;			 /* into the next one */
};

/* The files of one module; -1 where there is none. */
struct symbols_files {
	int fd;
	int debug_fd;		 /* its separate debug file */
	int shared_fd;		 /* what that shares with other debug files (.gnu_debugaltlink) */
	const char *shared_name; /* by which the link names it; NULL */
};

struct symbols;

/* The descriptors stay the caller's. NULL: no ELF file, or no memory. */
struct symbols *symbols_open(const struct symbols_files *files);
/*
 * What is at an offset of the file, innermost first: how many, 0: nothing is known.
 * `ret` has room for SYMBOLS_INLINE_MAX.
 */
size_t symbols_find(struct symbols *symbols, maze_u64 offset, struct symbol *ret);
void symbols_close(struct symbols *symbols);

#endif
