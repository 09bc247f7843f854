/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * If mazed cannot read a fact that the decision needs, it refuses to freeze the cgroup,
 * because a machine that stays frozen is worse than a busy one.
 */
#include "freezing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../../base/proc_files.h"
#include "../../base/cgroup.h"
#include "../rules/subject.h"

/* A cgroup with more processes is not frozen for a tree. */
#define PROCESSES_MAX 1024
/* A bound for loops. Processes have far fewer ancestors in practice. */
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

static bool is_in_group(pid_t pid, const struct maze_record *record)
{
	bool tree = maze_record_scope(record) == MAZE_SCOPE_TREE;
	struct thread_status status;
	int i;

	for (i = 0; tree && pid > 1 && pid != (pid_t)record->pid && i < ANCESTORS_MAX; i++)
		pid = proc_status_by_number(pid, &status) ? 0 : status.ppid;
	return pid == (pid_t)record->pid;
}

static int check_processes(FILE *procs, const struct maze_record *record, struct maze_error *error)
{
	char line[32];
	int count;

	for (count = 0; fgets(line, sizeof(line), procs); count++) {
		if (count == PROCESSES_MAX)
			return maze_fail(error, -EPERM, "its cgroup has more than %d processes",
					 PROCESSES_MAX);
		if (!is_in_group((pid_t)strtol(line, NULL, 10), record))
			return maze_fail(error, -EPERM,
					 "its cgroup also contains process %.*s, which is not in "
					 "the %s",
					 (int)strcspn(line, "\n"), line,
					 maze_policy_scope_name(maze_record_scope(record)));
	}
	return ferror(procs) ? maze_fail(error, -EIO, "cannot read the processes of its cgroup")
			     : 0;
}

int freezing_is_alone(int dir, const struct maze_record *record, struct maze_error *error)
{
	static const char key[] = "nr_descendants ";
	char text[512], *at;
	FILE *procs;
	int err, fd;

	err = cgroup_read(dir, "cgroup.stat", text, sizeof(text));
	at = err ? NULL : strstr(text, key);
	if (!at)
		return maze_fail(error, err ?: -EPROTO, "cannot read cgroup.stat of its cgroup");
	if (strtoul(at + strlen(key), NULL, 10))
		return maze_fail(error, -EPERM, "its cgroup has cgroups below it");
	fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	procs = fd < 0 ? NULL : fdopen(fd, "r");
	if (!procs) {
		err = maze_fail(error, -errno, "cannot read the processes of its cgroup: %s",
				strerror(errno));
		if (fd >= 0)
			close(fd);
		return err;
	}
	err = check_processes(procs, record, error);
	fclose(procs);
	return err;
}
