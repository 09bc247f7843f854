/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the schedule of an incident as a trace for maze replay (core/trace_event.h). */
#include <errno.h>
#include <string.h>

#include "../core/trace_event.h"
#include "report.h"
#include "shown.h"

struct trace_out {
	FILE *out;
	long long zero_ns; /* the time of the trace is 0, since 1970 */
	maze_u32 tid, pid;
};

static void put(struct trace_out *trace, struct maze_trace_event event, long long time_ns)
{
	event.time_ns = (maze_u64)time_ns - (maze_u64)trace->zero_ns;
	fwrite(&event, sizeof(event), 1, trace->out);
}

static void put_name(struct trace_out *trace, maze_u32 tid, const char *name)
{
	struct maze_trace_event event = { .tid = tid, .pid = trace->pid, .kind = MAZE_TRACE_NAME };

	if (!name)
		return;
	memcpy(event.comm, name, strnlen(name, sizeof(event.comm) - 1));
	fwrite(&event, sizeof(event), 1, trace->out);
}

static maze_u8 state_of(const struct incident_run *run)
{
	if (!run->end)
		return MAZE_TRACE_RUNNABLE;
	if (!strcmp(run->end, "lock"))
		return MAZE_TRACE_WAITS_FOR_LOCK;
	if (!strcmp(run->end, "slept"))
		return MAZE_TRACE_SLEEPS;
	return strcmp(run->end, "stopped") != 0 ? MAZE_TRACE_RUNNABLE : MAZE_TRACE_STOPS;
}

/* The CPU is idle before and after the run: the trace is of one thread. */
static void put_run(struct trace_out *trace, const struct incident_run *run, bool slept)
{
	struct maze_trace_event event = { .cpu = (maze_u16)run->cpu };
	maze_u64 from_ns = (maze_u64)run->time_ns;

	event.tid = trace->tid;
	event.kind = MAZE_TRACE_WAKE;
	if (slept && run->waited_ns >= 0)
		put(trace, event, (long long)(from_ns - (maze_u64)run->waited_ns));
	event.kind = MAZE_TRACE_SWITCH;
	event.tid = 0;
	event.other = trace->tid;
	put(trace, event, run->time_ns);
	event.tid = trace->tid;
	event.other = 0;
	event.kind = MAZE_TRACE_YIELD;
	if (run->end && !strcmp(run->end, "yielded"))
		put(trace, event, (long long)(from_ns + (maze_u64)run->wall_ns));
	event.kind = MAZE_TRACE_SWITCH;
	event.state = state_of(run);
	event.runtime_ns = run->runtime_ns > 0 ? (maze_u64)run->runtime_ns : 0;
	put(trace, event, (long long)(from_ns + (maze_u64)run->wall_ns));
}

int report_trace(const struct incident *incident, FILE *out)
{
	const struct incident_run *run = incident->runs;
	struct maze_trace_header header = {
		.version = MAZE_TRACE_VERSION,
		.event_size = sizeof(struct maze_trace_event),
	};
	struct trace_out trace = {
		.out = out,
		.tid = (maze_u32)shown_tid(incident),
		.pid = (maze_u32)shown_pid(incident),
	};

	if (!incident->runs_count)
		return 0;
	/* Time 0 of an event means that it is unknown. */
	trace.zero_ns = (long long)((maze_u64)run->time_ns - 1);
	header.wall_ns = (maze_u64)trace.zero_ns;
	memcpy(header.magic, MAZE_TRACE_MAGIC, sizeof(header.magic));
	fwrite(&header, sizeof(header), 1, out);
	if (trace.pid != trace.tid)
		put_name(&trace, trace.pid, incident->process.comm);
	put_name(&trace, trace.tid, shown_thread_name(incident));
	for (; run < incident->runs + incident->runs_count; run++)
		put_run(&trace, run, run > incident->runs && state_of(run - 1));
	return ferror(out) ? -EIO : 0;
}
