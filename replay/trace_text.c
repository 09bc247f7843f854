/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lines of perf script(1), trace-cmd report(1) and the file `trace` of tracefs. A line
 * has the form "COMM TID [CPU] FLAGS TIME: GROUP:EVENT: FIELDS", with a '-' before the TID
 * in the last two, and with FLAGS only in the last one. The name of a thread can have any
 * bytes, such as those of a field. But it has at most 15 bytes, so the last match within
 * them is the field itself.
 */
#include "trace.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "../base/error.h"

#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif

/* CLONE_THREAD of clone(2): a thread of the same process. */
#define NEW_THREAD 0x10000UL
#define NAME_MAX_BYTES 15
/* All three programs align the name, but perf does not if the lines have stacks. */
#define NAME_COLUMNS 16

struct cursor {
	const char *at, *end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && *cursor->at == ' ')
		cursor->at++;
}

static bool skip_byte(struct cursor *cursor, char byte)
{
	if (cursor->at == cursor->end || *cursor->at != byte)
		return false;
	cursor->at++;
	return true;
}

/* Inline, so that each comparison has a constant length: a third of the time of a line. */
maze_inline bool skip_text(struct cursor *cursor, const char *text, size_t length)
{
	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, text, length) != 0)
		return false;
	cursor->at += length;
	return true;
}
#define SKIP(cursor, literal) skip_text(cursor, literal, sizeof(literal) - 1)

/* Parses decimal digits up to `max`, which is below 2^60. */
static bool number(struct cursor *cursor, maze_u64 max, maze_u64 *ret_number)
{
	const char *begin = cursor->at;
	maze_u64 value = 0;

	while (cursor->at < cursor->end && is_digit(*cursor->at)) {
		value = value * 10 + (maze_u64)(*cursor->at++ - '0');
		if (value > max)
			return false;
	}
	*ret_number = value;
	return cursor->at > begin;
}

static bool task_id(struct cursor *cursor, maze_u32 *ret_id)
{
	maze_u64 value;

	if (!number(cursor, MAZE_TRACE_TID_MAX, &value))
		return false;
	*ret_id = (maze_u32)value;
	return true;
}

/* Parses seconds with 6 or 9 decimals. */
static bool time_stamp(struct cursor *cursor, maze_u64 *ret_ns)
{
	maze_u64 seconds, fraction;
	const char *point;

	if (!number(cursor, INT64_MAX / MAZE_NSEC_PER_SEC - 1, &seconds))
		return false;
	point = cursor->at;
	if (!skip_byte(cursor, '.') || !number(cursor, MAZE_NSEC_PER_SEC - 1, &fraction))
		return false;
	if (cursor->at - point == 1 + 6)
		fraction *= MAZE_NSEC_PER_USEC;
	else if (cursor->at - point != 1 + 9)
		return false;
	*ret_ns = seconds * MAZE_NSEC_PER_SEC + fraction;
	return skip_byte(cursor, ':');
}

/* ---- the head ------------------------------------------------------------------------ */

/* Parses " PID/TID", " TID" or "-TID", and the process in parentheses that tracefs shows. */
static bool head_ids(struct cursor *cursor, struct trace_event *event)
{
	if (!skip_byte(cursor, ' ') && !skip_byte(cursor, '-'))
		return false;
	skip_blanks(cursor);
	/* perf shows this for a thread that has ended. */
	if (SKIP(cursor, "-1 ")) {
		skip_blanks(cursor);
		return true;
	}
	if (!task_id(cursor, &event->current))
		return false;
	event->current_pid = 0;
	if (skip_byte(cursor, '/')) {
		event->current_pid = event->current;
		if (!task_id(cursor, &event->current))
			return false;
	}
	skip_blanks(cursor);
	if (skip_byte(cursor, '(')) {
		skip_blanks(cursor);
		if (!task_id(cursor, &event->current_pid))
			while (skip_byte(cursor, '-'))
				;
		if (!skip_byte(cursor, ')'))
			return false;
		skip_blanks(cursor);
	}
	return true;
}

