/* SPDX-License-Identifier: GPL-2.0-only */
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../capture/process_root.h"
#include "modules_debug.h"

/* The maximum of open modules. Each holds three descriptors at most. */
#define KEPT_MAX 48
/* The maximum of libraries that are searched for a process that has ended. */
#define NEEDED_MAX 128

struct modules {
	struct module kept[KEPT_MAX]; /* number 0: a free slot */
	maze_u64 next_number;
	maze_u64 uses;
};

/* ---- opening ----------------------------------------------------------------------- */

static bool is_exe(const struct process_info *live, const struct map *map)
{
	return live->exe && map_has_file(map) && !strcmp(map->path, live->exe);
}

/* Returns the descriptor, or closes it and returns -ESTALE if it is another file. */
static int with_inode(int fd, maze_u64 inode)
{
	struct stat status;

	if (fd < 0 || (!fstat(fd, &status) && status.st_ino == inode))
		return fd;
	close(fd);
	return -ESTALE;
}

static int open_by_path(const struct process_info *live, const struct map *map)
{
	int root = process_root_open(live), fd;

	if (root < 0)
		return root;
	fd = process_root_open_file(root, map->path);
	close(root);
	return fd;
}

/*
 * Opens the mapped file by the kernel's link in map_files, or else by those that need no
 * privilege: the link to the program, which leads to a deleted file too, and the path. The
 * file must then have the same inode number. The device numbers are not compared, because
 * those in maps and in stat(2) differ on overlayfs.
 */
static int open_map(const struct modules_scope *scope, const struct map *map)
{
	const int flags = O_RDONLY | O_NOCTTY | O_CLOEXEC;
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "map_files/%llx-%llx", map->start, map->end);
	fd = openat(scope->live->proc_fd, link, flags);
	if (fd >= 0)
		return fd;
	fd = is_exe(scope->live, map) ? openat(scope->live->proc_fd, "exe", flags) : -1;
	fd = with_inode(fd, map->inode);
	return fd < 0 ? with_inode(open_by_path(scope->live, map), map->inode) : fd;
}

/* ---- open modules ------------------------------------------------------------------ */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void drop(struct module *module)
{
	int fds[] = { module->files.fd, module->files.debug_fd, module->files.shared_fd };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(module->path);
	*module = (struct module){ 0 };
}

static struct module *kept_by_identity(struct modules *modules, const struct stat *identity)
{
	size_t i;

	for (i = 0; i < KEPT_MAX; i++)
		if (modules->kept[i].number && same_file(&modules->kept[i].identity, identity))
			return &modules->kept[i];
	return NULL;
}

/* Returns the program that was opened for this process, unless it was overwritten since. */
static struct module *opened_before(struct modules *modules, const struct modules_scope *scope)
{
	struct module *module;
	struct stat now;

	for (module = modules->kept; module < modules->kept + KEPT_MAX; module++)
		if (module->number && module->number == scope->opened)
			break;
	if (module == modules->kept + KEPT_MAX || fstat(module->files.fd, &now) ||
	    now.st_size != module->identity.st_size ||
	    now.st_mtim.tv_sec != module->identity.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != module->identity.st_mtim.tv_nsec)
		return NULL;
	module->used = ++modules->uses;
	return module;
}

/* Returns a free slot, or that of the least recently used module. NULL: all are held. */
static struct module *make_room(struct modules *modules)
{
	struct module *oldest = NULL, *module;

	for (module = modules->kept; module < modules->kept + KEPT_MAX; module++) {
		if (!module->number)
			return module;
		if (!module->held && (!oldest || module->used < oldest->used))
			oldest = module;
	}
	if (oldest)
		drop(oldest);
	return oldest;
}

/*
 * Takes over the descriptor. Closes it if the file is already open, or if its build-id is
 * not `wanted` (NULL: any build-id).
 */
