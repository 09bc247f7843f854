/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules: the open files that contain a process's code, found by build-id or mapping,
 * with their separate debug files. A search by build-id only accepts a file with that
 * build-id.
 *
 * Files stay open for a while, because many runaway threads run the same program. A
 * module is valid until the next call that may open another, or while it is held.
 */
#ifndef MAZE_EVIDENCE_MODULES_H
#define MAZE_EVIDENCE_MODULES_H

#include <sys/stat.h>

#include "elf_file.h"
#include "../capture/process_info.h"
#include "symbols.h"

struct module {
	maze_u64 number; /* 1, 2, …: never reused; for caches */
	bool has_build_id;
	maze_u8 build_id[MAZE_BUILD_ID_LEN];
	char *path; /* as the process has it */
	struct symbols_files files;
	char shared_name[ELF_FILE_NAME_MAX];
	bool debug_sought;
	struct stat identity;
	maze_u64 used; /* the set's count of uses at its last use */
	unsigned int held;
};

/* Where to search: in a process, or by the path of its program once it has ended. */
struct modules_scope {
	const struct process_info *live; /* NULL: it has ended */
	const char *exe;		 /* NULL: unknown */
};

struct modules;

int modules_new(struct modules **ret);
void modules_free(struct modules *modules);

/* NULL: no file with that build-id was found. */
struct module *modules_by_build_id(struct modules *modules, const struct modules_scope *scope,
				   const maze_u8 build_id[MAZE_BUILD_ID_LEN]);
/* The mapped file. NULL: it cannot be opened. The process must be live. */
struct module *modules_by_map(struct modules *modules, const struct modules_scope *scope,
			      const struct map *map);
/* Searches the module's debug files once and opens them in module->files. */
void modules_seek_debug(struct module *module, const struct modules_scope *scope);

#endif