/* Parses from behind the name up to behind the colon of the time. */
static bool head(struct cursor *cursor, struct trace_event *event)
{
	maze_u64 cpu;

	if (!head_ids(cursor, event) || !skip_byte(cursor, '[') ||
	    !number(cursor, UINT16_MAX, &cpu) || !skip_byte(cursor, ']'))
		return false;
	event->cpu = (unsigned int)cpu;
	skip_blanks(cursor);
	if (cursor->at < cursor->end && !is_digit(*cursor->at)) {
		while (cursor->at < cursor->end && *cursor->at != ' ')
			cursor->at++;
		skip_blanks(cursor);
	}
	return time_stamp(cursor, &event->time_ns);
}

/* perf shows ":TID" and tracefs "<...>" for a name that it does not know. */
static void head_name(const char *name, const char *end, struct trace_event *event)
{
	while (name < end && *name == ' ')
		name++;
	if (name < end && end - name <= NAME_MAX_BYTES && *name != ':' && *name != '<')
		event->current_name = (struct trace_name){ name, (size_t)(end - name) };
}

static bool find_head(struct cursor *cursor, struct trace_event *event)
{
	const char *line = cursor->at, *at = line, *end = cursor->end;
	const char *last = end - line > 2 * NAME_COLUMNS ? line + 2 * NAME_COLUMNS : end;

	if (end - line > NAME_COLUMNS) {
		cursor->at = line + NAME_COLUMNS;
		if (head(cursor, event)) {
			head_name(line, line + NAME_COLUMNS, event);
			return true;
		}
	}
	for (; at < last; at++) {
		cursor->at = at;
		if ((*at == ' ' || *at == '-') && head(cursor, event)) {
			head_name(line, at, event);
			return true;
		}
	}
	return false;
}

/* ---- names and states ------------------------------------------------------------------ */

/* Parses a name up to `key`, such as " prev_pid=", and skips the key. */
maze_inline bool name_before(struct cursor *cursor, const char *key, size_t length,
			     struct trace_name *ret_name)
{
	const char *name = cursor->at;
	size_t most = (size_t)(cursor->end - name);

	if (most < length)
		return false;
	most = most - length < NAME_MAX_BYTES ? most - length : NAME_MAX_BYTES;
	do {
		if (name[most] == key[0] && name[most + 1] == key[1] &&
		    !memcmp(name + most, key, length)) {
			*ret_name = (struct trace_name){ name, most };
			cursor->at = name + most + length;
			return true;
		}
	} while (most--);
	return false;
}
#define NAME_BEFORE(cursor, key, ret_name) name_before(cursor, key, sizeof(key) - 1, ret_name)

static bool priority(struct cursor *cursor)
{
	maze_u64 value;

	skip_byte(cursor, '-');
	return number(cursor, UINT32_MAX, &value);
}

/* A state begins with R if the thread stays runnable, and has a '+' if it is preempted. */
static bool state(struct cursor *cursor, maze_u32 *ret_state)
{
	const char *begin = cursor->at;

	while (cursor->at < cursor->end && *cursor->at != ' ')
		cursor->at++;
	if (cursor->at == begin)
		return false;
	if (*begin == 'R' || cursor->at[-1] == '+')
		*ret_state = MAZE_TRACE_RUNNABLE;
	else if (*begin == 'X' || *begin == 'Z' || *begin == 'x')
		*ret_state = MAZE_TRACE_ENDS;
	else if (*begin == 'T' || *begin == 't')
		*ret_state = MAZE_TRACE_STOPS;
	else if (*begin >= 'A' && *begin <= 'Z')
		*ret_state = MAZE_TRACE_SLEEPS;
	else
		return false;
	return SKIP(cursor, " ==> ");
}

/* ---- sched_switch ------------------------------------------------------------------------ */

