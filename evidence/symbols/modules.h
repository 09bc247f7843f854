/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module is an open file that contains code of a process, with its separate debug
 * files. Modules are found by build-id or by mapping. A search by build-id accepts only a
 * file that has this build-id.
 *
 * Modules stay open for a while, because many runaway threads run the same program. A
 * module is valid until the next call that may open another one, or as long as it is
 * held.
 */
#ifndef MAZE_EVIDENCE_MODULES_H
#define MAZE_EVIDENCE_MODULES_H

#include <sys/stat.h>

#include "elf_file.h"
#include "../capture/process_info.h"
#include "symbols.h"

struct module {
	maze_u64 number; /* counts from 1 and is never reused; a key for caches */
	bool has_build_id;
	maze_u8 build_id[MAZE_BUILD_ID_LEN];
	char *path; /* the path in the view of the process */
	struct symbols_files files;
	char shared_name[ELF_FILE_NAME_MAX];
	bool debug_sought;
	struct stat identity;
	maze_u64 used; /* the value of `uses` at the last use */
	unsigned int held;
};

/* Where to search: in the process, or by the path of its program if it has ended. */
struct modules_scope {
	const struct process_info *live; /* NULL: it has ended */
	const char *exe;		 /* NULL: unknown */
	maze_u64 opened;		 /* by modules_open_exe(); 0: none */
};

struct modules;

int modules_new(struct modules **ret);
void modules_free(struct modules *modules);

/* Returns NULL if no file with this build-id was found. */
struct module *modules_by_build_id(struct modules *modules, const struct modules_scope *scope,
				   const maze_u8 build_id[MAZE_BUILD_ID_LEN]);
/*
 * Opens the file that a live process has mapped, or takes its program, if that was opened
 * before. Returns NULL if neither is possible.
 */
struct module *modules_by_map(struct modules *modules, const struct modules_scope *scope,
			      const struct map *map);
/*
 * Opens the program of a live process before its stacks come. The process may have ended by
 * then, and its path may lead nowhere here: a service can have a /tmp of its own. Returns the
 * number of the module, for the scope of this process, or 0.
 */
maze_u64 modules_open_exe(struct modules *modules, const struct process_info *live);
/* Searches the module's debug files in the first call and opens them in module->files. */
void modules_seek_debug(struct module *module, const struct modules_scope *scope);

#endif
