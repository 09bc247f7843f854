/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that read Python stacks. Each reads the memory of one process, on request. The
 * memory is untrusted, so they run in the sandbox (../isolation/sandbox.h), with only the
 * file of the interpreter and the memory open. Their answers are not trusted.
 */
#ifndef MAZE_EVIDENCE_PYTHON_READERS_H
#define MAZE_EVIDENCE_PYTHON_READERS_H

#include <jansson.h>

#include "../symbols/symbols.h"
#include "python_layout.h"

/* An answer is one message. A stack that does not fit loses outer frames. */
#define PYTHON_ANSWER_MAX 65536

struct python_job {
	struct symbols_files files; /* of the interpreter; must stay open only until the start */
	maze_u64 slide;		    /* the address of the file in memory, minus that in the file */
	int memory_fd;		    /* /proc/PID/mem */
	maze_u32 tid;		    /* in the PID namespace of the process */
};

struct python_answer {
	enum python_refusal refusal;
	maze_u32 version; /* PY_VERSION_HEX; 0: the answer has a stack or a refusal */
	maze_u64 boot_ns; /* of the stack */
	json_t *stack;	  /* as in maze-incident(5), or NULL; belongs to the caller */
};

struct python_readers;

int python_readers_new(struct python_readers **ret_readers);
void python_readers_free(struct python_readers *readers);
/*
 * Starts a process. Its first answer has the version, or a refusal that ends it. Returns
 * -EAGAIN if too many are running.
 */
int python_readers_start(struct python_readers *readers, maze_u64 owner,
			 const struct python_job *job);
/* Requests a stack. The process answers with a stack, or with the reason for none. */
int python_readers_request(struct python_readers *readers, maze_u64 owner);
/* Returns 1 with an answer, 0 if none has come, or -errno if none will come. */
int python_readers_take(struct python_readers *readers, maze_u64 owner,
			struct python_answer *ret_answer);
/* Ends the process without waiting. Does nothing if the owner has none. */
void python_readers_stop(struct python_readers *readers, maze_u64 owner);

#endif