static bool switch_fields(struct cursor *cursor, struct trace_event *event)
{
	return SKIP(cursor, "prev_comm=") && NAME_BEFORE(cursor, " prev_pid=", &event->name) &&
	       task_id(cursor, &event->tid) && SKIP(cursor, " prev_prio=") && priority(cursor) &&
	       SKIP(cursor, " prev_state=") && state(cursor, &event->state) &&
	       SKIP(cursor, "next_comm=") &&
	       NAME_BEFORE(cursor, " next_pid=", &event->other_name) &&
	       task_id(cursor, &event->other) && SKIP(cursor, " next_prio=") && priority(cursor);
}

/* Parses "NAME:TID [PRIO]" with a name of `length` bytes. */
static bool short_task(struct cursor *cursor, size_t length, struct trace_name *ret_name,
		       maze_u32 *ret_tid)
{
	if ((size_t)(cursor->end - cursor->at) <= length)
		return false;
	*ret_name = (struct trace_name){ cursor->at, length };
	cursor->at += length;
	return skip_byte(cursor, ':') && task_id(cursor, ret_tid) && SKIP(cursor, " [") &&
	       priority(cursor) && skip_byte(cursor, ']');
}

static bool short_next(struct cursor *cursor, struct trace_event *event)
{
	const char *begin = cursor->at;
	size_t length;

	for (length = NAME_MAX_BYTES + 1; length--; cursor->at = begin)
		if (short_task(cursor, length, &event->other_name, &event->other))
			return true;
	return false;
}

/* The form of trace-cmd's plugin: "NAME:TID [PRIO] STATE ==> NAME:TID [PRIO]". */
static bool short_switch(struct cursor *cursor, struct trace_event *event)
{
	const char *begin = cursor->at;
	size_t length;

	for (length = NAME_MAX_BYTES + 1; length--; cursor->at = begin)
		if (short_task(cursor, length, &event->name, &event->tid) &&
		    skip_byte(cursor, ' ') && state(cursor, &event->state) &&
		    short_next(cursor, event))
			return true;
	return false;
}

static bool parse_switch(struct cursor *cursor, struct trace_event *event)
{
	const char *begin = cursor->at;

	event->kind = MAZE_TRACE_SWITCH;
	if (switch_fields(cursor, event))
		return true;
	cursor->at = begin;
	return short_switch(cursor, event);
}

/* ---- other events ------------------------------------------------------------------------ */

/* Parses "comm=NAME pid=TID". */
static bool named_task(struct cursor *cursor, struct trace_name *ret_name, maze_u32 *ret_tid)
{
	return SKIP(cursor, "comm=") && NAME_BEFORE(cursor, " pid=", ret_name) &&
	       task_id(cursor, ret_tid);
}

static bool parse_fork(struct cursor *cursor, struct trace_event *event)
{
	event->kind = MAZE_TRACE_FORK;
	return named_task(cursor, &event->name, &event->tid) && SKIP(cursor, " child_comm=") &&
	       NAME_BEFORE(cursor, " child_pid=", &event->other_name) &&
	       task_id(cursor, &event->other);
}

/* Parses hexadecimal digits. */
static bool flags(struct cursor *cursor, unsigned long *ret_flags)
{
	const char *begin = cursor->at;
	unsigned long value = 0;

	for (; cursor->at < cursor->end && cursor->at - begin < 16; cursor->at++) {
		if (is_digit(*cursor->at))
			value = value << 4 | (unsigned long)(*cursor->at - '0');
		else if (*cursor->at >= 'a' && *cursor->at <= 'f')
			value = value << 4 | (unsigned long)(*cursor->at - 'a' + 10);
		else
			break;
	}
	*ret_flags = value;
	return cursor->at > begin;
}

/* Here `tid`, which starts the other one, is the thread of the head. */
static bool parse_newtask(struct cursor *cursor, struct trace_event *event)
{
	unsigned long clone_flags;

	event->kind = MAZE_TRACE_FORK;
	if (!SKIP(cursor, "pid=") || !task_id(cursor, &event->other) || !SKIP(cursor, " comm=") ||
	    !NAME_BEFORE(cursor, " clone_flags=", &event->other_name) ||
	    !flags(cursor, &clone_flags))
		return false;
	event->thread = clone_flags & NEW_THREAD;
	event->other_pid = event->thread ? 0 : event->other;
	return true;
}

