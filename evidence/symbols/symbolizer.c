/* SPDX-License-Identifier: GPL-2.0-only */
/* This file runs in the parent process. symbolizer_main.c runs in the child. */
#include "symbolizer.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "symbolizer_main.h"
#include "../../base/clock.h"

/* The maximum of bytes of a line, which has the symbols of one query or one stack. */
#define LINE_MAX_SIZE (SYMBOLS_INLINE_MAX * SYMBOLS_NAME_MAX * 8)
/* The maximum of real time, because a busy machine reaches the CPU time limit late. */
#define TIME_MAX_S 60
/* The maximum of reads in one call. */
#define READS_MAX 16
#define MAX_ERRNO 4096

struct symbolizer {
	pid_t pid;
	int pidfd; /* -1: none */
	int pipe;
	time_t started;
	time_t seconds_max;
	size_t length; /* of the incomplete line in `line` */
	char line[LINE_MAX_SIZE];
};

int symbolizer_start(const struct symbolizer_job *job, struct symbolizer **ret_symbolizer)
{
	struct symbolizer *symbolizer = calloc(1, sizeof(*symbolizer));
	int ends[2], err;

	if (!symbolizer)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC)) {
		err = -errno;
		goto out_free;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	symbolizer->pid = fork();
	if (symbolizer->pid < 0) {
		err = -errno;
		goto out_close;
	}
	if (!symbolizer->pid)
		symbolizer_main(job, ends[1]);
	close(ends[1]);
	symbolizer->pidfd = pidfd_open(symbolizer->pid, 0);
	symbolizer->pipe = ends[0];
	symbolizer->started = (time_t)(now_ns(CLOCK_MONOTONIC) / MAZE_NSEC_PER_SEC);
	symbolizer->seconds_max = job->seconds_max ?: TIME_MAX_S;
	*ret_symbolizer = symbolizer;
	return 0;
out_close:
	close(ends[0]);
	close(ends[1]);
out_free:
	free(symbolizer);
	return err;
}

void symbolizer_stop(struct symbolizer *symbolizer)
{
	close(symbolizer->pipe);
	symbolizer->pipe = -1;
	/*
	 * Do not kill by PID, because a caller that waits for all children may have
	 * reaped this one. Without a pidfd, the closed pipe ends the child.
	 */
	if (symbolizer->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, symbolizer->pidfd, SIGKILL, NULL, 0);
}

bool symbolizer_reap(struct symbolizer *symbolizer)
{
	siginfo_t info = { .si_pid = 0 };

	if (symbolizer->pidfd >= 0 &&
	    !waitid(P_PIDFD, (id_t)symbolizer->pidfd, &info, WEXITED | WNOHANG) && !info.si_pid)
		return false;
	if (symbolizer->pidfd >= 0)
		close(symbolizer->pidfd);
	free(symbolizer);
	return true;
}

/* ---- answers ----------------------------------------------------------------------- */

static void copy_text(json_t *text, char *ret_text)
{
	const char *from = json_string_value(text);
	size_t length = from ? strnlen(from, SYMBOLS_NAME_MAX - 1) : 0;

	memcpy(ret_text, from ? from : "", length);
	ret_text[length] = '\0';
}

static bool take_symbol(json_t *item, struct symbol *ret_symbol)
{
	json_int_t line = json_integer_value(json_array_get(item, 2));

	if (json_array_size(item) != 4)
		return false;
	copy_text(json_array_get(item, 0), ret_symbol->function);
	copy_text(json_array_get(item, 1), ret_symbol->file);
	ret_symbol->line = line > 0 && line <= INT_MAX ? (unsigned int)line : 0;
	ret_symbol->inlined = json_is_true(json_array_get(item, 3));
	return true;
}

static bool take_named(json_t *query, json_t *items, const struct symbolizer_events *events,
		       void *arg)
{
	struct symbol symbols[SYMBOLS_INLINE_MAX];
	size_t count = json_array_size(items), i;

	if (count > SYMBOLS_INLINE_MAX || json_integer_value(query) < 0)
		return false;
	for (i = 0; i < count; i++)
		if (!take_symbol(json_array_get(items, i), &symbols[i]))
			return false;
	events->named(arg, (size_t)json_integer_value(query), symbols, count);
	return true;
}

static bool take_unwound(json_t *items, const struct symbolizer_events *events, void *arg)
{
	struct unwind_frame frames[UNWIND_FRAMES_MAX];
	size_t count = json_array_size(items), i;
	json_t *item;

	if (count > UNWIND_FRAMES_MAX)
		return false;
	for (i = 0; i < count; i++) {
		item = json_array_get(items, i);
		frames[i].address = (maze_u64)json_integer_value(json_array_get(item, 0));
		frames[i].exact = json_is_true(json_array_get(item, 1));
	}
	events->unwound(arg, frames, count);
	return true;
}

static bool take_line(const char *line, size_t length, const struct symbolizer_events *events,
		      void *arg)
{
	json_t *object = json_loadb(line, length, 0, NULL);
	json_t *query = json_object_get(object, "query");
	json_t *unwound = json_object_get(object, "unwound");
	json_t *failed = json_object_get(object, "failed");
	bool fine = false;

	if (json_is_integer(query)) {
		fine = take_named(query, json_object_get(object, "symbols"), events, arg);
	} else if (json_is_array(unwound)) {
		fine = take_unwound(unwound, events, arg);
	} else if (json_object_get(object, "restricted")) {
		events->restricted(arg);
		fine = true;
	} else if (json_object_get(object, "ended")) {
		events->ended(arg);
		fine = true;
	} else if (json_is_integer(failed) && json_integer_value(failed) > 0 &&
		   json_integer_value(failed) < MAX_ERRNO) {
		events->failed(arg, -(int)json_integer_value(failed));
		fine = true;
	}
	json_decref(object);
	return fine;
}

/* Returns false for an invalid line. Keeps an incomplete last line for the next call. */
static bool take_lines(struct symbolizer *symbolizer, const struct symbolizer_events *events,
		       void *arg)
{
	char *line = symbolizer->line, *end;
	size_t left;

	for (;;) {
		left = symbolizer->length - (size_t)(line - symbolizer->line);
		end = memchr(line, '\n', left);
		if (!end)
			break;
		if (!take_line(line, (size_t)(end - line), events, arg))
			return false;
		line = end + 1;
	}
	memmove(symbolizer->line, line, left);
	symbolizer->length = left;
	return left < sizeof(symbolizer->line);
}

int symbolizer_read(struct symbolizer *symbolizer, const struct symbolizer_events *events,
		    void *arg)
{
	ssize_t got;
	int reads;

	for (reads = 0; reads < READS_MAX; reads++) {
		got = read(symbolizer->pipe, symbolizer->line + symbolizer->length,
			   sizeof(symbolizer->line) - symbolizer->length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != EAGAIN)
			return -errno;
		if (!got)
			return 0;
		if (got < 0)
			return (time_t)(now_ns(CLOCK_MONOTONIC) / MAZE_NSEC_PER_SEC) -
						       symbolizer->started >
					       symbolizer->seconds_max
				       ? -ETIME
				       : 1;
		symbolizer->length += (size_t)got;
		if (!take_lines(symbolizer, events, arg))
			return -EPROTO;
	}
	return 1;
}
