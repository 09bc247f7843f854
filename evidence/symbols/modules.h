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
	/* As in the maps of the process for which it was opened last; 0: by build-id. */
	unsigned int map_major, map_minor;
	maze_u64 map_inode;
	maze_u64 used; /* the value of `uses` at the last use */
	unsigned int held;
};

/*
 * Where to search: in the process, or if it has ended, among the open modules and by the path
 * of its program.
 */
struct modules_scope {
	const struct process_info *live; /* NULL: it has ended */
	const char *exe;		 /* NULL: unknown */
};

struct modules;

int modules_new(struct modules **ret);
void modules_free(struct modules *modules);

/* Returns NULL if no file with this build-id was found. */
struct module *modules_by_build_id(struct modules *modules, const struct modules_scope *scope,
				   const maze_u8 build_id[MAZE_BUILD_ID_LEN]);
/*
 * Opens the mapped file of a live process, or finds that of an ended one among the open
 * modules. Returns NULL if the file cannot be opened.
 */
struct module *modules_by_map(struct modules *modules, const struct modules_scope *scope,
			      const struct map *map);
/*
 * Opens the program of a live process in advance, because the process may end before its
 * stacks come, and its path may mean nothing here: a service has a /tmp of its own.
 */
void modules_open_exe(struct modules *modules, const struct process_info *live);
/* Searches the module's debug files in the first call and opens them in module->files. */
void modules_seek_debug(struct module *module, const struct modules_scope *scope);

#endif
