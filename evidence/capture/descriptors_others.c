/* SPDX-License-Identifier: GPL-2.0-only */
/* Searches /proc/PID/fd of all processes for the other ends of pipes and unix sockets. */
#include "descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"

/* The inode of the first PID namespace. In another one, processes are not visible. */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

struct search {
	struct descriptors *descriptors;
	size_t first;
	maze_u64 until_ns;
	bool is_complete;
};

static bool is_wanted(const struct descriptor *descriptor)
{
	if (descriptor->other != OTHER_UNKNOWN)
		return false;
	return descriptor->kind == DESCRIPTOR_PIPE || descriptor->other_inode;
}

static bool goes_on(const struct search *search)
{
	size_t i;

	for (i = search->first; i < search->descriptors->count; i++)
		if (is_wanted(&search->descriptors->descriptor[i]))
			return true;
	return false;
}

/* Whether the link of an open pipe is of the end that the descriptor is not. */
static bool is_other_end(int dir, const char *name, const struct descriptor *descriptor)
{
	int mode = (int)descriptor->info.flags & O_ACCMODE;
	struct stat status;

	if (mode == O_RDWR)
		return true;
	if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW))
		return false;
	return status.st_mode & (mode == O_RDONLY ? S_IWUSR : S_IRUSR);
}

static void compare(struct search *search, int dir, const char *name, pid_t pid)
{
	char target[64];
	ssize_t length = readlinkat(dir, name, target, sizeof(target) - 1);
	struct descriptor *descriptor;
	unsigned long long inode;
	bool is_pipe;
	size_t i;

	if (length <= 0)
		return;
	target[length] = '\0';
	is_pipe = sscanf(target, "pipe:[%llu]", &inode) == 1;
	if (!is_pipe && sscanf(target, "socket:[%llu]", &inode) != 1)
		return;
	for (i = search->first; i < search->descriptors->count; i++) {
		descriptor = &search->descriptors->descriptor[i];
		if (!is_wanted(descriptor) || is_pipe != (descriptor->kind == DESCRIPTOR_PIPE))
			continue;
		if (is_pipe ? descriptor->info.inode != inode ||
				      !is_other_end(dir, name, descriptor)
			    : descriptor->other_inode != (maze_u32)inode)
			continue;
		descriptor->other = OTHER_HELD;
		descriptor->other_pid = pid;
	}
}

static bool has_other_threads(int dir)
{
	struct stat status;

	/* A directory has 2 links more than subdirectories. */
	return !fstatat(dir, "../task", &status, 0) && status.st_nlink > 3;
}

/* Searches a process, which may have ended. */
static void search_process(struct search *search, int dir, const char *path, pid_t pid)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	if (fd < 0) {
		search->is_complete &= errno == ENOENT || errno == ESRCH;
		return;
	}
	directory = fdopendir(fd);
	if (!directory) {
		search->is_complete = false;
		close(fd);
		return;
	}
	while (goes_on(search) && (entry = readdir(directory))) {
		if (now_ns(CLOCK_MONOTONIC) > search->until_ns) {
			search->is_complete = false;
			break;
		}
		if (entry->d_name[0] == '.')
			continue;
		compare(search, fd, entry->d_name, pid);
		count++;
	}
	/* If the first thread has ended, the descriptors are only those of other threads. */
	if (!count && goes_on(search) && has_other_threads(fd))
		search->is_complete = false;
	closedir(directory);
}

static bool sees_all_processes(void)
{
	char target[64] = "";

	return readlink("/proc/self/ns/pid", target, sizeof(target) - 1) > 0 &&
	       !strcmp(target, FIRST_PID_NAMESPACE);
}

void descriptors_find_others(int proc_fd, pid_t pid, struct descriptors *descriptors, size_t first,
			     maze_u64 until_ns)
{
	struct search search = { descriptors, first, until_ns, sees_all_processes() };
	struct dirent *entry;
	char path[300];
	DIR *processes;
	size_t i;

	if (!goes_on(&search))
		return;
	/* Many loops have kept the other end of their own pipe. */
	search_process(&search, proc_fd, "fd", pid);
	processes = opendir("/proc");
	if (!processes)
		return;
	while (goes_on(&search) && now_ns(CLOCK_MONOTONIC) < until_ns &&
	       (entry = readdir(processes))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "%s/fd", entry->d_name);
		search_process(&search, dirfd(processes), path, atoi(entry->d_name));
	}
	closedir(processes);
	if (!search.is_complete || now_ns(CLOCK_MONOTONIC) >= until_ns)
		return;
	/* The end of a unix socket can be on its way to its process, or wait for accept(2). */
	for (i = first; i < descriptors->count; i++)
		if (is_wanted(&descriptors->descriptor[i]) &&
		    descriptors->descriptor[i].kind == DESCRIPTOR_PIPE)
			descriptors->descriptor[i].other = OTHER_GONE;
}
