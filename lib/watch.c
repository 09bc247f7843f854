/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Begins, ends and lists watches. A PID is first opened as a pidfd, and all later steps
 * use the pidfd, so a reused PID is never watched. The caller needs the permission to
 * signal the process, because a watch may send a signal.
 */
#include "handle.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/pidfd.h"
#include "../base/proc_files.h"
#include "watch_check.h"

int maze_thread_owner(pid_t tid, pid_t *ret_pid, struct maze_error *error)
{
	char path[64], line[256];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	file = fopen(path, "re");
	if (file) {
		while (!pid && fgets(line, sizeof(line), file))
			if (sscanf(line, "Tgid: %d", &pid) != 1)
				pid = 0;
		fclose(file);
	}
	if (pid <= 0)
		return maze_fail(error, -ESRCH, "no thread has the ID %d", (int)tid);
	*ret_pid = pid;
	return 0;
}

/* pidfd_open(2) rejects the ID of a thread. The error then names the thread's process. */
static int open_process(pid_t pid, int *ret_pidfd, struct maze_error *error)
{
	int pidfd = -1, err;
	pid_t owner;

	if (pid > 0)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	else
		errno = ESRCH;
	if (pidfd >= 0) {
		*ret_pidfd = pidfd;
		return 0;
	}
	err = -errno;
	if ((err == -EINVAL || err == -ENOENT) && !maze_thread_owner(pid, &owner, NULL) &&
	    owner != pid)
		return maze_fail(error, -EINVAL,
				 "%d is a thread of process %d; name the process, or the thread "
				 "with --thread %d",
				 (int)pid, (int)owner, (int)pid);
	if (err == -ESRCH)
		return maze_fail(error, err, "no process has the PID %d", (int)pid);
	return maze_fail(error, err, "cannot open process %d: %s", (int)pid, strerror(-err));
}

static int owner_uid(pid_t pid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) ? -1 : (int)st.st_uid;
}

static int check_right(int pidfd, pid_t pid, struct maze_error *error)
{
	if (!syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0))
		return 0;
	if (errno == EPERM)
		return maze_fail(error, -EPERM,
				 "process %d belongs to another user (uid %d), so you may neither "
				 "signal nor "
				 "watch it; run maze as that user or as root",
				 (int)pid, owner_uid(pid));
	return maze_fail(error, -errno, "cannot signal process %d: %s", (int)pid, strerror(errno));
}

static int check_target(int pidfd, pid_t pid, struct maze_error *error)
{
	/*
	 * The engine refuses PID 1 too, but on some kernels it cannot find that process.
	 */
	if (pid == 1)
		return maze_fail(error, -EPERM, "process 1, the init process, cannot be watched");
	return check_right(pidfd, pid, error);
}

int watch_check(pid_t pid, struct maze_error *error)
{
	int pidfd, dir, err = open_process(pid, &pidfd, error);

	if (err)
		return err;
	err = check_target(pidfd, pid, error);
	dir = err ? -1 : proc_open_process(pid, pidfd);
	if (dir >= 0 && proc_is_kernel_thread(dir, pid))
		err = maze_fail(error, -EPERM, "process %d is a kernel thread", (int)pid);
	if (dir >= 0)
		close(dir);
	close(pidfd);
	return err;
}

static struct engine_target target_of(int pidfd, pid_t tid)
{
	return (struct engine_target){ .pidfd = pidfd, .tid = tid };
}

static int watch_pidfd(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
		       const struct engine_claim *claim, struct maze_error *error)
{
	struct engine_target target = target_of(pidfd, tid);
	struct maze_error why = { "" };
	pid_t pid = pidfd_pid(pidfd);
	int err;

	err = maze_policy_explain(policy, error);
	if (err)
		return err;
	err = check_target(pidfd, pid, error);
	if (err)
		return err;
	if (maze_policy_scope(policy->flags)) {
		err = groups_watch(maze, pidfd, policy, claim, &why);
		return err ? maze_fail(error, err, "process %d cannot be watched: %s", (int)pid,
				       why.text)
			   : 0;
	}
	err = maze->ops->watch(maze->engine, &target, policy, claim, &why);
	if (err && tid)
		return maze_fail(error, err, "thread %d of process %d cannot be watched: %s",
				 (int)tid, (int)pid, why.text);
	if (err)
		return maze_fail(error, err, "process %d cannot be watched: %s", (int)pid,
				 why.text);
	return 0;
}