static struct module *take_fd(struct modules *modules, int fd, const char *path,
			      const maze_u8 *wanted)
{
	maze_u8 build_id[MAZE_BUILD_ID_LEN] = { 0 };
	struct module *module = NULL;
	struct stat identity;
	bool has_build_id;

	if (fstat(fd, &identity) || !S_ISREG(identity.st_mode))
		goto out_close;
	module = kept_by_identity(modules, &identity);
	if (module) {
		if (wanted &&
		    (!module->has_build_id || memcmp(module->build_id, wanted, MAZE_BUILD_ID_LEN)))
			module = NULL;
		goto out_close;
	}
	has_build_id = !elf_file_build_id(fd, build_id);
	if (wanted && (!has_build_id || memcmp(build_id, wanted, MAZE_BUILD_ID_LEN)))
		goto out_close;
	module = make_room(modules);
	if (!module)
		goto out_close;
	*module = (struct module){
		.number = ++modules->next_number,
		.has_build_id = has_build_id,
		.path = strdup(path),
		.files = { .fd = fd, .debug_fd = -1, .shared_fd = -1 },
		.identity = identity,
	};
	memcpy(module->build_id, build_id, sizeof(build_id));
	fd = -1;
out_close:
	if (module)
		module->used = ++modules->uses;
	if (fd >= 0)
		close(fd);
	return module;
}

/* ---- search ------------------------------------------------------------------------ */

struct module *modules_by_map(struct modules *modules, const struct modules_scope *scope,
			      const struct map *map)
{
	struct module *module;
	int fd;

	if (!map_has_file(map))
		return NULL;
	fd = scope->live && scope->live->proc_fd >= 0 ? open_map(scope, map) : -ESRCH;
	if (fd >= 0)
		return take_fd(modules, fd, map->path, NULL);
	module = opened_before(modules, scope);
	return module && scope->exe && !strcmp(scope->exe, map->path) ? module : NULL;
}

maze_u64 modules_open_exe(struct modules *modules, const struct process_info *live)
{
	const struct modules_scope scope = { .live = live };
	struct module *module = NULL;
	size_t i;

	for (i = 0; i < live->maps.count && !module; i++)
		if (is_exe(live, &live->maps.map[i]))
			module = modules_by_map(modules, &scope, &live->maps.map[i]);
	return module ? module->number : 0;
}

static struct module *find_in_maps(struct modules *modules, const struct modules_scope *scope,
				   const maze_u8 *build_id)
{
	const struct maps *maps = &scope->live->maps;
	struct module *module;
	maze_u64 previous = 0;
	size_t i;
	int fd;

	for (i = 0; i < maps->count; i++) {
		/* The mappings of one file are adjacent, so try each file only once. */
		if (!map_has_file(&maps->map[i]) || maps->map[i].inode == previous)
			continue;
		previous = maps->map[i].inode;
		fd = open_map(scope, &maps->map[i]);
		module = fd < 0 ? NULL : take_fd(modules, fd, maps->map[i].path, build_id);
		if (module)
			return module;
	}
	return NULL;
}

/* The directories where ld.so(8) searches and distributions install libraries. */
static const char *const library_directories[] = {
#if defined(__x86_64__)
	"/usr/lib/x86_64-linux-gnu",
	"/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
	"/usr/lib/aarch64-linux-gnu",
	"/lib/aarch64-linux-gnu",
#endif
	"/usr/lib64",
	"/lib64",
	"/usr/lib",
	"/lib",
	"/usr/local/lib",
};

/* The names of all libraries that a program needs directly or through other libraries. */
struct walk {
	char names[NEEDED_MAX][ELF_FILE_NAME_MAX];
	size_t count;
};

