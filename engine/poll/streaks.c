/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The streaks of observed threads (core/streaks.h), as far as this engine sees them. It
 * finds only later that a thread has slept, and not how long it ran before the sleep. So a
 * streak counts as long as it was at the last check before, and further sleeps between two
 * checks end streaks of equal length.
 */
#include "engine_poll.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void poll_streaks_done(struct engine *engine)
{
	free(engine->classes);
}

static void read_program(const struct poll_process *process, char ret_name[MAZE_PROGRAM_NAME_LEN])
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(process->dir, "exe", path, sizeof(path) - 1);
	const char *name;

	ret_name[0] = '\0';
	if (n <= 0)
		return;
	path[n] = '\0';
	name = strrchr(path, '/');
	snprintf(ret_name, MAZE_PROGRAM_NAME_LEN, "%.*s", MAZE_PROGRAM_NAME_LEN - 1,
		 name ? name + 1 : path);
}

/* Finds or adds the class of the process. NULL: out of memory. */
static struct maze_streaks *class_of(struct engine *engine, const struct poll_process *process,
				     maze_u64 tag)
{
	struct maze_streaks *class;
	struct stat st = { 0 };
	maze_u32 device, i;

	if (fstatat(process->dir, "exe", &st, 0))
		st = (struct stat){ 0 };
	device = major(st.st_dev) << 20 | minor(st.st_dev);
	for (i = 0; i < engine->class_count; i++) {
		class = &engine->classes[i];
		if (class->tag == tag && class->inode == st.st_ino && class->device == device)
			return class;
	}
	if (!engine->classes)
		engine->classes = calloc(MAZE_STREAK_CLASSES, sizeof(*engine->classes));
	if (!engine->classes)
		return NULL;
	class = &engine->classes[MAZE_STREAK_OTHERS];
	if (engine->class_count == MAZE_STREAK_OTHERS) {
		snprintf(class->program, sizeof(class->program), MAZE_STREAK_OTHERS_NAME);
		return class;
	}
	class = &engine->classes[engine->class_count++];
	class->tag = tag;
	class->inode = st.st_ino;
	class->device = device;
	read_program(process, class->program);
	return class;
}

static void note_longest(struct maze_streaks *class, const struct poll_process *process,
			 struct poll_thread *thread, maze_u64 streak_ns)
{
	class->longest_ns = class->longest_seen_ns = streak_ns;
	class->longest_at_ns = now_ns(CLOCK_BOOTTIME);
	class->longest_pid = (maze_u32)process->pid;
	class->longest_tid = (maze_u32)thread->tid;
	proc_thread_comm(process->dir, thread->tid, thread->comm);
	memcpy(class->longest_comm, thread->comm, sizeof(class->longest_comm));
}

void poll_streaks_add(struct engine *engine, const struct poll_process *process,
		      struct poll_thread *thread, maze_u64 streak_ns, maze_u64 number,
		      maze_u64 spent_ns)
{
	struct maze_streaks *class;

	if (!(thread->policy.flags & MAZE_POLICY_OBSERVE))
		return;
	class = class_of(engine, process, thread->tag);
	if (!class)
		return;
	class->cpu_ns += spent_ns;
	if (!number)
		return;
	if (class->pid != (maze_u32)process->pid) {
		class->pid = (maze_u32)process->pid;
		class->processes++;
	}
	class->buckets[maze_streak_bucket(streak_ns)] += number;
	class->streaks += number;
	if (streak_ns > class->longest_ns)
		note_longest(class, process, thread, streak_ns);
}

static void take_running(struct engine *engine, const struct poll_process *process,
			 const struct poll_thread *thread)
{
	maze_u64 streak_ns = poll_count(thread);
	struct maze_streaks *class;

	if (thread->ignored || !(thread->policy.flags & MAZE_POLICY_OBSERVE))
		return;
	if (streak_ns < thread->account.peak_ns)
		streak_ns = thread->account.peak_ns;
	class = class_of(engine, process, thread->tag);
	if (!class || (class->running_pid && streak_ns < class->running_ns))
		return;
	class->running_ns = streak_ns;
	class->running_pid = (maze_u32)process->pid;
	class->running_tid = (maze_u32)thread->tid;
	memcpy(class->running_comm, thread->comm, sizeof(class->running_comm));
	proc_thread_comm(process->dir, thread->tid, class->running_comm);
}

int poll_streaks(struct engine *engine, int (*each)(const struct maze_streaks *streaks, void *arg),
		 void *arg, struct maze_error *error)
{
	const struct poll_thread *thread;
	struct poll_process *process;
	maze_u32 i;
	int err = 0;

	(void)error;
	pthread_mutex_lock(&engine->lock);
	poll_processes_notice_ends(engine);
	for (i = 0; i < POLL_CHAINS; i++)
		for (process = engine->chains[i]; process; process = process->next)
			if (process->threads)
				poll_check_if_ran(engine, process);
	poll_worker_wake(engine);
	for (i = 0; engine->classes && i < MAZE_STREAK_CLASSES; i++)
		engine->classes[i].running_ns = engine->classes[i].running_pid = 0;
	for (i = 0; i < POLL_CHAINS; i++)
		for (process = engine->chains[i]; process; process = process->next)
			for (thread = process->threads; thread; thread = thread->next)
				take_running(engine, process, thread);
	for (i = 0; engine->classes && i < MAZE_STREAK_CLASSES && !err; i++)
		if (engine->classes[i].streaks || engine->classes[i].running_pid)
			err = each(&engine->classes[i], arg);
	pthread_mutex_unlock(&engine->lock);
	return err;
}
