/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File systems that only this test program sees, so that it can have a journal or a
 * syslog of its own at their fixed paths.
 */
#ifndef MAZE_TEST_PRIVATE_MOUNTS_H
#define MAZE_TEST_PRIVATE_MOUNTS_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

/* False, with the reason on standard error: it may not; the test is to be skipped. */
static inline bool private_mounts(void)
{
	static int state;

	if (!state) {
		state = -1;
		if (unshare(CLONE_NEWNS))| CLONE_NEWNS))
			fprintf(stderr, "# skipped: no mount namespace: %s\n", strerror(errno));
		else if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			fprintf(stderr, "# skipped: mounts stay shared: %s\n", strerror(errno));
		else
			state = 1;
	}
	return state > 0;
}

static inline bool private_tmpfs(const char *path)
{
	if (!private_mounts())
		return false;
	if (!mount("tmpfs", path, "tmpfs", 0, "mode=755,size=1m"))
		return true;
	fprintf(stderr, "# skipped: no file system of its own at %s: %s\n", path, strerror(errno));
	return false;
}

#endif