static void add_needed(struct walk *walk, int fd)
{
	char names[ELF_FILE_NEEDED_MAX][ELF_FILE_NAME_MAX];
	int count = elf_file_needed(fd, names), i;
	size_t seen;

	for (i = 0; i < count && walk->count < NEEDED_MAX; i++) {
		for (seen = 0; seen < walk->count; seen++)
			if (!strcmp(walk->names[seen], names[i]))
				break;
		if (seen == walk->count && !strchr(names[i], '/'))
			memcpy(walk->names[walk->count++], names[i], sizeof(names[i]));
	}
}

/* Opens a library in one of the usual directories or in the directory of the program. */
static int open_library(int root, const char *exe, const char *name, char *ret_path)
{
	const size_t usual = sizeof(library_directories) / sizeof(library_directories[0]);
	const char *slash = strrchr(exe, '/');
	int fd = -ENOENT;
	size_t i;

	for (i = 0; fd < 0 && i <= usual; i++) {
		if (i < usual)
			snprintf(ret_path, PATH_MAX, "%s/%s", library_directories[i], name);
		else
			snprintf(ret_path, PATH_MAX, "%.*s/%s", (int)(slash - exe), exe, name);
		fd = process_root_open_file(root, ret_path);
	}
	return fd;
}

static struct module *find_needed(struct modules *modules, int root, const char *exe, int exe_fd,
				  const maze_u8 *build_id)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	struct module *module = NULL;
	char path[PATH_MAX];
	size_t i;
	int fd;

	if (walk)
		add_needed(walk, exe_fd);
	for (i = 0; walk && !module && i < walk->count; i++) {
		fd = open_library(root, exe, walk->names[i], path);
		if (fd < 0)
			continue;
		add_needed(walk, fd);
		module = take_fd(modules, fd, path, build_id);
	}
	free(walk);
	return module;
}

/* Closes the root. Below 0: there is none. */
static struct module *find_by_exe_below(struct modules *modules, int root, const char *exe,
					const maze_u8 *build_id)
{
	int fd = root < 0 ? root : process_root_open_file(root, exe), copy;
	struct module *module = NULL;

	copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0)
		module = take_fd(modules, copy, exe, build_id);
	if (fd >= 0 && !module)
		module = find_needed(modules, root, exe, fd, build_id);
	if (fd >= 0)
		close(fd);
	if (root >= 0)
		close(root);
	return module;
}

/* The process has ended, so this resolves its paths below roots that it may have had. */
static struct module *find_by_exe(struct modules *modules, const char *exe, const maze_u8 *build_id)
{
	return find_by_exe_below(modules, process_root_open(NULL), exe, build_id)
		       ?: find_by_exe_below(modules, process_root_open_first(), exe, build_id);
}

struct module *modules_by_build_id(struct modules *modules, const struct modules_scope *scope,
				   const maze_u8 build_id[MAZE_BUILD_ID_LEN])
{
	struct module *module = NULL;
	char path[PATH_MAX];
	int fd;

	if (scope->live && scope->live->proc_fd >= 0)
		module = find_in_maps(modules, scope, build_id);
	if (!module) {
		module = opened_before(modules, scope);
		if (module && (!module->has_build_id ||
			       memcmp(module->build_id, build_id, MAZE_BUILD_ID_LEN) != 0))
			module = NULL;
	}
	if (!module && scope->exe && scope->exe[0] == '/')
		module = find_by_exe(modules, scope->exe, build_id);
	if (module)
		return module;
	/* If the module is missing, its separate debug file still has the names. */
	fd = modules_open_debug_of(build_id, path, sizeof(path));
	return fd < 0 ? NULL : take_fd(modules, fd, path, build_id);
}

/* ---- the set ----------------------------------------------------------------------- */

int modules_new(struct modules **ret)
{
	struct modules *modules = calloc(1, sizeof(*modules));

	if (!modules)
		return -ENOMEM;
	*ret = modules;
	return 0;
}

void modules_free(struct modules *modules)
{
	size_t i;

	for (i = 0; modules && i < KEPT_MAX; i++)
		if (modules->kept[i].number)
			drop(&modules->kept[i]);
	free(modules);
}
