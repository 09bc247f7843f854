/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the poll engine: the engine, children that wait for a start
 * signal, and a reader of its records.
 */
#ifndef MAZE_TEST_POLL_CASE_H
#define MAZE_TEST_POLL_CASE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/poll/engine_poll.h"
#include "base/proc_files.h"
#include "bounds.h"
#include "lib/maze.h"
#include "skip.h"

#define MS MAZE_NSEC_PER_MSEC
#define TAG 7

static inline struct maze *open_poll(struct maze_reader **ret_reader)
{
	struct maze_error error = { "" };
	struct maze *maze = NULL;

	if (maze_open("poll", MAZE_PRIVATE, &maze, &error))
		fail_msg("%s", error.text);
	assert_int_equal(maze_reader_open(maze, false, ret_reader, &error), 0);
	return maze;
}

static inline void close_poll(struct maze *maze, struct maze_reader *reader)
{
	maze_reader_close(reader);
	maze_close(maze);
}

static inline struct maze_policy policy_of(maze_u64 soft_ns, maze_u64 hard_ns)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = soft_ns;
	policy.soft_signal = 0;
	policy.hard_ns = hard_ns;
	return policy;
}

/* A child that blocks until it is released, and then runs this function. */
struct child {
	pid_t pid;
	int go;
};

static inline struct child start(void (*what)(void))
{
	struct child child;
	int go[2];
	char byte;

	assert_int_equal(pipe(go), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (!child.pid) {
		close(go[1]);
		bound_child();
		if (read(go[0], &byte, 1) == 1)
			what();
		_exit(0);
	}
	close(go[0]);
	child.go = go[1];
	return child;
}

static inline void let_go(const struct child *child)
{
	assert_int_equal(write(child->go, "", 1), 1);
	close(child->go);
}

static inline int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline void spin(void)
{
	for (;;)
		;
}

/* The next record of this event, or of an end or a loss. */
static inline struct maze_record next_of(struct maze_reader *reader, enum maze_event event)
{
	struct pollfd readable = { .fd = maze_reader_fd(reader), .events = POLLIN };
	struct maze_record record;

	for (;;) {
		assert_int_equal(poll(&readable, 1, WAIT_SECONDS * 1000), 1);
		while (maze_reader_next(reader, &record) == 1)
			if (record.event == event || record.event == MAZE_EVENT_EXIT ||
			    record.event == MAZE_EVENT_LOST)
				return record;
	}
}

#endif
