/* SPDX-License-Identifier: GPL-2.0-only */
#include "system_calls.h"

#include <stdlib.h>
#include <string.h>

#include "../engine/bpf/system_calls.h"

int call_counter_open(struct call_counter **ret_counter, struct maze_error *error)
{
	struct call_descriptors descriptors = { { 0 }, { 0 } };
	maze_u32 number;

	for (number = 0; number < CALL_NUMBERS; number++) {
		if (system_call_has_descriptor(number))
			descriptors.native[number / 64] |= 1ULL << number % 64;
		if (system_call_has_descriptor(number | CALL_COMPAT))
			descriptors.compat[number / 64] |= 1ULL << number % 64;
	}
	return bpf_calls_open(&descriptors, ret_counter, error);
}

int call_counter_begin(struct call_counter *counter, pid_t tid, maze_u64 born_by_ns,
		       maze_u64 limit_ns, struct maze_error *error)
{
	return bpf_calls_begin(counter, tid, born_by_ns, limit_ns, error);
}

int call_counter_runtime(struct call_counter *counter, pid_t tid, maze_u64 born_by_ns,
			 maze_u64 *ret_runtime_ns)
{
	struct call_thread thread;
	int err = bpf_calls_find(counter, tid, born_by_ns, &thread);

	if (!err)
		*ret_runtime_ns = thread.runtime_ns;
	return err;
}

/* ---- a slot as a slice ------------------------------------------------------------- */

static int by_count(const void *a, const void *b)
{
	const struct call_row *left = a, *right = b;

	return (left->count < right->count) - (left->count > right->count);
}

static void take_rows(struct call_slot *slot, struct call_slice *slice)
{
	size_t i;

	qsort(slot->rows, CALL_SLOT_ROWS, sizeof(slot->rows[0]), by_count);
	slice->calls = slot->calls;
	slice->rest_calls = slot->rest_calls;
	slice->rest_time_ns = slot->rest_time_ns;
	for (i = 0; i < CALL_SLOT_ROWS && slot->rows[i].count; i++) {
		if (i < CALL_SLICE_ROWS) {
			slice->rows[slice->rows_count++] = slot->rows[i];
			continue;
		}
		slice->rest_calls += slot->rows[i].count;
		slice->rest_time_ns += slot->rows[i].time_ns;
	}
}

/*
 * The program sees no event of a call that lasts for the whole slice. But the thread's
 * entry frame still has its number if a tick or a switch has come since then: in user
 * code, that would have overwritten the number.
 */
static void find_inside(const struct call_slot *slot, const struct call_thread *thread,
			struct call_slice *slice)
{
	if (slot->entered_ns) {
		slice->inside = slot->inside;
		slice->inside_descriptor = slot->inside_descriptor;
		slice->inside_ns = slot->ended_ns - slot->entered_ns;
	} else if (!slot->began_ns && thread->runtime_ns > slot->from_ns) {
		slice->inside = thread->inside;
		slice->inside_descriptor = thread->inside_descriptor;
		slice->inside_ns =
			thread->inside == CALL_NONE ? 0 : slot->ended_ns - slot->armed_ns;
	}
}

int call_counter_take(struct call_counter *counter, int slot, pid_t tid, maze_u64 born_by_ns,
		      bool end, struct call_slice *ret_slice)
{
	struct call_slice slice = { .inside = CALL_NONE };
	struct call_thread thread = { 0 };
	struct call_slot ended;

	/* After the end of its thread, a slice ends with what it has. */
	if (!*(const volatile maze_u32 *)&bpf_calls_slot(counter, slot)->done &&
	    !bpf_calls_find(counter, tid, born_by_ns, &thread) && !end &&
	    !bpf_calls_is_over(counter, slot, thread.runtime_ns))
		return 0;
	bpf_calls_end(counter, slot, &ended);
	take_rows(&ended, &slice);
	slice.boot_ns = ended.began_ns ? ended.began_ns : ended.armed_ns;
	slice.runtime_ns = ended.booked_ns;
	if (!ended.done && thread.number) {
		slice.runtime_ns = thread.runtime_ns;
		find_inside(&ended, &thread, &slice);
	}
	slice.cpu_ns = slice.runtime_ns > ended.from_ns ? slice.runtime_ns - ended.from_ns : 0;
	slice.wall_ns = ended.ended_ns - slice.boot_ns;
	*ret_slice = slice;
	return 1;
}

maze_u64 call_counter_attached_ns(const struct call_counter *counter)
{
	return bpf_calls_attached_ns(counter);
}

void call_counter_close(struct call_counter *counter)
{
	bpf_calls_close(counter);
}
