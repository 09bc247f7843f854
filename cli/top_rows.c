/* SPDX-License-Identifier: GPL-2.0-only */
#include "top_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare_numbers(maze_u64 a, maze_u64 b)
{
	return a < b ? -1 : a > b;
}

int top_row_compare(const struct top_row *a, const struct top_row *b)
{
	int order = compare_numbers(maze_policy_scope(a->entry.flags),
				    maze_policy_scope(b->entry.flags));

	if (!order)
		order = compare_numbers(a->entry.pid, b->entry.pid);
	if (!order)
		order = compare_numbers(a->entry.tid, b->entry.tid);
	return order ? order : compare_numbers(a->cgroup_id, b->cgroup_id);
}

static int compare(const void *a, const void *b)
{
	return top_row_compare(a, b);
}

void top_row_forget(struct top_row *row)
{
	if (row->times_fd >= 0)
		close(row->times_fd);
	free(row->cgroup);
	free(row->place);
	row->cgroup = row->place = NULL;
	row->times_fd = -1;
	row->cpu_permille = TOP_UNKNOWN;
	row->verdict_ns = row->start_ticks = row->last_ns = row->last_at_ns = 0;
	row->is_new = true;
}

static void free_row(struct top_row *row)
{
	top_row_forget(row);
	free(row->name);
}

static bool fill(struct top_row *row, const struct maze_entry *entry, const char *name, size_t size,
		 const char *rule)
{
	row->entry = *entry;
	row->times_fd = -1;
	row->cpu_permille = TOP_UNKNOWN;
	row->is_new = true;
	if (rule)
		memcpy(row->rule, rule, LISTING_RULE_LEN);
	row->name = strndup(name, size);
	return row->name;
}

static const char *rule_at(const struct listing *listing, size_t index)
{
	return listing->rules ? listing->rules[index] : NULL;
}

/* The rows of a list, without what was read of them. Returns false without memory. */
static bool make(struct top_rows *rows, const struct listing *listing)
{
	size_t count = listing->count + listing->groups_count, i, n;
	const struct maze_group *group;
	struct top_row *row;

	rows->rows = calloc(count ? count : 1, sizeof(*rows->rows));
	if (!rows->rows)
		return false;
	for (i = 0; i < count; i++) {
		row = &rows->rows[rows->count++];
		if (i < listing->count) {
			if (!fill(row, &listing->entries[i], listing->entries[i].comm,
				  MAZE_COMM_LEN, rule_at(listing, i)))
				return false;
			continue;
		}
		n = i - listing->count;
		group = &listing->groups[n];
		if (!fill(row, &group->entry, group->name, MAZE_GROUP_NAME_LEN,
			  rule_at(listing, i)))
			return false;
		row->cgroup_id = group->cgroup_id;
		row->used_ns = group->used_ns;
		row->members = group->members;
	}
	qsort(rows->rows, rows->count, sizeof(*rows->rows), compare);
	return true;
}

/* Moves what was read of a row. */
static void carry(struct top_row *row, struct top_row *old)
{
	row->is_new = false;
	row->user = row->entry.uid == old->entry.uid ? old->user : NULL;
	row->cgroup = old->cgroup;
	row->place = old->place;
	row->cpu_permille = old->cpu_permille;
	row->verdict_ns = old->verdict_ns;
	row->start_ticks = old->start_ticks;
	row->times_fd = old->times_fd;
	row->last_ns = old->last_ns;
	row->last_at_ns = old->last_at_ns;
	row->last_episode = old->last_episode;
	old->cgroup = old->place = NULL;
	old->times_fd = -1;
}

int top_rows_update(struct top_rows *rows, const struct listing *listing)
{
	struct top_rows next = { 0 };
	size_t i, j = 0;
	int order;

	if (!make(&next, listing)) {
		top_rows_free(&next);
		return -ENOMEM;
	}
	for (i = 0; i < next.count; i++) {
		while (j < rows->count &&
		       (order = top_row_compare(&rows->rows[j], &next.rows[i])) <= 0) {
			if (!order)
				carry(&next.rows[i], &rows->rows[j]);
			j++;
		}
	}
	top_rows_free(rows);
	*rows = next;
	return 0;
}

struct top_row *top_rows_find(const struct top_rows *rows, const struct maze_record *record)
{
	maze_u32 scope = maze_record_scope(record);
	struct top_row key = {
		.entry = { .pid = record->pid,
			   .tid = record->tid,
			   .flags = scope << MAZE_POLICY_SCOPE_SHIFT },
		.cgroup_id = scope == MAZE_SCOPE_CGROUP ? record->cgroup_id : 0,
	};

	if (scope)
		key.entry.tid = key.entry.pid;
	return bsearch(&key, rows->rows, rows->count, sizeof(key), compare);
}

void top_rows_free(struct top_rows *rows)
{
	size_t i;

	for (i = 0; i < rows->count; i++)
		free_row(&rows->rows[i]);
	free(rows->rows);
	rows->rows = NULL;
	rows->count = 0;
}

void top_row_measure(struct top_row *row, maze_u64 cpu_ns, maze_u64 at_ns, bool per_episode)
{
	bool comparable = row->last_at_ns && at_ns > row->last_at_ns && cpu_ns >= row->last_ns &&
			  !(per_episode && row->last_episode != row->entry.episode);

	row->cpu_permille = TOP_UNKNOWN;
	/* Rounded, because the clocks of the two readings differ by microseconds. */
	if (comparable)
		row->cpu_permille = (long)((double)(cpu_ns - row->last_ns) * 1000 /
						   (double)(at_ns - row->last_at_ns) +
					   0.5);
	row->last_ns = cpu_ns;
	row->last_at_ns = at_ns;
	row->last_episode = row->entry.episode;
}

maze_u64 top_row_progress(const struct top_row *row)
{
	maze_u64 limit = row->entry.hard_ns ? row->entry.hard_ns : row->entry.soft_ns;

	return limit ? (maze_u64)((double)row->entry.count_ns * 1000 / (double)limit) : 0;
}