static bool parse_rename(struct cursor *cursor, struct trace_event *event)
{
	struct trace_name old;

	event->kind = MAZE_TRACE_NAME;
	return SKIP(cursor, "pid=") && task_id(cursor, &event->tid) && SKIP(cursor, " oldcomm=") &&
	       NAME_BEFORE(cursor, " newcomm=", &old) &&
	       NAME_BEFORE(cursor, " oom_score_adj=", &event->name);
}

static bool parse_exit(struct cursor *cursor, struct trace_event *event)
{
	event->kind = MAZE_TRACE_EXIT;
	return named_task(cursor, &event->name, &event->tid);
}

/* The second form is that of trace-cmd's plugin. */
static bool parse_wake(struct cursor *cursor, struct trace_event *event)
{
	const char *begin = cursor->at;
	size_t length;

	event->kind = MAZE_TRACE_WAKE;
	if (named_task(cursor, &event->name, &event->tid))
		return true;
	for (length = NAME_MAX_BYTES + 1; length--;) {
		cursor->at = begin;
		if (short_task(cursor, length, &event->name, &event->tid))
			return true;
	}
	return false;
}

static bool parse_runtime(struct cursor *cursor, struct trace_event *event)
{
	event->kind = TRACE_RUNTIME;
	return named_task(cursor, &event->name, &event->tid) && SKIP(cursor, " runtime=") &&
	       number(cursor, INT64_MAX / 16, &event->number) && SKIP(cursor, " [ns]");
}

static bool parse_yield(struct cursor *cursor, struct trace_event *event)
{
	(void)cursor;
	event->kind = MAZE_TRACE_YIELD;
	return true;
}

static bool parse_futex(struct cursor *cursor, struct trace_event *event)
{
	(void)cursor;
	event->kind = TRACE_CALL;
	event->futex = true;
	return true;
}

static bool parse_call_end(struct cursor *cursor, struct trace_event *event)
{
	(void)cursor;
	event->kind = TRACE_CALL;
	return true;
}

/* The numbers are those of the machine that this program is for. */
static bool parse_call(struct cursor *cursor, struct trace_event *event)
{
	maze_u64 call;

	if (!SKIP(cursor, "NR ") || !number(cursor, UINT32_MAX, &call))
		return false;
	event->kind = call == SYS_sched_yield ? MAZE_TRACE_YIELD : TRACE_CALL;
	event->futex = call == SYS_futex || call == SYS_futex_waitv || call == SYS_futex_wait;
	return true;
}

static const struct {
	const char *name;
	size_t length;
	bool (*parse)(struct cursor *cursor, struct trace_event *event);
} events[] = {
#define EVENT(name, parse)                                                                         \
	{                                                                                          \
		name, sizeof(name) - 1, parse                                                      \
	}
	EVENT("sched_switch", parse_switch),
	EVENT("sched_stat_runtime", parse_runtime),
	EVENT("sched_wakeup", parse_wake),
	EVENT("sched_waking", parse_wake),
	EVENT("sys_enter", parse_call),
	EVENT("sys_exit", parse_call_end),
	EVENT("sched_process_fork", parse_fork),
	EVENT("sched_process_exit", parse_exit),
	EVENT("task_newtask", parse_newtask),
	EVENT("task_rename", parse_rename),
	EVENT("sys_enter_sched_yield", parse_yield),
	EVENT("sys_enter_futex", parse_futex),
	EVENT("sys_enter_futex_wait", parse_futex),
	EVENT("sys_enter_futex_waitv", parse_futex),
	EVENT("sys_exit_futex", parse_call_end),
	EVENT("sys_exit_futex_wait", parse_call_end),
	EVENT("sys_exit_futex_waitv", parse_call_end),
#undef EVENT
};

