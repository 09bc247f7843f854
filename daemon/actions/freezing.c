/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See freezing.h. What cannot be found out is refused: a machine that is frozen for
 * good is worse than one that is busy.
 */
#include "freezing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/error.h"
#include "cgroup.h"
#include "../rules/subject.h"

/* mazed is started by init or by a person's shell; a longer line of parents is none. */
#define ANCESTORS_MAX 256
/* Each turn a parent has died meanwhile. */
#define TRIES 8

static int check_name(const char *cgroup, struct maze_error *error)
{
	const char *name = strrchr(cgroup, '/');
	size_t length = strlen(cgroup);
	static const char slice[] = ".slice";

	if (!name || !strcmp(cgroup, "/"))
		return maze_fail(error, -EPERM,
				 "it is in the root control group, which holds all of the machine");
	if (strstr(cgroup, "/.."))
		return maze_fail(error, -EPERM,
				 "its control group, %.128s, is outside of what mazed sees",
				 cgroup);
	if (!strcmp(name, "/init.scope"))
		return maze_fail(error, -EPERM,
				 "its control group, %.128s, is that of a service manager", cgroup);
	if (length > strlen(slice) && !strcmp(cgroup + length - strlen(slice), slice))
		return maze_fail(error, -EPERM,
				 "its control group, %.128s, is a slice, which holds other units",
				 cgroup);
	return 0;
}

/* Who must go on running. */
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
		err = maze_fail(error, -EPERM, "its control group, %.128s, contains %s, process %d",
				cgroup, who, pid);
	if (!err)
		*ret_parent = subject->ppid;
out_free:
	free(subject);
	return err;
}

/* mazed and its ancestors; -ESRCH: one of them has ended meanwhile. */
static int check_line(const char *cgroup, struct maze_error *error)
{
	const char *who = "mazed itself";
	pid_t pid = getpid();
	int err, i;

	for (i = 0; pid > 1; i++) {
		if (i == ANCESTORS_MAX)
			return maze_fail(error, -EPERM, "mazed cannot tell its own ancestors");
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
		err = check_line(cgroup, error);
		if (err != -ESRCH)
			break;
	}
	return err;
}
