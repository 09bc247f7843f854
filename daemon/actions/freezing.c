/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * If mazed cannot read a fact that the decision needs, it refuses to freeze the cgroup,
 * because a machine that stays frozen is worse than a busy one.
 */
#include "freezing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../../base/cgroup.h"
#include "../rules/subject.h"

/* A bound for the loop. mazed has far fewer ancestors in practice. */
#define ANCESTORS_MAX 256
/* The number of attempts to check the ancestors. An attempt fails if an ancestor ends. */
#define TRIES 8

static int check_name(const char *cgroup, struct maze_error *error)
{
	const char *name = strrchr(cgroup, '/');
	size_t length = strlen(cgroup);
	static const char slice[] = ".slice";

	if (!name || !strcmp(cgroup, "/"))
		return maze_fail(error, -EPERM,
				 "it is in the root cgroup, which contains the whole machine");
	if (strstr(cgroup, "/.."))
		return maze_fail(error, -EPERM, "its cgroup %.128s is not visible to mazed",
				 cgroup);
	if (!strcmp(name, "/init.scope"))
		return maze_fail(error, -EPERM, "its cgroup %.128s belongs to a service manager",
				 cgroup);
	if (length > strlen(slice) && !strcmp(cgroup + length - strlen(slice), slice))
		return maze_fail(error, -EPERM,
				 "its cgroup %.128s is a slice, which contains other units",
				 cgroup);
	return 0;
}

/* Fails if the cgroup contains process `pid`, because that process must not be frozen. */
static int check_process(const char *cgroup, pid_t pid, const char *who, pid_t *ret_parent,
			 struct maze_error *error)
{
	struct subject *subject = malloc(sizeof(*subject));
	struct subject_source source;
	int err;

	if (!subject)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = subject_open(pid, 0, &source, subject, error);
	if (err)
		goto out_free;
	err = subject_read(&source, FACT_IDS | FACT_CGROUP, subject, error);
	subject_close(&source);
	if (!err && cgroup_contains(cgroup, subject->cgroup))
		err = maze_fail(error, -EPERM, "its cgroup %.128s contains %s, process %d", cgroup,
				who, pid);
	if (!err)
		*ret_parent = subject->ppid;
out_free:
	free(subject);
	return err;
}

/* Checks mazed and each ancestor of mazed. -ESRCH: an ancestor ended during the check. */
static int check_ancestors(const char *cgroup, struct maze_error *error)
{
	const char *who = "mazed itself";
	pid_t pid = getpid();
	int err, i;

	for (i = 0; pid > 1; i++) {
		if (i == ANCESTORS_MAX)
			return maze_fail(error, -EPERM, "cannot find the ancestors of mazed");
		err = check_process(cgroup, pid, who, &pid, error);
		if (err)
			return err;
		who = "an ancestor of mazed";
	}
	return 0;
}

int freezing_is_allowed(const char *cgroup, struct maze_error *error)
{
	int err = check_name(cgroup, error), tries;
	pid_t parent;

	if (err)
		return err;
	err = check_process(cgroup, 1, "init", &parent, error);
	if (err)
		return err;
	for (tries = 0; tries < TRIES; tries++) {
		err = check_ancestors(cgroup, error);
		if (err != -ESRCH)
			break;
	}
	return err;
}