int maze_watch_pidfd(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
		     maze_u64 tag, struct maze_error *error)
{
	struct engine_claim claim = { .tag = tag };

	return watch_pidfd(maze, pidfd, tid, policy, &claim, error);
}

int maze_claim(struct maze *maze, int pidfd, pid_t tid, const struct maze_policy *policy,
	       maze_u64 tag, maze_u64 mask, struct maze_error *error)
{
	struct engine_claim claim = { .tag = tag, .mask = mask };

	return watch_pidfd(maze, pidfd, tid, policy, &claim, error);
}

int maze_watch(struct maze *maze, pid_t pid, pid_t tid, const struct maze_policy *policy,
	       maze_u64 tag, struct maze_error *error)
{
	int pidfd, err;

	err = open_process(pid, &pidfd, error);
	if (err)
		return err;
	err = maze_watch_pidfd(maze, pidfd, tid, policy, tag, error);
	close(pidfd);
	return err;
}

int maze_release(struct maze *maze, int pidfd, pid_t tid, maze_u64 tag, maze_u64 mask,
		 struct maze_error *error)
{
	struct engine_target target = target_of(pidfd, tid);
	struct engine_claim claim = { .tag = tag, .mask = mask };
	struct maze_error why = { "" };
	pid_t pid = pidfd_pid(pidfd);
	bool had_group = false;
	int err;

	err = check_right(pidfd, pid, error);
	if (err)
		return err;
	if (!tid) {
		had_group = !groups_unwatch(maze, MAZE_SCOPE_PROCESS, pidfd, &claim, NULL);
		had_group |= !groups_unwatch(maze, MAZE_SCOPE_TREE, pidfd, &claim, NULL);
	}
	err = maze->ops->unwatch(maze->engine, &target, &claim, &why);
	if (err == -ENOENT && had_group)
		return 0;
	return err ? maze_fail(error, err, "process %d: %s", (int)pid, why.text) : 0;
}

int maze_unwatch(struct maze *maze, pid_t pid, pid_t tid, struct maze_error *error)
{
	int pidfd, err;

	err = open_process(pid, &pidfd, error);
	if (err)
		return err;
	err = maze_release(maze, pidfd, tid, 0, 0, error);
	close(pidfd);
	return err;
}

int maze_release_all(struct maze *maze, maze_u64 tag, maze_u64 mask, struct maze_error *error)
{
	struct engine_claim claim = { .tag = tag, .mask = mask };

	groups_unwatch_all(maze, &claim);
	return maze->ops->unwatch_all(maze->engine, &claim, error);
}

int maze_allow(struct maze *maze, enum maze_policy_scope scope, maze_u64 tag,
	       const struct maze_allowance *allowance, struct maze_error *error)
{
	if (allowance && !maze_allowance_valid(allowance))
		return maze_fail(error, -EINVAL,
				 "an allowance has a number from 1 to %u, and a time from 1ms to "
				 "366 days",
				 MAZE_ALLOWANCE_MAX);
	if (scope != MAZE_SCOPE_THREAD)
		return groups_allow(maze, tag, allowance, error);
	return maze->ops->allow(maze->engine, tag, allowance, error);
}

int maze_unwatch_tag(struct maze *maze, maze_u64 tag, struct maze_error *error)
{
	return maze_release_all(maze, tag, ~0ULL, error);
}

struct collection {
	struct maze_entry *entries;
	size_t count, room;
};

static int collect(const struct maze_entry *entry, void *arg)
{
	struct collection *all = arg;
	struct maze_entry *grown;
	size_t room;

	if (all->count == all->room) {
		room = all->room ? all->room * 2 : 64;
		grown = reallocarray(all->entries, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		all->entries = grown;
		all->room = room;
	}
	all->entries[all->count++] = *entry;
	return 0;
}

static int by_number(const void *left, const void *right)
{
	const struct maze_entry *a = left, *b = right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

int maze_list(struct maze *maze, struct maze_entry **ret_entries, size_t *ret_count,
	      struct maze_error *error)
{
	struct maze_error why = { "" };
	struct collection all = { 0 };
	int err;

	err = maze->ops->list(maze->engine, collect, &all, &why);
	if (err) {
		free(all.entries);
		return maze_fail(error, err, "%s", why.text[0] ? why.text : strerror(-err));
	}
	if (all.count)
		qsort(all.entries, all.count, sizeof(*all.entries), by_number);
	*ret_entries = all.entries;
	*ret_count = all.count;
	return 0;
}
