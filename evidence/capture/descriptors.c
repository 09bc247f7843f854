/* SPDX-License-Identifier: GPL-2.0-only */
#include "descriptors.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/proc_files.h"

/* An epoll instance has 80 bytes for each watch. */
#define FDINFO_SIZE 8192
/* With a larger table of descriptors, an epoll instance may have too many watches. */
#define EPOLL_FDS_MAX 256
/* A machine with much memory takes 10 ms for an empty table of sockets. */
#define SOCKETS_NS (100 * MAZE_NSEC_PER_MSEC)
#define OTHERS_NS (50 * MAZE_NSEC_PER_MSEC)

static const struct {
	const char *prefix;
	enum descriptor_kind kind;
} targets[] = {
	{ "socket:[", DESCRIPTOR_SOCKET },
	{ "pipe:[", DESCRIPTOR_PIPE },
	{ "anon_inode:[eventpoll]", DESCRIPTOR_EPOLL },
	{ "anon_inode:[eventfd]", DESCRIPTOR_EVENTFD },
	{ "anon_inode:[timerfd]", DESCRIPTOR_TIMERFD },
	{ "anon_inode:[signalfd]", DESCRIPTOR_SIGNALFD },
	{ "anon_inode:inotify", DESCRIPTOR_INOTIFY },
	{ "/memfd:", DESCRIPTOR_MEMFD },
};

/*
 * AT_STATX_DONT_SYNC: a network or FUSE file system answers from its cache, because its
 * server may never answer.
 */
static enum descriptor_kind kind_of_path(int proc_fd, const char *link, maze_u64 *ret_size)
{
	struct statx status;

	if (statx(proc_fd, link, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_SIZE, &status))
		return DESCRIPTOR_FILE;
	switch (status.stx_mode & S_IFMT) {
	case S_IFDIR:
		return DESCRIPTOR_DIRECTORY;
	case S_IFCHR:
	case S_IFBLK:
		return DESCRIPTOR_DEVICE;
	case S_IFIFO:
		return DESCRIPTOR_FIFO;
	}
	*ret_size = status.stx_size;
	return DESCRIPTOR_FILE;
}

static void read_target(int proc_fd, struct descriptor *descriptor)
{
	char link[32], target[PATH_MAX];
	ssize_t length;
	size_t before, i;

	snprintf(link, sizeof(link), "fd/%d", descriptor->fd);
	length = readlinkat(proc_fd, link, target, sizeof(target) - 1);
	if (length <= 0)
		return;
	target[length] = '\0';
	descriptor->kind = DESCRIPTOR_ANON;
	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!strncmp(target, targets[i].prefix, strlen(targets[i].prefix)))
			descriptor->kind = targets[i].kind;
	if (descriptor->kind == DESCRIPTOR_ANON && target[0] == '/')
		descriptor->kind = kind_of_path(proc_fd, link, &descriptor->size);
	before = strlen(target);
	if (target[0] == '/')
		proc_strip_deleted(target);
	descriptor->deleted = strlen(target) < before && descriptor->kind != DESCRIPTOR_MEMFD;
	descriptor->target = strdup(target);
}

/* The name of the protocol is an attribute of the socket's file. */
static void read_protocol(int proc_fd, struct descriptor *descriptor)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/fd/%d", proc_fd, descriptor->fd);
	length = getxattr(path, "system.sockprotoname", descriptor->protocol,
			  sizeof(descriptor->protocol) - 1);
	descriptor->protocol[length > 0 ? length : 0] = '\0';
}

/* Returns a number of a thread's status, or 0. */
static maze_u64 number_in(const char *status, const char *name, int base)
{
	const char *line = strstr(status, name);

	return line ? strtoull(line + strlen(name), NULL, base) : 0;
}

/* Returns how many descriptors the table has room for; 0: the thread has ended. */
static maze_u64 table_size(int proc_fd)
{
	char status[PROC_STATUS_SIZE];

	return proc_read_status(proc_fd, "status", status) ? 0 : number_in(status, "\nFDSize:", 10);
}

static bool is_pending(int proc_fd, maze_u64 signals)
{
	char status[PROC_STATUS_SIZE];

	if (proc_read_status(proc_fd, "status", status))
		return false;
	return (number_in(status, "\nSigPnd:", 16) | number_in(status, "\nShdPnd:", 16)) & signals;
}

/*
 * The kernel holds a mutex of an epoll or inotify instance while it prints all watches, at
 * about 1 us each. A thread that waits for it sleeps, which would reset its count.
 */
static bool may_stop_the_thread(int proc_fd, enum descriptor_kind kind)
{
	return kind == DESCRIPTOR_INOTIFY ||
	       (kind == DESCRIPTOR_EPOLL && table_size(proc_fd) > EPOLL_FDS_MAX);
}

const struct descriptor *descriptors_find(const struct descriptors *descriptors, int fd)
{
	size_t i;

	for (i = 0; i < descriptors->count; i++)
		if (descriptors->descriptor[i].fd == fd)
			return &descriptors->descriptor[i];
	return NULL;
}

static void add(int proc_fd, int fd, struct descriptors *descriptors)
{
	struct descriptor *descriptor = &descriptors->descriptor[descriptors->count];
	char path[32], text[FDINFO_SIZE];

	if (descriptors->count == DESCRIPTORS_MAX || fd < 0 || descriptors_find(descriptors, fd))
		return;
	*descriptor = (struct descriptor){ .fd = fd };
	descriptors->count++;
	read_target(proc_fd, descriptor);
	snprintf(path, sizeof(path), "fdinfo/%d", fd);
	if (may_stop_the_thread(proc_fd, descriptor->kind)) {
		descriptors->epoll_skipped |= descriptor->kind == DESCRIPTOR_EPOLL;
	} else if (descriptor->target && read_file_at(proc_fd, path, text, sizeof(text)) > 0) {
		fdinfo_parse(text, &descriptor->info);
		descriptor->has_info = true;
	}
	if (descriptor->kind == DESCRIPTOR_SOCKET)
		read_protocol(proc_fd, descriptor);
	if (descriptor->kind == DESCRIPTOR_SIGNALFD)
		descriptor->pending = is_pending(proc_fd, descriptor->info.signals);
}

bool descriptors_read(int proc_fd, pid_t pid, const int *fds, size_t count,
		      struct descriptors *descriptors)
{
	size_t first = descriptors->count, i, j;
	const struct fdinfo *info;

	for (i = 0; i < count; i++)
		add(proc_fd, fds[i], descriptors);
	/* The list grows meanwhile: an epoll instance can watch another one. */
	for (i = first; i < descriptors->count; i++) {
		info = &descriptors->descriptor[i].info;
		for (j = 0; j < info->watches_count; j++)
			add(proc_fd, info->watches[j].fd, descriptors);
	}
	descriptors_read_sockets(proc_fd, descriptors, first, now_ns(CLOCK_MONOTONIC) + SOCKETS_NS);
	descriptors_find_others(proc_fd, pid, descriptors, first,
				now_ns(CLOCK_MONOTONIC) + OTHERS_NS);
	/* A thread that has ended has no table. All of its descriptors look closed then. */
	if (table_size(proc_fd))
		return true;
	descriptors_drop(descriptors, first);
	return false;
}

void descriptors_drop(struct descriptors *descriptors, size_t first)
{
	while (descriptors->count > first)
		free(descriptors->descriptor[--descriptors->count].target);
}
