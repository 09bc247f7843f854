/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File systems that only this test program sees, so that it can have a private journal or
 * syslog at the fixed paths.
 */
#ifndef MAZE_TEST_PRIVATE_MOUNTS_H
#define MAZE_TEST_PRIVATE_MOUNTS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Why they are not available, for skip_because(). */
static char private_mounts_why[256];

static inline bool private_mounts_fail(const char *what)
{
	snprintf(private_mounts_why, sizeof(private_mounts_why), "%s: %s", what, strerror(errno));
	return false;
}

/*
 * In a chroot, / is not a mount point, so the mount that contains it has no path inside.
 * setns(2) into the process's current namespace leads to the root of that namespace,
 * which always is a mount point. Afterwards the process returns to its former root.
 */
static inline bool make_mounts_private(void)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	bool done = false;

	if (root < 0 || cwd < 0 || namespace < 0)
		private_mounts_fail("no mount namespace, /proc/self/ns/mnt cannot be opened");
	else if (setns(namespace, CLONE_NEWNS))
		private_mounts_fail("the mount namespace cannot be entered");
	else if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		private_mounts_fail("mounts cannot be made private");
	else if (fchdir(root) || chroot(".") || fchdir(cwd))
		private_mounts_fail("the root directory cannot be entered again");
	else
		done = true;
	close(namespace);
	close(cwd);
	close(root);
	return done;
}

/* False: not available; private_mounts_why has the reason, and the test is skipped. */
static inline bool private_mounts(void)
{
	static int state;

	if (state)
		return state > 0;
	state = -1;
	if (unshare(CLONE_NEWNS))
		return private_mounts_fail("no mount namespace");
	if (make_mounts_private())
		state = 1;
	return state > 0;
}

static inline bool private_mount(const char *type, const char *path, const char *options)
{
	if (!private_mounts())
		return false;
	if (!mount(type, path, type, 0, options))
		return true;
	snprintf(private_mounts_why, sizeof(private_mounts_why), "no private %s at %.100s: %s",
		 type, path, strerror(errno));
	return false;
}

static inline bool private_tmpfs(const char *path)
{
	return private_mount("tmpfs", path, "mode=755,size=1m");
}

#endif
