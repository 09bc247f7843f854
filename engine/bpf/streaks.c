/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the classes of observed tasks (core/streaks.h). An iterator program adds the
 * streaks that have not ended, and the classes whose tasks have ended none yet.
 */
#include "engine_bpf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Keeps the longest of each class. */
static int take_running(const void *item, void *arg)
{
	const struct maze_running_streak *running = item;
	struct maze_running_streak *longest = arg;

	if (running->class_index >= MAZE_STREAK_CLASSES)
		return 0;
	longest += running->class_index;
	if (!longest->pid || running->streak_ns > longest->streak_ns)
		*longest = *running;
	return 0;
}

static void set_running(struct maze_streaks *class, const struct maze_running_streak *running)
{
	class->running_ns = running->streak_ns;
	class->running_pid = running->pid;
	class->running_tid = running->tid;
	memcpy(class->running_comm, running->comm, sizeof(class->running_comm));
}

/* The class that another CPU is adding has no streak and no running task yet. */
static bool is_empty(const struct maze_streaks *class)
{
	return !class->streaks && !class->processes && !class->running_pid;
}

static int give_each(const struct engine *engine, const struct maze_streaks *classes,
		     const struct maze_running_streak *running,
		     int (*each)(const struct maze_streaks *streaks, void *arg), void *arg)
{
	maze_u32 used = engine->state->streak_classes, i, bucket;
	struct maze_streaks class;
	int err = 0;

	for (i = 0; i < MAZE_STREAK_CLASSES && !err; i++) {
		if (i >= used && i != MAZE_STREAK_OTHERS)
			continue;
		class = classes[i];
		set_running(&class, &running[i]);
		for (bucket = 0; bucket < MAZE_STREAK_BUCKETS; bucket++)
			class.streaks += class.buckets[bucket];
		if (i == MAZE_STREAK_OTHERS)
			snprintf(class.program, sizeof(class.program), MAZE_STREAK_OTHERS_NAME);
		if (!is_empty(&class))
			err = each(&class, arg);
	}
	return err;
}

int bpf_streaks(struct engine *engine, int (*each)(const struct maze_streaks *streaks, void *arg),
		void *arg, struct maze_error *error)
{
	const size_t size = MAZE_STREAK_CLASSES * sizeof(struct maze_streaks);
	struct maze_running_streak *running = calloc(MAZE_STREAK_CLASSES, sizeof(*running));
	const struct maze_streaks *classes = NULL;
	int err;

	if (!running)
		return maze_fail(error, -ENOMEM, "out of memory");
	/* This adds classes, so read them afterwards. */
	err = bpf_iterate_items(engine->fds[OBJECT_PROG_STREAKS], sizeof(*running), take_running,
				running, error);
	if (err)
		goto out_free;
	classes = bpf_map_fd(engine->fds[OBJECT_STREAK_CLASSES], size, PROT_READ);
	if (classes)
		err = give_each(engine, classes, running, each, arg);
	else
		err = maze_fail(error, -errno, "cannot map the engine's streaks: %s",
				strerror(errno));
	bpf_unmap_fd(classes, size);
out_free:
	free(running);
	return err;
}
