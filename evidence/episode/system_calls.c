/* SPDX-License-Identifier: GPL-2.0-only */
/* The system calls of an episode. */
#include <errno.h>
#include <stdio.h>

#include "../../lib/record_time.h"
#include "../../lib/system_calls.h"
#include "episode.h"

static const char *reason(int missing)
{
	switch (missing) {
	case -EPERM:
	case -EACCES:
		return "System calls were not counted: this needs CAP_BPF and CAP_PERFMON";
	case -ESRCH:
		return "System calls were not counted: the thread had ended";
	case -EAGAIN:
		return "System calls were not counted: the thread did not run";
	case -EDQUOT:
		return "System calls were not counted: other threads have used up the time for "
		       "counting";
	default:
		return "System calls were not counted: the kernel does not support it";
	}
}

void episode_add_calls(struct episode *episode, int missing, const struct call_slice *slice)
{
	if (missing)
		episode_note(episode, reason(missing));
	else if (episode->slices_count < EPISODE_SLICES_MAX)
		episode->slices[episode->slices_count++] = *slice;
}

/* ---- JSON -------------------------------------------------------------------------- */

static json_t *call_json(maze_u32 call, int descriptor)
{
	json_t *object = json_object();
	const char *name = system_call_name(call);

	if (name)
		json_object_set_new(object, "name", json_string(name));
	json_object_set_new(object, "number", json_integer(call & ~CALL_COMPAT));
	if (call & CALL_COMPAT)
		json_object_set_new(object, "compat", json_true());
	if (system_call_has_descriptor(call))
		json_object_set_new(object, "fd", json_integer(descriptor));
	return object;
}

static json_t *row_json(const struct call_row *row)
{
	json_t *object = call_json(row->call, row->descriptor);
	char error[32];

	if (row->result < 0)
		json_object_set_new(
			object, "error",
			json_string(system_call_error(-row->result, error, sizeof(error))));
	else
		json_object_set_new(object, "positive", json_boolean(row->result));
	json_object_set_new(object, "calls", json_integer(row->count));
	json_object_set_new(object, "time_ns", json_integer((json_int_t)row->time_ns));
	if (row->result > 0 && system_call_returns_bytes(row->call))
		json_object_set_new(object, "bytes", json_integer((json_int_t)row->sum));
	return object;
}

static json_t *slice_json(const struct call_slice *slice)
{
	json_t *object = json_object(), *rows = json_array(), *inside = json_null();
	char time[RFC3339_LEN];
	size_t i;

	for (i = 0; i < slice->rows_count; i++)
		json_array_append_new(rows, row_json(&slice->rows[i]));
	if (slice->inside != CALL_NONE) {
		inside = call_json(slice->inside, slice->inside_descriptor);
		json_object_set_new(inside, "time_ns", json_integer((json_int_t)slice->inside_ns));
	}
	json_object_set_new(object, "time", json_string(record_time_format(slice->boot_ns, time)));
	json_object_set_new(object, "cpu_ns", json_integer((json_int_t)slice->cpu_ns));
	json_object_set_new(object, "wall_ns", json_integer((json_int_t)slice->wall_ns));
	json_object_set_new(object, "calls", json_integer((json_int_t)slice->calls));
	json_object_set_new(object, "rows", rows);
	json_object_set_new(object, "rest_calls", json_integer((json_int_t)slice->rest_calls));
	json_object_set_new(object, "rest_time_ns", json_integer((json_int_t)slice->rest_time_ns));
	json_object_set_new(object, "inside", inside);
	return object;
}

json_t *episode_calls_json(const struct episode *episode)
{
	json_t *slices = json_array();
	size_t i;

	for (i = 0; i < episode->slices_count; i++)
		json_array_append_new(slices, slice_json(&episode->slices[i]));
	return slices;
}
