/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See culprit.h. The pidfd holds the process; a directory of /proc holds the thread,
 * since it stays with the thread that it was opened for. That this is the thread of
 * the record, and not a later one of the same process, shows in when it began.
 *
 * setpriority(2) and sched_setscheduler(2) take numbers all the same. Between a look
 * and such a call the thread would have to end, and all numbers to be given away once,
 * for a stranger to be hit: numbers are used in turn, and there are 32768 at least.
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

bool culprit_is_there(const struct culprit *culprit)
{
	return !pidfd_has_ended(culprit->pidfd) && !faccessat(culprit->task_fd, "comm", F_OK, 0);
}

int culprit_open(const struct maze_record *record, int pidfd, struct culprit *ret_culprit,
		 struct maze_error *error)
{
	struct culprit culprit = { .pid = (pid_t)record->pid,
				   .tid = (pid_t)record->tid,
				   .pidfd = pidfd };
	maze_u64 start_ticks = 0;
	char path[64];
	int err;

	if (pidfd < 0)
		return maze_fail(error, -ESRCH, "the process has ended");
	snprintf(path, sizeof(path), "/proc/%d/task/%d", culprit.pid, culprit.tid);
	culprit.task_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (culprit.task_fd < 0 && errno != ENOENT && errno != ESRCH)
		return maze_fail(error, -errno, "%s cannot be opened: %s", path, strerror(errno));
	if (culprit.task_fd < 0)
		return maze_fail(error, -ESRCH, "the thread has ended");
	err = proc_start_ticks(culprit.task_fd, &start_ticks);
	if (err == -EPROTO) {
		maze_fail(error, err, "%s/stat is not as proc(5) says", path);
	} else if (err || !culprit_is_there(&culprit)) {
		err = maze_fail(error, -ESRCH, "the thread has ended");
	} else if (proc_ticks_to_ns(start_ticks) > record->boot_ns) {
		err = maze_fail(error, -ESRCH,
				"the thread has ended, and another has its number now");
	}
	if (err) {
		close(culprit.task_fd);
		return err;
	}
	*ret_culprit = culprit;
	return 0;
}

void culprit_close(struct culprit *culprit)
{
	close(culprit->task_fd);
	culprit->task_fd = -1;
}