/* The form of tracefs: "sys_futex(ARGUMENTS)" at the entry, and "sys_futex -> RESULT". */
static bool short_call(struct cursor *cursor, struct trace_event *event)
{
	if (!SKIP(cursor, "sys_"))
		return false;
	event->kind = SKIP(cursor, "sched_yield(") ? MAZE_TRACE_YIELD : TRACE_CALL;
	event->futex = SKIP(cursor, "futex(") || SKIP(cursor, "futex_wait(") ||
		       SKIP(cursor, "futex_waitv(");
	return true;
}

/* Parses "GROUP:EVENT: FIELDS" or "EVENT: FIELDS". Returns -EINVAL for invalid fields. */
static int parse_event(struct cursor *cursor, struct trace_event *event, struct maze_error *error)
{
	const char *name, *end;
	size_t i, length;

	skip_blanks(cursor);
	/* perf script --show-lost-events */
	if (SKIP(cursor, "PERF_RECORD_LOST lost ")) {
		event->kind = MAZE_TRACE_LOST;
		if (!number(cursor, INT64_MAX / 16, &event->number))
			return maze_fail(error, -EINVAL, "invalid number of lost events");
		return 1;
	}
	name = cursor->at;
	end = memchr(name, ' ', (size_t)(cursor->end - name));
	end = end ? end : cursor->end;
	cursor->at = end;
	skip_blanks(cursor);
	event->kind = TRACE_OTHER;
	event->tid = event->current;
	if (end == name || end[-1] != ':' || memchr(name, '(', (size_t)(end - name))) {
		cursor->at = name;
		short_call(cursor, event);
		return 1;
	}
	end--;
	/* The group of the event, such as "sched:". */
	for (i = (size_t)(end - name); i--;) {
		if (name[i] == ':') {
			name += i + 1;
			break;
		}
	}
	length = (size_t)(end - name);
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (length != events[i].length || memcmp(name, events[i].name, length) != 0)
			continue;
		if (!events[i].parse(cursor, event))
			return maze_fail(error, -EINVAL, "invalid fields of %s", events[i].name);
		return 1;
	}
	return 1;
}

/* ---- other lines -------------------------------------------------------------------------- */

/* "CPU:1 [LOST 12 EVENTS]" of tracefs, or "CPU:1 [12 EVENTS DROPPED]" of trace-cmd. */
static bool parse_lost(struct cursor *cursor, struct trace_event *event)
{
	maze_u64 cpu;

	if (!SKIP(cursor, "CPU:") || !number(cursor, UINT16_MAX, &cpu) || !SKIP(cursor, " ["))
		return false;
	event->kind = MAZE_TRACE_LOST;
	event->cpu = (unsigned int)cpu;
	event->number = 0;
	if (SKIP(cursor, "EVENTS DROPPED]"))
		return true;
	SKIP(cursor, "LOST ");
	return number(cursor, INT64_MAX / 16, &event->number) && SKIP(cursor, " EVENTS");
}

/* Comments, frames of stacks, and what trace-cmd prints before the events. */
static bool has_no_event(struct cursor cursor)
{
	maze_u64 value;

	skip_blanks(&cursor);
	if (cursor.at == cursor.end || *cursor.at == '#' || *cursor.at == '\t')
		return true;
	if (SKIP(&cursor, "cpus=") || SKIP(&cursor, "version = ") || SKIP(&cursor, "CPU "))
		return number(&cursor, UINT32_MAX, &value);
	return false;
}

int trace_line_parse(const char *line, size_t length, struct trace_event *ret_event,
		     struct maze_error *error)
{
	struct cursor cursor = { line, line + length };

	*ret_event = (struct trace_event){ 0 };
	if (find_head(&cursor, ret_event))
		return parse_event(&cursor, ret_event, error);
	cursor.at = line;
	if (parse_lost(&cursor, ret_event))
		return 1;
	cursor.at = line;
	if (has_no_event(cursor))
		return 0;
	return maze_fail(error, -EINVAL,
			 "it is no event; a line of perf script or trace-cmd report has the form "
			 "COMM TID [CPU] TIME: EVENT: FIELDS");
}
