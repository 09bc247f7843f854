/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This file reads all facts about a process through one open /proc directory. subject.c
 * checks with a pidfd that the directory belongs to the process. So the facts belong to
 * one process, even if its PID is reused.
 */
#include "control_owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/cgroup.h"
#include "../../base/error.h"
#include "../../base/proc_files.h"

static int check_start(const struct control_request *request, const struct subject_source *source,
		       struct maze_error *error)
{
	maze_u64 start = 0;
	int err = request->start ? proc_start_ticks(source->proc_fd, &start) : 0;

	if (err)
		return maze_fail(error, -ESRCH, "process %d has ended", request->pid);
	if (start != request->start)
		return maze_fail(error, -ESRCH,
				 "process %d has ended; its PID now belongs to a process with "
				 "another start time",
				 request->pid);
	return 0;
}

/* Checks the real, effective and saved user ID, as the engine does when it acts. */
static int check_ids(const struct control_client *client, const struct control_request *request,
		     const struct subject_source *source, struct maze_error *error)
{
	struct thread_status ids;

	if (proc_thread_status(source->proc_fd, request->tid ?: request->pid, &ids))
		return maze_fail(error, -ESRCH, "process %d has ended", request->pid);
	if (ids.uid == client->peer.uid && ids.euid == ids.uid && ids.suid == ids.uid)
		return 0;
	return maze_fail(error, -EPERM,
			 "the real, effective and saved user id of process %d are not all yours "
			 "(%u); root may do this",
			 request->pid, client->peer.uid);
}

/*
 * PIDs differ between PID namespaces, so a client must be in mazed's namespace. If the
 * client's process has ended, its namespace is unknown. mazed then accepts the request,
 * but still checks ownership and start time.
 */
static int check_namespace(const struct control_client *client, struct maze_error *error)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", client->peer.pid);
	if (client->peer.pid > 0 &&
	    (stat(path, &theirs) || stat("/proc/self/ns/pid", &ours) ||
	     (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)))
		return 0;
	return maze_fail(error, -EPERM,
			 "PIDs differ in your PID namespace; send the request from outside of it");
}

int control_owner_open(const struct control_client *client, const struct control_request *request,
		       struct subject_source *ret_source, struct maze_error *error)
{
	static struct subject subject; /* static, because it is large (14 KiB) */
	struct subject_source source;
	int err = check_namespace(client, error);

	if (err)
		return err;
	err = subject_open(request->pid, request->tid, &source, &subject, error);
	if (err)
		return err;
	err = check_start(request, &source, error);
	if (!err && !client->root)
		err = check_ids(client, request, &source, error);
	if (err)
		subject_close(&source);
	else
		*ret_source = source;
	return err;
}

int control_owner_open_cgroup(const struct control_client *client,
			      const struct control_request *request, struct maze_error *error)
{
	struct cgroup_fs fs = { .fd = -1 };
	int err = cgroup_fs_open(&fs, error), dir;
	struct stat status;

	if (err)
		return err;
	dir = cgroup_open(&fs, request->cgroup);
	cgroup_fs_close(&fs);
	if (dir < 0)
		return maze_fail(error, dir, "cannot open the control group %.200s: %s",
				 request->cgroup, strerror(-dir));
	if (client->root || (!fstat(dir, &status) && status.st_uid == client->peer.uid))
		return dir;
	close(dir);
	return maze_fail(error, -EPERM,
			 "the control group %.200s is not yours (user id %u); root may do this",
			 request->cgroup, client->peer.uid);
}
