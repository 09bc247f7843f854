/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the functions and source lines of an offset in an ELF file, by DWARF or else by
 * symbol tables. The files are untrusted, so this runs in the symbolizer process
 * (symbolizer.h) on open descriptors. It opens no file and uses no network (debuginfod).
 */
#ifndef MAZE_EVIDENCE_SYMBOLS_H
#define MAZE_EVIDENCE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/types.h"

/* The maximum of inlining levels. Outer functions beyond it are cut off. */
#define SYMBOLS_INLINE_MAX 16
/* C++ names can be longer. Their end is then cut off. */
#define SYMBOLS_NAME_MAX 512

struct symbol {
	char function[SYMBOLS_NAME_MAX]; /* "": unknown */
	char file[SYMBOLS_NAME_MAX];	 /* source; "": unknown */
	unsigned int line;		 /* 0: unknown */
	bool inlined;			 /* this function is inlined into the next one */
};

/* The descriptors of the files of one module; -1: none. */
struct symbols_files {
	int fd;
	int debug_fd;		 /* the separate debug file */
	int shared_fd;		 /* the part shared by several debug files (.gnu_debugaltlink) */
	const char *shared_name; /* the name of `shared_fd` in the link; NULL: none */
};

struct symbols;

/* The caller keeps the descriptors. NULL: no ELF file, or out of memory. */
struct symbols *symbols_open(const struct symbols_files *files);
/*
 * Finds the symbols of an offset of the file, innermost first. Returns their number, or 0
 * if none is known. `ret` has room for SYMBOLS_INLINE_MAX.
 */
size_t symbols_find(struct symbols *symbols, maze_u64 offset, struct symbol *ret);
/*
 * Finds a variable by its symbol, or else a section by its name. Returns the address that
 * the file gives it. False: there is neither.
 */
bool symbols_find_data(struct symbols *symbols, const char *variable, const char *section,
		       maze_u64 *ret_address);
void symbols_close(struct symbols *symbols);

#endif
