/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds separate debug files by build-id in /usr/lib/debug, or by the .gnu_debuglink of
 * the module. Searches first below the root of the process, then below our own. Always
 * compares build-ids, because for the checksum of a .gnu_debuglink it would have to read
 * the whole file.
 */
#include "modules_debug.h"
#include "../capture/process_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_ROOT "/usr/lib/debug"

/* Writes "/usr/lib/debug/.build-id/ab/cdef….debug". */
static void debug_path(const maze_u8 *build_id, char *ret_path, size_t size)
{
	size_t length = elf_file_build_id_length(build_id), i, n;

	n = (size_t)snprintf(ret_path, size, DEBUG_ROOT "/.build-id/%02x/", build_id[0]);
	for (i = 1; i < length; i++)
		n += (size_t)snprintf(ret_path + n, size - n, "%02x", build_id[i]);
	snprintf(ret_path + n, size - n, ".debug");
}

/* Returns -ESTALE if the file has another build-id. */
static int open_checked(int root, const char *path, const maze_u8 *build_id)
{
	maze_u8 found[MAZE_BUILD_ID_LEN];
	int fd = process_root_open_file(root, path);

	if (fd < 0)
		return fd;
	if (elf_file_build_id(fd, found) || memcmp(found, build_id, MAZE_BUILD_ID_LEN)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

int modules_open_debug_of(const maze_u8 build_id[MAZE_BUILD_ID_LEN], char *ret_path, size_t size)
{
	int root = process_root_open(NULL), fd;

	if (root < 0)
		return root;
	debug_path(build_id, ret_path, size);
	fd = open_checked(root, ret_path, build_id);
	close(root);
	return fd;
}

/* Opens the file that .gnu_debuglink names, in the directories that gdb(1) searches. */
static int open_linked(int root, const struct module *module, char *ret_path, size_t size)
{
	char name[ELF_FILE_NAME_MAX];
	const char *slash = module->path ? strrchr(module->path, '/') : NULL;
	int length, fd;

	if (!slash ||
	    elf_file_section(module->files.fd, ".gnu_debuglink", name, sizeof(name)) <= 0 ||
	    !name[0] || strchr(name, '/'))
		return -ENOENT;
	length = (int)(slash - module->path);
	snprintf(ret_path, size, "%.*s/%s", length, module->path, name);
	fd = open_checked(root, ret_path, module->build_id);
	if (fd >= 0)
		return fd;
	snprintf(ret_path, size, "%.*s/.debug/%s", length, module->path, name);
	fd = open_checked(root, ret_path, module->build_id);
	if (fd >= 0)
		return fd;
	snprintf(ret_path, size, DEBUG_ROOT "%.*s/%s", length, module->path, name);
	return open_checked(root, ret_path, module->build_id);
}

static int open_debug(int root, const struct module *module, char *ret_path, size_t size)
{
	int fd;

	debug_path(module->build_id, ret_path, size);
	fd = open_checked(root, ret_path, module->build_id);
	return fd >= 0 ? fd : open_linked(root, module, ret_path, size);
}

/*
 * Opens the file into which dwz(1) has moved the common parts of several debug files. Its
 * link in the debug file consists of a path, a NUL and the build-id. The path is absolute
 * or relative to the debug file.
 */
static void open_shared(int root, struct module *module, const char *debug)
{
	char link[ELF_FILE_NAME_MAX + MAZE_BUILD_ID_LEN + 1], path[PATH_MAX];
	int from = module->files.debug_fd >= 0 ? module->files.debug_fd : module->files.fd;
	int size = elf_file_section(from, ".gnu_debugaltlink", link, sizeof(link));
	maze_u8 build_id[MAZE_BUILD_ID_LEN] = { 0 };
	const char *slash = strrchr(debug, '/');
	size_t length;

	length = size > 0 ? strlen(link) + 1 : 0;
	if (length <= 1 || length > ELF_FILE_NAME_MAX || (size_t)size <= length ||
	    (size_t)size - length > MAZE_BUILD_ID_LEN)
		return;
	memcpy(build_id, link + length, (size_t)size - length);
	if (link[0] == '/')
		snprintf(path, sizeof(path), "%s", link);
	else
		snprintf(path, sizeof(path), "%.*s/%s", slash ? (int)(slash - debug) : 0, debug,
			 link);
	module->files.shared_fd = open_checked(root, path, build_id);
	if (module->files.shared_fd < 0)
		return;
	memcpy(module->shared_name, link, length);
	module->files.shared_name = module->shared_name;
}

static void seek_below(int root, struct module *module)
{
	char path[PATH_MAX] = "";

	module->files.debug_fd = open_debug(root, module, path, sizeof(path));
	if (module->files.debug_fd < 0 && module->path)
		snprintf(path, sizeof(path), "%s", module->path);
	open_shared(root, module, path);
}

void modules_seek_debug(struct module *module, const struct modules_scope *scope)
{
	int root;

	if (module->debug_sought)
		return;
	module->debug_sought = true;
	/* Without a build-id no debug file can be verified. */
	if (!module->has_build_id)
		return;
	root = process_root_open(scope->live);
	if (root >= 0) {
		seek_below(root, module);
		close(root);
	}
	if (module->files.debug_fd >= 0 || module->files.shared_fd >= 0)
		return;
	root = process_root_open(NULL);
	if (root >= 0) {
		seek_below(root, module);
		close(root);
	}
}
