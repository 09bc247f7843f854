/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pidfd identifies the process, and the open /proc directory identifies the thread,
 * even if the TID is reused. The start time shows that the thread is the record's thread
 * and not a later thread with the same TID.
 *
 * But setpriority(2) and sched_setscheduler(2) take a TID. If the target ends between the
 * check and the call and its TID is reused, they change another thread. This is unlikely,
 * because the kernel assigns TIDs in ascending order. It reuses a TID only after it has
 * passed all other TIDs, usually 32768 or more.
 */
#include "target_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../../base/pidfd.h"
#include "../../base/proc_files.h"
#include "../rules/subject.h"

bool target_thread_exists(const struct target_thread *target)
{
	return !pidfd_has_ended(target->pidfd) && !faccessat(target->task_fd, "comm", F_OK, 0);
}

int target_thread_open(const struct maze_record *record, int pidfd,
		       struct target_thread *ret_target, struct maze_error *error)
{
	struct target_thread target = { .pid = (pid_t)record->pid,
					.tid = (pid_t)record->tid,
					.pidfd = pidfd };
	maze_u64 start_ticks = 0;
	char path[64];
	int err;

	if (pidfd < 0)
		return maze_fail(error, -ESRCH, "the process has ended");
	snprintf(path, sizeof(path), "/proc/%d/task/%d", target.pid, target.tid);
	target.task_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target.task_fd < 0 && errno != ENOENT && errno != ESRCH)
		return maze_fail(error, -errno, "cannot open %s: %s", path, strerror(errno));
	if (target.task_fd < 0)
		return maze_fail(error, -ESRCH, "the thread has ended");
	err = proc_start_ticks(target.task_fd, &start_ticks);
	if (err == -EPROTO) {
		maze_fail(error, err, "%s/stat is malformed", path);
	} else if (err || !target_thread_exists(&target)) {
		err = maze_fail(error, -ESRCH, "the thread has ended");
	} else if (proc_ticks_to_ns(start_ticks) > record->boot_ns) {
		err = maze_fail(error, -ESRCH, "the thread has ended, and its TID is reused");
	}
	if (err) {
		close(target.task_fd);
		return err;
	}
	*ret_target = target;
	return 0;
}

void target_thread_close(struct target_thread *target)
{
	close(target->task_fd);
	target->task_fd = -1;
}

int thread_cgroup(pid_t pid, pid_t tid, char **ret_cgroup, struct maze_error *error)
{
	struct subject *subject = malloc(sizeof(*subject));
	struct subject_source source;
	int err;

	if (!subject)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = subject_open(pid, tid, &source, subject, error);
	if (!err) {
		err = subject_read(&source, FACT_CGROUP, subject, error);
		subject_close(&source);
	}
	if (!err && !subject->cgroup[0])
		err = maze_fail(error, -ENOENT, "it is not in a cgroup of version 2");
	if (!err) {
		*ret_cgroup = strdup(subject->cgroup);
		if (!*ret_cgroup)
			err = maze_fail(error, -ENOMEM, "out of memory");
	}
	free(subject);
	return err;
}
