/* SPDX-License-Identifier: GPL-2.0-only */
#include "counters.h"

#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../rules/tag.h"

static int by_tag(const void *left, const void *right)
{
	const struct rule_counters *a = left, *b = right;

	return (a->tag > b->tag) - (a->tag < b->tag);
}

static struct rule_counters *find(const struct counters *counters, maze_u64 tag)
{
	const struct rule_counters wanted = { .tag = tag };

	return counters->count
		       ? bsearch(&wanted, counters->rows, counters->count, sizeof(wanted), by_tag)
		       : NULL;
}

struct rule_counters *counters_at(struct counters *counters, maze_u64 tag)
{
	struct rule_counters *row = find(counters, tag);

	if (row)
		return row;
	return tag_kind(tag) == TAG_RULE ? &counters->units : &counters->requests;
}

/* ---- records and actions ------------------------------------------------------------- */

static enum signal_result result_of(const struct maze_record *verdict)
{
	if (verdict->flags & MAZE_RECORD_SENT)
		return SIGNAL_SENT;
	switch (verdict->not_sent) {
	case MAZE_NOT_SENT_NO_HANDLER:
		return SIGNAL_NO_HANDLER;
	case MAZE_NOT_SENT_EXITING:
	case MAZE_NOT_SENT_WATCH_ENDED:
		return SIGNAL_ENDED;
	default:
		return SIGNAL_NOT_SENT;
	}
}

/* Returns the CPU time of the episode since its last verdict. */
static maze_u64 runaway_ns(struct counters *counters, const struct maze_record *verdict)
{
	struct soft_verdict it = { .used_ns = verdict->used_ns,
				   .pid = verdict->pid,
				   .tid = verdict->tid,
				   .episode = verdict->episode,
				   .scope = maze_record_scope(verdict) };
	struct soft_verdict *slot;
	bool known;

	/* The cgroup of a thread may change. */
	if (it.scope == MAZE_SCOPE_CGROUP)
		it.cgroup_id = verdict->cgroup_id;
	slot = &counters->soft[(it.cgroup_id + it.tid + it.episode * 31) % SOFT_VERDICTS_MAX];
	known = slot->cgroup_id == it.cgroup_id && slot->pid == it.pid && slot->tid == it.tid &&
		slot->episode == it.episode && slot->scope == it.scope &&
		slot->used_ns <= it.used_ns;
	if (verdict->event == MAZE_EVENT_HARD)
		return known ? it.used_ns - slot->used_ns : it.used_ns;
	*slot = it;
	return it.used_ns;
}

void counters_on_record(void *arg, struct mazed_record *record)
{
	const struct maze_record *verdict = record->entry.record;
	struct counters *counters = arg;
	struct rule_counters *row = counters_at(counters, verdict->tag);
	enum stage stage = verdict->event == MAZE_EVENT_HARD ? STAGE_HARD : STAGE_SOFT;
	bool shadow = verdict->flags & MAZE_RECORD_SHADOW;

	record_stats_add(&counters->records, verdict);
	/* Without a TID, records were lost. */
	if (verdict->event == MAZE_EVENT_LOST && verdict->tid)
		counters->watch_failures += verdict->lost;
	if (verdict->event != MAZE_EVENT_SOFT && verdict->event != MAZE_EVENT_HARD)
		return;
	row->verdicts[stage][shadow]++;
	if (!shadow && verdict->signal)
		row->signals[stage][result_of(verdict)]++;
	row->runaway_ns += runaway_ns(counters, verdict);
	row->last_ns[stage] = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME) + verdict->boot_ns;
}

void counters_on_action(void *arg, const struct log_action *action)
{
	const struct maze_record *verdict = action->entry.record;
	struct rule_counters *row = counters_at(arg, verdict->tag);
	enum stage stage = verdict->event == MAZE_EVENT_HARD ? STAGE_HARD : STAGE_SOFT;
	enum action_outcome outcome = action->applied ? ACTION_APPLIED
				      : action->tried ? ACTION_FAILED
						      : ACTION_NOT_TRIED;
	const char *name;
	size_t i;

	if (action->pending)
		return;
	for (i = 0; (name = actions_name(i)); i++)
		if (!strcmp(name, action->action))
			row->actions[stage][i][outcome]++;
}

/* ---- rules --------------------------------------------------------------------------- */

void counters_use(struct counters *counters, const struct rules *rules)
{
	struct rule_counters *rows = calloc(rules->count + 1, sizeof(*rows)), *before;
	size_t i;

	counters->loaded_ns = now_ns(CLOCK_REALTIME);
	counters->refused = false;
	if (!rows)
		return;
	for (i = 0; i < rules->count; i++) {
		before = find(counters, rules->rules[i].tag);
		if (before)
			rows[i] = *before;
		rows[i].tag = rules->rules[i].tag;
	}
	qsort(rows, rules->count, sizeof(*rows), by_tag);
	free(counters->rows);
	counters->rows = rows;
	counters->count = rules->count;
}

struct counters *counters_new(const struct rules *rules)
{
	struct counters *counters = calloc(1, sizeof(*counters));

	if (!counters)
		return NULL;
	counters->began_ns = now_ns(CLOCK_BOOTTIME);
	counters->began_wall_ns = now_ns(CLOCK_REALTIME);
	counters_use(counters, rules);
	return counters;
}

void counters_free(struct counters *counters)
{
	if (counters)
		free(counters->rows);
	free(counters);
}
