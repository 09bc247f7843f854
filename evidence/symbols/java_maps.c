/* SPDX-License-Identifier: GPL-2.0-only */
#include "java_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../capture/process_root.h"
#include "../isolation/worker.h"
#include "java_attach.h"

/* The processes that had a request. A process that leaves the list may get another one. */
#define PROCESSES_MAX 256
/* More than java_attach.c waits. */
#define DEADLINE_NS (6 * MAZE_NSEC_PER_SEC)
#define STEP_NS (100 * MAZE_NSEC_PER_MSEC)

struct java_process {
	maze_u64 owner; /* 0: none */
	pid_t pid;	/* in its own namespace */
	maze_u64 start_ns;
	const char *note;
};

struct java_maps {
	struct java_process processes[PROCESSES_MAX];
	size_t next;
	struct java_process *current; /* its request runs; NULL: none */
	struct worker worker;
	struct workers_left left;
};

#define NOT_WRITTEN "The Java virtual machine did not write its perf map: "
static const char *const notes[JAVA_RESULTS] = {
	[JAVA_SILENT] = NOT_WRITTEN "it did not answer",
	[JAVA_OF_ROOT] = NOT_WRITTEN "it runs as root, and maze sends no requests as root",
	[JAVA_NO_CREDENTIALS] =
		NOT_WRITTEN "maze may not become its user (CAP_SETUID and CAP_SETGID)",
	[JAVA_NOT_READY] =
		NOT_WRITTEN "it is not a HotSpot machine that catches SIGQUIT (java -Xrs does not)",
	[JAVA_FOREIGN_FILE] =
		NOT_WRITTEN "a file of another user, or another kind of file, has the path",
	[JAVA_REFUSED] = NOT_WRITTEN "it refused the command, which Java 17 or later knows",
};
static const char note_not_started[] = NOT_WRITTEN "the process that requests it did not start";
static const char note_old[] =
	"The perf map of the Java virtual machine was written for an earlier incident; it lacks "
	"methods that were compiled later";

int java_maps_new(struct java_maps **ret_maps)
{
	*ret_maps = calloc(1, sizeof(**ret_maps));
	return *ret_maps ? 0 : -ENOMEM;
}

static void finish(struct java_maps *maps, enum java_result result)
{
	worker_leave(&maps->worker, true, geteuid(), &maps->left);
	maps->current->note = notes[result];
	maps->current = NULL;
}

void java_maps_free(struct java_maps *maps)
{
	size_t i;

	if (!maps)
		return;
	if (maps->current)
		finish(maps, JAVA_SILENT);
	workers_left_reap(&maps->left);
	for (i = 0; i < maps->left.count; i++)
		close(maps->left.worker[i].pidfd);
	free(maps);
}

static void take_result(struct java_maps *maps)
{
	unsigned char result;
	ssize_t got = worker_receive(&maps->worker, &result, sizeof(result));

	if (got == sizeof(result))
		finish(maps, result < JAVA_RESULTS ? result : JAVA_SILENT);
	else if (got != -EAGAIN || worker_is_late(&maps->worker, DEADLINE_NS, STEP_NS))
		finish(maps, JAVA_SILENT);
}

static void start(struct java_maps *maps, struct java_process *process,
		  const struct process_info *live)
{
	struct java_job job = { .proc_fd = live->proc_fd, .inner_pid = live->inner_pid };
	int keep[2], err;

	workers_left_reap(&maps->left);
	job.root_fd =
		workers_left_allow(&maps->left, geteuid()) ? process_root_open(live) : -EAGAIN;
	keep[0] = job.proc_fd;
	keep[1] = job.root_fd;
	err = job.root_fd < 0 ? job.root_fd
			      : worker_start(java_attach_main, &job, keep, 2, &maps->worker);
	if (job.root_fd >= 0)
		close(job.root_fd);
	if (err) {
		process->note = note_not_started;
		return;
	}
	worker_expect(&maps->worker, 0);
	maps->current = process;
}

static struct java_process *find(struct java_maps *maps, const struct process_info *live)
{
	size_t i;

	for (i = 0; i < PROCESSES_MAX; i++)
		if (maps->processes[i].owner && maps->processes[i].pid == live->inner_pid &&
		    maps->processes[i].start_ns == live->start_ns)
			return &maps->processes[i];
	return NULL;
}

bool java_maps_step(struct java_maps *maps, maze_u64 owner, const struct process_info *live,
		    const char **ret_note)
{
	struct java_process *process = find(maps, live);

	if (maps->current)
		take_result(maps);
	if (!process && !maps->current) {
		process = &maps->processes[maps->next++ % PROCESSES_MAX];
		*process = (struct java_process){ .owner = owner,
						  .pid = live->inner_pid,
						  .start_ns = live->start_ns };
		start(maps, process, live);
	}
	if (!process || process == maps->current)
		return true;
	*ret_note = process->note;
	if (!process->note && process->owner != owner)
		*ret_note = note_old;
	return false;
}
