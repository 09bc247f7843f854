/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that a process has its code from, opened: by build-id or by mapping, with
 * their separate debug files. A file is taken for a build-id only if it has that
 * build-id, wherever it was found; so a wrong one is never used.
 *
 * Opened files are kept for a while, because many threads burn in the same program. A
 * module stays valid until the next call that may open another, or while it is held.
 */
#ifndef MAZE_EVIDENCE_MODULES_H
#define MAZE_EVIDENCE_MODULES_H

#include <sys/stat.h>

#include "elf_file.h"
#include "../capture/process_info.h"
#include "symbols.h"

struct module {
	maze_u64 number; /* 1, 2, …: this very file, never another's; for caches */
	bool has_build_id;
	maze_u8 build_id[MAZE_BUILD_ID_LEN];
	char *path; /* as the process has it */
	struct symbols_files files;
	char shared_name[ELF_FILE_NAME_MAX];
	bool debug_sought;
	struct stat identity;
	maze_u64 used; /* when, by count of uses */
	unsigned int held;
};

/* Where to look: in a process, and if it is gone, by the path of its program. */
struct modules_scope {
	const struct process_info *live; /* NULL: it is gone */
	const char *exe;		 /* NULL: not known */
};

struct modules;

int modules_new(struct modules **ret);
void modules_free(struct modules *modules);

/* NULL: there is no file with that build-id, where it may be looked for. */
struct module *modules_by_build_id(struct modules *modules, const struct modules_scope *scope,
				   const maze_u8 build_id[MAZE_BUILD_ID_LEN]);
/* The file that is mapped there. NULL: not to be opened. The process must be live. */
struct module *modules_by_map(struct modules *modules, const struct modules_scope *scope,
			      const struct map *map);
/* Looks for the module's debug files once; they are in module->files afterwards. */
void modules_seek_debug(struct module *module, const struct modules_scope *scope);

/* A regular file below a root, symbolic links resolved within it. A descriptor or -errno. */
int modules_open_in(int root_fd, const char *path);

#endif
