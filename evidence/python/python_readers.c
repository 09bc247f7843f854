/* SPDX-License-Identifier: GPL-2.0-only */
#include "python_readers.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../isolation/worker.h"
#include "python_reader_main.h"
#include "python_stack.h"

/* The maximum of processes. Others wait until one has been idle for a second. */
#define READERS_MAX 8
/* Finding the interpreter's symbols takes a few ms, and a stack less than one. */
#define DEADLINE_NS (2 * MAZE_NSEC_PER_SEC)
#define STEP_NS (100 * MAZE_NSEC_PER_MSEC)

struct python_readers {
	struct {
		maze_u64 owner; /* 0: none */
		struct worker worker;
	} reader[READERS_MAX];
	struct workers_left left;
	char answer[PYTHON_ANSWER_MAX + 1];
};

int python_readers_new(struct python_readers **ret_readers)
{
	*ret_readers = calloc(1, sizeof(**ret_readers));
	return *ret_readers ? 0 : -ENOMEM;
}

void python_readers_free(struct python_readers *readers)
{
	size_t i;

	if (!readers)
		return;
	for (i = 0; i < READERS_MAX; i++)
		python_readers_stop(readers, readers->reader[i].owner);
	workers_left_reap(&readers->left);
	for (i = 0; i < readers->left.count; i++)
		close(readers->left.worker[i].pidfd);
	free(readers);
}

static struct worker *worker_of(struct python_readers *readers, maze_u64 owner)
{
	size_t i;

	for (i = 0; owner && i < READERS_MAX; i++)
		if (readers->reader[i].owner == owner)
			return &readers->reader[i].worker;
	return NULL;
}

int python_readers_start(struct python_readers *readers, maze_u64 owner,
			 const struct python_job *job)
{
	const int keep[] = { job->memory_fd, job->files.fd, job->files.debug_fd,
			     job->files.shared_fd };
	size_t i;
	int err;

	workers_left_reap(&readers->left);
	for (i = 0; i < READERS_MAX && readers->reader[i].owner; i++)
		;
	if (i == READERS_MAX || !workers_left_allow(&readers->left, geteuid()))
		return -EAGAIN;
	err = worker_start(python_reader_main, (void *)job, keep, sizeof(keep) / sizeof(keep[0]),
			   &readers->reader[i].worker);
	if (err)
		return err;
	readers->reader[i].owner = owner;
	worker_expect(&readers->reader[i].worker, 0);
	return 0;
}

int python_readers_request(struct python_readers *readers, maze_u64 owner)
{
	struct worker *worker = worker_of(readers, owner);
	const struct iovec byte = { "r", 1 };
	int err = worker ? worker_send(worker, &byte, 1) : -EPIPE;

	if (!err)
		worker_expect(worker, 0);
	return err;
}

void python_readers_stop(struct python_readers *readers, maze_u64 owner)
{
	struct worker *worker = worker_of(readers, owner);
	size_t i;

	if (!worker)
		return;
	worker_leave(worker, true, geteuid(), &readers->left);
	for (i = 0; i < READERS_MAX; i++)
		if (readers->reader[i].owner == owner)
			readers->reader[i].owner = 0;
}

/* ---- answers ----------------------------------------------------------------------- */

/* Returns the frame as the incident has it, or NULL if the answer is invalid. */
static json_t *take_frame(json_t *item)
{
	json_t *function = json_array_get(item, 0), *file = json_array_get(item, 1);
	json_int_t line = json_integer_value(json_array_get(item, 2));
	json_t *frame;

	if (json_array_size(item) != 4 || !json_string_length(function) ||
	    json_string_length(function) >= PYTHON_NAME_MAX || !json_string_length(file) ||
	    json_string_length(file) >= PYTHON_NAME_MAX || line < 0 || line > 0x7fffffff)
		return NULL;
	frame = json_object();
	json_object_set(frame, "function", function);
	json_object_set(frame, "file", file);
	if (line)
		json_object_set_new(frame, "line", json_integer(line));
	if (json_is_true(json_array_get(item, 3)))
		json_object_set_new(frame, "entry", json_true());
	return frame;
}

static json_t *take_stack(json_t *object, json_t *items)
{
	json_t *frames = json_array(), *frame;
	size_t count = json_array_size(items), i;
	bool fine = count && count <= PYTHON_FRAMES_MAX;

	for (i = 0; fine && i < count; i++) {
		frame = take_frame(json_array_get(items, i));
		fine = frame && !json_array_append_new(frames, frame);
	}
	if (fine)
		return json_pack("{s:o, s:b}", "frames", frames, "cut",
				 json_is_true(json_object_get(object, "cut")));
	json_decref(frames);
	return NULL;
}

static int take_answer(const char *text, size_t size, struct python_answer *ret_answer)
{
	json_t *object = json_loadb(text, size, 0, NULL);
	json_int_t version = json_integer_value(json_object_get(object, "version"));
	json_int_t refusal = json_integer_value(json_object_get(object, "refusal"));
	json_t *frames = json_object_get(object, "frames");

	*ret_answer = (struct python_answer){ .boot_ns = now_ns(CLOCK_BOOTTIME) };
	if (version > 0 && version <= 0xffffffff)
		ret_answer->version = (maze_u32)version;
	else if (refusal > 0 && refusal < PYTHON_REFUSALS)
		ret_answer->refusal = (enum python_refusal)refusal;
	else if (frames)
		ret_answer->stack = take_stack(object, frames);
	/* The time of the process itself is before that of its answer. */
	if ((maze_u64)json_integer_value(json_object_get(object, "time")) < ret_answer->boot_ns &&
	    ret_answer->stack)
		ret_answer->boot_ns = (maze_u64)json_integer_value(json_object_get(object, "time"));
	json_decref(object);
	return ret_answer->version || ret_answer->refusal || ret_answer->stack ? 1 : -EPROTO;
}

int python_readers_take(struct python_readers *readers, maze_u64 owner,
			struct python_answer *ret_answer)
{
	struct worker *worker = worker_of(readers, owner);
	ssize_t got;

	if (!worker)
		return -EPIPE;
	got = worker_receive(worker, readers->answer, sizeof(readers->answer));
	if (got == -EAGAIN)
		return worker_is_late(worker, DEADLINE_NS, STEP_NS) ? -ETIME : 0;
	if (got <= 0)
		return -EPIPE;
	worker_expect_nothing(worker);
	return take_answer(readers->answer, (size_t)got, ret_answer);
}
