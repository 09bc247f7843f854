/* SPDX-License-Identifier: GPL-2.0-only */
/* The worker of a look, and its messages. Both processes run the same program. */
#ifndef MAZE_EVIDENCE_LOOK_WORKER_H
#define MAZE_EVIDENCE_LOOK_WORKER_H

#include "episode/episode.h"

/* What the worker gets when it is forked. */
struct look_subject {
	pid_t pid, tid;
	maze_u64 boot_ns; /* CLOCK_BOOTTIME of the begin */
	maze_u64 used_ns; /* the CPU time of the thread since then */
	maze_u64 for_ns;
	pid_t siblings[EPISODE_SIBLINGS_MAX];
	size_t siblings_count;
	bool others_run; /* more threads than `siblings` run */
	bool unread;	 /* the process has more threads than were compared */
};

enum look_message_kind { LOOK_CALLS, LOOK_END, LOOK_HURRY };

struct look_message {
	enum look_message_kind kind;
	int missing; /* -errno: why there is no slice */
	bool ended;  /* the thread has ended */
	struct call_slice slice;
	struct episode_look look; /* with LOOK_END */
};

enum look_answer_kind {
	LOOK_REFUSED, /* `text` is a sentence, and nothing follows */
	LOOK_TEXT,    /* a part of the JSON */
	LOOK_DONE,
};

struct look_answer {
	enum look_answer_kind kind;
	int err; /* with LOOK_REFUSED */
	size_t size;
	char text[16384];
};

/* The function `main` for worker_start(). `arg` is a struct look_subject. */
void look_worker(int fd, void *arg);

#endif
