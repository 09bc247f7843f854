/* SPDX-License-Identifier: GPL-2.0-only */
#include "record_stats.h"

const maze_u64 record_stats_bounds_ns[RECORD_STATS_BUCKETS - 1] = { RECORD_STATS_BOUNDS };

static void add_lateness(struct lateness *lateness, maze_u64 late_ns)
{
	size_t i;

	for (i = 0; i < RECORD_STATS_BUCKETS - 1 && late_ns > record_stats_bounds_ns[i]; i++)
		;
	lateness->counts[i]++;
	lateness->sum_ns += late_ns;
	if (late_ns > lateness->max_ns)
		lateness->max_ns = late_ns;
}

void record_stats_add(struct record_stats *stats, const struct maze_record *record)
{
	/* With a TID, a watch was lost, and not a record. */
	if (record->event == MAZE_EVENT_LOST && !record->tid)
		stats->lost += record->lost;
	if (record->event != MAZE_EVENT_SOFT && record->event != MAZE_EVENT_HARD)
		return;
	stats->soft += record->event == MAZE_EVENT_SOFT;
	stats->hard += record->event == MAZE_EVENT_HARD;
	stats->shadow += !!(record->flags & MAZE_RECORD_SHADOW);
	stats->sent += !!(record->flags & MAZE_RECORD_SENT);
	/* Never early, so the difference is not negative, unless the record is wrong. */
	if (record->count_ns >= record->limit_ns)
		add_lateness(maze_record_scope(record) ? &stats->groups : &stats->threads,
			     record->count_ns - record->limit_ns);
}

static json_t *numbers_json(const maze_u64 *numbers, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(array, json_integer((json_int_t)numbers[i]));
	return array;
}

static json_t *lateness_json(const struct lateness *lateness)
{
	return json_pack("{s:o,s:I,s:I}", "counts",
			 numbers_json(lateness->counts, RECORD_STATS_BUCKETS), "sum_ns",
			 (json_int_t)lateness->sum_ns, "max_ns", (json_int_t)lateness->max_ns);
}

json_t *record_stats_json(const struct record_stats *stats, const struct maze_counts *counts)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:{s:I,s:I,s:I,s:I,s:I},s:{s:o,s:o,s:o}}", "watched",
			 (json_int_t)counts->watched, "verdicts", (json_int_t)counts->verdicts,
			 "signals", (json_int_t)counts->signals, "inherit_failures",
			 (json_int_t)counts->inherit_failures, "timer_expiries",
			 (json_int_t)counts->timer_expiries, "records", "soft",
			 (json_int_t)stats->soft, "hard", (json_int_t)stats->hard, "shadow",
			 (json_int_t)stats->shadow, "sent", (json_int_t)stats->sent, "lost",
			 (json_int_t)stats->lost, "lateness", "bounds_ns",
			 numbers_json(record_stats_bounds_ns, RECORD_STATS_BUCKETS - 1), "threads",
			 lateness_json(&stats->threads), "groups", lateness_json(&stats->groups));
}
