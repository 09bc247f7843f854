/* SPDX-License-Identifier: GPL-2.0-only */
#include "python_reader_main.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../lib/utf8_json.h"
#include "../isolation/sandbox.h"
#include "python_readers.h"
#include "python_stack.h"

/*
 * A thread that returns from its outermost function during a read, or deletes the code that
 * it has just left, gives no stack. It is not doing that all the time.
 */
#define TRIES_MAX 5
/* The maximum of time for one try, for the case that each read waits for a disk. */
#define TRY_NS (50 * MAZE_NSEC_PER_MSEC)

struct source {
	int fd;
	maze_u64 until_ns;
};

static bool read_memory(void *arg, maze_u64 address, void *buf, size_t size)
{
	const struct source *source = arg;

	return now_ns(CLOCK_MONOTONIC) < source->until_ns &&
	       pread(source->fd, buf, size, (off_t)address) == (ssize_t)size;
}

static struct python_memory memory_of(struct source *source)
{
	source->until_ns = now_ns(CLOCK_MONOTONIC) + TRY_NS;
	return (struct python_memory){ .read = read_memory,
				       .arg = source,
				       .reads_left = PYTHON_READS_MAX };
}

/* ---- answers ----------------------------------------------------------------------- */

/* Returns false if it does not fit. */
static bool answer(int fd, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t size = text ? strlen(text) : 0;
	bool fits = size <= PYTHON_ANSWER_MAX;

	json_decref(object);
	if (!text || (fits && write(fd, text, size) != (ssize_t)size))
		_exit(1);
	free(text);
	return fits;
}

static bool answer_stack(int fd, const struct python_stack *stack, size_t count, maze_u64 boot_ns)
{
	json_t *frames = json_array();
	const struct python_frame *frame;
	size_t i;

	for (i = 0; i < count; i++) {
		frame = &stack->frames[i];
		json_array_append_new(frames,
				      json_pack("[o, o, i, b]",
						utf8_json(frame->function, strlen(frame->function)),
						utf8_json(frame->file, strlen(frame->file)),
						(int)frame->line, (int)frame->entry));
	}
	return answer(fd,
		      json_pack("{s:o, s:b, s:I}", "frames", frames, "cut",
				stack->cut || count < stack->count, "time", (json_int_t)boot_ns));
}

static void answer_refusal(int fd, enum python_refusal refusal)
{
	answer(fd, json_pack("{s:i}", "refusal", (int)refusal));
}

/* ---- the job ----------------------------------------------------------------------- */

static enum python_refusal find_interpreter(const struct python_job *job, struct source *source,
					    struct python_target *target)
{
	struct symbols *symbols = symbols_open(&job->files);
	struct python_memory memory = memory_of(source);
	maze_u64 at, version = 0;
	bool found;

	found = symbols && symbols_find_data(symbols, "_PyRuntime", ".PyRuntime", &at);
	target->runtime = found ? at + job->slide : 0;
	/* CPython 3.10 and earlier do not have it. */
	if (found && symbols_find_data(symbols, "Py_Version", NULL, &at) &&
	    python_memory_read(&memory, at + job->slide, &version, sizeof(version)))
		version = 0;
	symbols_close(symbols);
	if (!found)
		return PYTHON_NO_INTERPRETER;
	return python_layout_find(&memory, target->runtime, version, &target->layout);
}

static void read_stack(int fd, const struct python_job *job, struct source *source,
		       struct python_target *target)
{
	static struct python_stack stack;
	enum python_refusal refusal;
	struct python_memory memory;
	maze_u64 boot_ns = 0;
	size_t count;
	int tries = 0;

	/* A pointer that is read while it changes may lead to memory that does not exist. */
	do {
		memory = memory_of(source);
		boot_ns = now_ns(CLOCK_BOOTTIME);
		refusal = python_stack_read(&memory, target, job->tid, &stack);
	} while ((refusal == PYTHON_TORN || refusal == PYTHON_UNREADABLE) && ++tries < TRIES_MAX);
	if (refusal) {
		answer_refusal(fd, refusal);
		return;
	}
	for (count = stack.count; count && !answer_stack(fd, &stack, count, boot_ns); count /= 2)
		;
}

void python_reader_main(int fd, void *arg)
{
	const struct python_job *job = arg;
	int keep[] = { fd,
		       STDERR_FILENO, /* sanitizers write to it */
		       job->memory_fd,
		       job->files.fd,
		       job->files.debug_fd,
		       job->files.shared_fd };
	struct source source = { .fd = job->memory_fd };
	struct python_target target = { 0 };
	enum python_refusal refusal;
	char request;

	if (sandbox_enter(keep, sizeof(keep) / sizeof(keep[0])))
		_exit(1);
	refusal = find_interpreter(job, &source, &target);
	if (refusal) {
		answer_refusal(fd, refusal);
		return;
	}
	answer(fd, json_pack("{s:I}", "version", (json_int_t)target.layout.version));
	while (read(fd, &request, sizeof(request)) == sizeof(request))
		read_stack(fd, job, &source, &target);
}
