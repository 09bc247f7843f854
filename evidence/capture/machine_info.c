/* SPDX-License-Identifier: GPL-2.0-only */
#include "machine_info.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <systemd/sd-id128.h>
#include <time.h>
#include <unistd.h>

#include "../../base/cgroup.h"
#include "../../base/clock.h"

/* FILEID_KERNFS of linux/exportfs.h: the handle of a cgroup is its inode number. */
#define KERNFS_HANDLE 0xfe
/* A user without the right to open by handle searches so many directories at most. */
#define CGROUPS_SEARCHED_MAX 4096

void machine_info_read(struct machine_info *ret_machine)
{
	struct machine_info machine = { .cpus = sysconf(_SC_NPROCESSORS_ONLN) };

	if (getloadavg(machine.load, 3) != 3)
		memset(machine.load, 0, sizeof(machine.load));
	machine.uptime_s = now_ns(CLOCK_BOOTTIME) / MAZE_NSEC_PER_SEC;
	*ret_machine = machine;
}

/* ---- where it is from -------------------------------------------------------------- */

/* Copies a value of os-release(5) without the quotes and backslashes of a shell. */
static void unquote(const char *value, char ret_text[ORIGIN_LEN])
{
	char quote = *value == '"' || *value == '\'' ? *value++ : '\0';
	size_t n = 0;

	for (; *value && *value != '\n' && *value != quote && n < ORIGIN_LEN - 1; value++) {
		if (*value == '\\' && quote != '\'' && value[1])
			value++;
		ret_text[n++] = *value;
	}
	ret_text[n] = '\0';
}

bool machine_info_os(const char *path, struct origin *origin)
{
	static const struct {
		const char *key;
		enum origin_text text;
	} keys[] = { { "PRETTY_NAME=", ORIGIN_OS },
		     { "ID=", ORIGIN_OS_ID },
		     { "VERSION_ID=", ORIGIN_OS_VERSION } };
	FILE *file = fopen(path, "re");
	char line[1024];
	size_t i;

	while (file && fgets(line, sizeof(line), file))
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (!strncmp(line, keys[i].key, strlen(keys[i].key)))
				unquote(line + strlen(keys[i].key), origin->text[keys[i].text]);
	if (file)
		fclose(file);
	return file;
}

/*
 * machine-id(5) forbids to show the machine ID to others, and incidents are passed on. The
 * ID in an incident is derived from it: systemd-id128 machine-id --app-specific=ID.
 */
static const sd_id128_t maze_app_id =
	SD_ID128_MAKE(cc, ae, b9, a2, 52, ed, 41, cc, 88, ed, 9a, 6d, 87, 4f, 92, 21);

static void set_text(struct origin *origin, enum origin_text which, const char *text)
{
	snprintf(origin->text[which], ORIGIN_LEN, "%s", text);
}

void machine_info_origin(struct origin *origin)
{
	struct utsname name;
	sd_id128_t id;

	if (!uname(&name)) {
		set_text(origin, ORIGIN_HOST, name.nodename);
		set_text(origin, ORIGIN_KERNEL, name.release);
		set_text(origin, ORIGIN_ARCH, name.machine);
	}
	if (!sd_id128_get_machine_app_specific(maze_app_id, &id))
		sd_id128_to_string(id, origin->text[ORIGIN_MACHINE_ID]);
	if (!sd_id128_get_boot(&id))
		sd_id128_to_string(id, origin->text[ORIGIN_BOOT_ID]);
	if (!machine_info_os("/etc/os-release", origin))
		machine_info_os("/usr/lib/os-release", origin);
	set_text(origin, ORIGIN_MAZE, MAZE_VERSION);
}

/* ---- cgroups ----------------------------------------------------------------------- */

/* Searches below `dir`, which it closes. Returns a descriptor or -ENOENT. */
static int search_cgroup(int dir, maze_u64 inode, unsigned int *left)
{
	DIR *stream = fdopendir(dir);
	struct dirent *entry;
	int found = -ENOENT, fd;

	if (!stream)
		close(dir);
	while (stream && found < 0 && *left && (entry = readdir(stream))) {
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		--*left;
		fd = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && entry->d_ino == inode)
			found = fd;
		else if (fd >= 0)
			found = search_cgroup(fd, inode, left);
	}
	if (stream)
		closedir(stream);
	return found;
}

/* `root` is the root cgroup. Returns a descriptor or -errno. */
static int find_cgroup(int root, maze_u64 inode)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(inode)];
	} by_number = { .handle = { .handle_bytes = sizeof(inode), .handle_type = KERNFS_HANDLE } };
	unsigned int left = CGROUPS_SEARCHED_MAX;
	int dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (dir < 0)
		return -errno;
	memcpy(by_number.handle.f_handle, &inode, sizeof(inode));
	fd = open_by_handle_at(dir, &by_number.handle, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == EPERM)
		return search_cgroup(dir, inode, &left);
	if (fd < 0)
		fd = -errno;
	close(dir);
	return fd;
}

char *machine_info_cgroup_path(maze_u64 inode)
{
	char path[PATH_MAX], *found = NULL;
	struct cgroup_fs fs;
	int fd;

	if (!inode || cgroup_fs_open(&fs, NULL))
		return NULL;
	fd = find_cgroup(fs.fd, inode);
	if (fd >= 0 && cgroup_path(&fs, fd, path))
		found = strdup(path);
	if (fd >= 0)
		close(fd);
	cgroup_fs_close(&fs);
	return found;
}
