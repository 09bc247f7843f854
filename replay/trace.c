/* SPDX-License-Identifier: GPL-2.0-only */
/* The buffer of a trace, its lines or compact events, and the order of their times. */
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/error.h"

/* A line is shorter: other events can have the arguments of a program. */
#define BUFFER_SIZE (1U << 20)

/* Moves what is left to the begin of the buffer, and reads until it is full or all is read. */
static int fill(struct trace *trace, struct maze_error *error)
{
	ssize_t got;

	memmove(trace->buffer, trace->buffer + trace->begin, trace->end - trace->begin);
	trace->end -= trace->begin;
	trace->begin = 0;
	while (!trace->ended && trace->end < BUFFER_SIZE) {
		got = read(trace->fd, trace->buffer + trace->end, BUFFER_SIZE - trace->end);
		if (got < 0 && errno != EINTR)
			return maze_fail(error, -errno, "cannot read the trace: %s",
					 strerror(errno));
		if (!got)
			trace->ended = true;
		trace->end += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static size_t left(const struct trace *trace)
{
	return trace->end - trace->begin;
}

static int read_header(struct trace *trace, struct maze_error *error)
{
	struct maze_trace_header header;

	if (left(trace) < sizeof(header.magic) ||
	    memcmp(trace->buffer, MAZE_TRACE_MAGIC, sizeof(header.magic)) != 0)
		return 0;
	if (left(trace) < sizeof(header))
		return maze_fail(error, -EINVAL, "the trace ends within its header");
	memcpy(&header, trace->buffer, sizeof(header));
	if (header.version != MAZE_TRACE_VERSION ||
	    header.event_size != sizeof(struct maze_trace_event))
		return maze_fail(error, -EINVAL,
				 "the trace has version %u of the format, with events of %u bytes; "
				 "this maze reads version %u, with %zu bytes",
				 header.version, header.event_size, MAZE_TRACE_VERSION,
				 sizeof(struct maze_trace_event));
	trace->begin = sizeof(header);
	trace->wall_ns = header.wall_ns;
	trace->compact = true;
	trace->calls = header.flags & MAZE_TRACE_HAS_YIELDS;
	return 0;
}

int trace_open(int fd, struct trace *ret_trace, struct maze_error *error)
{
	struct trace trace = { .fd = fd, .buffer = malloc(BUFFER_SIZE) };
	int err;

	if (!trace.buffer)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = fill(&trace, error);
	if (!err)
		err = read_header(&trace, error);
	if (err)
		free(trace.buffer);
	else
		*ret_trace = trace;
	return err;
}

void trace_close(struct trace *trace)
{
	free(trace->buffer);
	free(trace->cpu_ns);
}

static int invalid(const struct trace *trace, struct maze_error *error, const char *why)
{
	return maze_fail(error, -EINVAL, "%s %llu: %s", trace->compact ? "event" : "line",
			 trace->line, why);
}

/* Makes room for the times of CPU number `cpu`. */
static int add_cpu(struct trace *trace, unsigned int cpu, struct maze_error *error)
{
	size_t cpus = trace->cpus;
	maze_u64 *grown;

	if (cpu >= MAZE_TRACE_CPUS_MAX)
		return invalid(trace, error, "no machine has a CPU of this number");
	while (cpus <= cpu)
		cpus = cpus ? cpus * 2 : 64;
	grown = reallocarray(trace->cpu_ns, cpus, sizeof(*grown));
	if (!grown)
		return maze_fail(error, -ENOMEM, "out of memory");
	memset(grown + trace->cpus, 0, (cpus - trace->cpus) * sizeof(*grown));
	trace->cpu_ns = grown;
	trace->cpus = cpus;
	return 0;
}

/* Each CPU writes its events in order. So a time that goes back shows a trace that was edited. */
static int check_order(struct trace *trace, const struct trace_event *event,
		       struct maze_error *error)
{
	int err;

	if (event->cpu >= trace->cpus) {
		err = add_cpu(trace, event->cpu, error);
		if (err)
			return err;
	}
	if (event->time_ns < trace->cpu_ns[event->cpu])
		return invalid(trace, error,
			       "its time is before that of an earlier event of its CPU");
	trace->cpu_ns[event->cpu] = event->time_ns;
	return 1;
}

static int next_line(struct trace *trace, struct trace_event *ret_event, struct maze_error *error)
{
	struct maze_error why = { "" };
	const char *line, *end;
	int got;

	do {
		line = trace->buffer + trace->begin;
		end = memchr(line, '\n', left(trace));
		if (!end) {
			if (!trace->ended) {
				got = fill(trace, error);
				if (got)
					return got;
				line = trace->buffer;
				end = memchr(line, '\n', left(trace));
			}
			if (!end && !left(trace))
				return 0;
		}
		trace->line++;
		if (!end)
			return invalid(trace, error,
				       trace->ended ? "the trace ends within this line"
						    : "it has more than 1 MiB");
		trace->begin += (size_t)(end - line) + 1;
		got = trace_line_parse(line, (size_t)(end - line), ret_event, &why);
	} while (!got);
	if (got < 0)
		return invalid(trace, error, why.text);
	trace->calls |= ret_event->kind == TRACE_CALL || ret_event->kind == MAZE_TRACE_YIELD;
	/* The line of a loss has no time. */
	return ret_event->kind == MAZE_TRACE_LOST && !ret_event->time_ns
		       ? 1
		       : check_order(trace, ret_event, error);
}

static bool is_valid(const struct maze_trace_event *event)
{
	return event->kind && event->kind < MAZE_TRACE_KINDS_ &&
	       event->state < MAZE_TRACE_STATES_ && event->tid <= MAZE_TRACE_TID_MAX &&
	       event->other <= MAZE_TRACE_TID_MAX && event->pid <= MAZE_TRACE_TID_MAX &&
	       (event->kind == MAZE_TRACE_NAME || event->time_ns <= INT64_MAX);
}

static int next_compact(struct trace *trace, struct trace_event *ret_event,
			struct maze_error *error)
{
	const struct maze_trace_event *event;
	int err;

	if (left(trace) < sizeof(*event) && !trace->ended) {
		err = fill(trace, error);
		if (err)
			return err;
	}
	if (!left(trace))
		return 0;
	trace->line++;
	if (left(trace) < sizeof(*event))
		return invalid(trace, error, "the trace ends within this event");
	/* The header and the events have 32 bytes, and fill() moves them to the begin: aligned. */
	event = (const void *)(trace->buffer + trace->begin);
	trace->begin += sizeof(*event);
	if (!is_valid(event))
		return invalid(trace, error, "it has an unknown kind, or a number out of range");
	*ret_event = (struct trace_event){
		.kind = event->kind,
		.cpu = event->cpu,
		.tid = event->tid,
		.other = event->other,
		.state = event->state,
	};
	if (event->kind == MAZE_TRACE_FORK)
		ret_event->other_pid = event->pid;
	else
		ret_event->pid = event->pid;
	if (event->kind == MAZE_TRACE_NAME) {
		ret_event->name.at = event->comm;
		ret_event->name.length = strnlen(event->comm, sizeof(event->comm) - 1);
		return 1;
	}
	ret_event->time_ns = event->time_ns;
	ret_event->number = event->number;
	return check_order(trace, ret_event, error);
}

int trace_next(struct trace *trace, struct trace_event *ret_event, struct maze_error *error)
{
	return trace->compact ? next_compact(trace, ret_event, error)
			      : next_line(trace, ret_event, error);
}
