/* SPDX-License-Identifier: GPL-2.0-only */
#include "container_first.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "../../../base/error.h"
#include "../../../base/proc_files.h"

/*
 * Reading so many processes takes 50 ms. The kernel lists the oldest first, so the first
 * process is found soon also in a container that is full of processes.
 */
#define PROCESSES_MAX 1024
/* The first process of a container that is not nested has a PID here and the PID 1. */
#define LEVELS_MIN 2

struct search {
	const char *cgroup;
	unsigned int seen;
	pid_t first, oldest; /* 0: none */
	unsigned int levels; /* of `first` */
	maze_u64 first_start, oldest_start;
};

/* Returns in how many PID namespaces it has a PID, if the innermost is 1; else 0. */
static unsigned int levels_of_first(const char *status)
{
	const char *at = strstr(status, "\nNStgid:");
	unsigned int levels = 0;
	long number = 0;
	char *end;

	if (!at)
		return 0;
	for (at = strchr(at, ':') + 1; *at == '\t'; at = end) {
		number = strtol(at + 1, &end, 10);
		levels++;
	}
	return number == 1 ? levels : 0;
}

static bool has_parent_outside(const struct search *search, const char *status)
{
	const char *at = strstr(status, "\nPPid:\t");
	char parent[16], cgroup[PROC_CGROUP_SIZE];

	if (!at)
		return false;
	snprintf(parent, sizeof(parent), "%ld", strtol(at + strlen("\nPPid:\t"), NULL, 10));
	/* A parent of an outer PID namespace is 0, and has no directory. */
	return proc_cgroup_of(parent, cgroup) || !cgroup_contains(search->cgroup, cgroup);
}

static bool each(pid_t pid, void *arg)
{
	struct search *search = arg;
	char path[32], status[PROC_STATUS_SIZE];
	unsigned int levels;
	maze_u64 start = 0;
	int dir;

	if (!pid)
		return true;
	if (search->seen++ == PROCESSES_MAX)
		return false;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return true;
	if (!proc_read_status(dir, "status", status) && !proc_start_ticks(dir, &start)) {
		levels = levels_of_first(status);
		if (levels >= LEVELS_MIN &&
		    (!search->first || levels < search->levels ||
		     (levels == search->levels && start < search->first_start))) {
			search->first = pid;
			search->first_start = start;
			search->levels = levels;
		} else if (has_parent_outside(search, status) &&
			   (!search->oldest || start < search->oldest_start)) {
			search->oldest = pid;
			search->oldest_start = start;
		}
	}
	close(dir);
	return search->levels != LEVELS_MIN;
}

/*
 * Opens the process that was found. Fails if its PID now belongs to another process, or if
 * it is not in the container: the PID can have been reused before its start was read.
 */
static int open_found(const char *cgroup, pid_t pid, maze_u64 start)
{
	char own[PROC_CGROUP_SIZE];
	int pidfd = pidfd_open(pid, 0), dir = pidfd < 0 ? -errno : proc_open_process(pid, pidfd);
	maze_u64 now = 0;
	int err = dir < 0 ? dir : proc_start_ticks(dir, &now);

	if (!err)
		err = proc_cgroup(dir, own);
	if (dir >= 0)
		close(dir);
	if (!err && now == start && cgroup_contains(cgroup, own))
		return pidfd;
	if (pidfd >= 0)
		close(pidfd);
	return err ?: -ESRCH;
}

int container_first_open(const struct cgroup_fs *fs, const char *cgroup, pid_t *ret_pid,
			 struct maze_error *error)
{
	struct search search = { .cgroup = cgroup };
	int dir = cgroup_open(fs, cgroup), pidfd;
	bool complete;

	if (dir < 0)
		return maze_fail(error, dir, "cannot open the container's cgroup: %s",
				 strerror(-dir));
	complete = cgroup_each_process(dir, each, &search) && search.seen <= PROCESSES_MAX;
	close(dir);
	/* Another process than the first can have been found. */
	if (!complete && search.levels != LEVELS_MIN)
		return maze_fail(error, -E2BIG,
				 "its first process is not among %u processes of the container, "
				 "and not all could be read",
				 search.seen);
	if (!search.first && !search.oldest)
		return maze_fail(error, -ESRCH, "the container has no first process");
	*ret_pid = search.first ?: search.oldest;
	pidfd = open_found(cgroup, *ret_pid,
			   search.first ? search.first_start : search.oldest_start);
	return pidfd >= 0 ? pidfd
			  : maze_fail(error, pidfd, "cannot open process %d of the container: %s",
				      *ret_pid, strerror(-pidfd));
}
