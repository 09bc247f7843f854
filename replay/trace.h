/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a trace of context switches, event by event: the text of perf script(1), of
 * trace-cmd report(1) and of the file `trace` of tracefs, or the compact format
 * (core/trace_event.h). A trace may be hostile.
 */
#ifndef MAZE_REPLAY_TRACE_H
#define MAZE_REPLAY_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/maze_error.h"
#include "../core/trace_event.h"

/* The name of a thread, not terminated. It is valid until the next event is read. */
struct trace_name {
	const char *at; /* NULL: unknown */
	size_t length;	/* at most 15 */
};

/* Events that only texts have. */
enum {
	TRACE_RUNTIME = MAZE_TRACE_KINDS_, /* `number` ns of CPU time of `tid` were booked */
	TRACE_CALL,			   /* `tid` enters or leaves a system call; see `futex` */
	TRACE_OTHER,			   /* an event of another kind, in which `tid` runs */
};

struct trace_event {
	unsigned int kind; /* enum maze_trace_kind, or TRACE_* */
	unsigned int cpu;
	maze_u64 time_ns; /* 0: unknown, of NAME and LOST */
	maze_u64 number;  /* SWITCH: runtime_ns, or 0; LOST; RUNTIME */
	maze_u32 tid;
	maze_u32 other;
	maze_u32 pid;	      /* NAME: the process of `tid`; 0: unknown */
	maze_u32 other_pid;   /* FORK: the process of `other`; 0: unknown */
	maze_u32 state;	      /* enum maze_trace_state */
	bool futex;	      /* TRACE_CALL: it enters futex(2) */
	bool thread;	      /* FORK: `other` is a thread of the process of `tid` */
	maze_u32 current;     /* of a text: the thread that runs on the CPU; 0: idle or unknown */
	maze_u32 current_pid; /* its process; 0: unknown */
	struct trace_name current_name;
	struct trace_name name;	      /* of `tid` */
	struct trace_name other_name; /* of `other` */
};

struct trace {
	int fd;
	bool compact;
	bool calls;	  /* it has yields, and a text waits for locks */
	maze_u64 wall_ns; /* of the header; 0: a text, whose clock has no date */
	maze_u64 line;	  /* the line that was read last; of the compact format: the event */
	char *buffer;
	size_t begin, end; /* of what is read and not yet used */
	bool ended;	   /* nothing is left to read */
	maze_u64 *cpu_ns;  /* the time of the last event of each CPU */
	size_t cpus;
};

/*
 * Reads the beginning of the trace. The caller calls trace_close(), and closes `fd`
 * afterwards. Returns 0, -ENOMEM, -EINVAL (an invalid header) or the error of read(2).
 */
int trace_open(int fd, struct trace *ret_trace, struct maze_error *error);
void trace_close(struct trace *trace);
/*
 * Reads an event. Returns 1, or 0 at the end of the trace, -EINVAL (the message has the
 * line), -ENOMEM or the error of read(2). After an error the trace can only be closed.
 */
int trace_next(struct trace *trace, struct trace_event *ret_event, struct maze_error *error);

/*
 * Parses a line without its newline. Returns 1 if it has an event, 0 if it has none (a
 * comment, a heading, a frame of a stack), or -EINVAL with a message.
 */
int trace_line_parse(const char *line, size_t length, struct trace_event *ret_event,
		     struct maze_error *error);

#endif
