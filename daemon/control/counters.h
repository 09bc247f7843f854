/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mazed counts from its start on, for the metrics (control_metrics.h). A reload keeps
 * the counts of rules that stay. There is one row for each rule of maze.conf(5), one for all
 * units with a section [X-Maze], and one for watches by request, so the size depends on the
 * rules alone.
 */
#ifndef MAZE_DAEMON_COUNTERS_H
#define MAZE_DAEMON_COUNTERS_H

#include "../../lib/record_stats.h"
#include "../actions/actions.h"
#include "../log/log.h"
#include "../rules/rules.h"

/* What became of the signal of an enforced verdict. */
enum signal_result {
	SIGNAL_SENT,
	SIGNAL_NO_HANDLER, /* a warning was not sent */
	SIGNAL_ENDED,	   /* the thread or its watch ended first */
	SIGNAL_NOT_SENT,   /* another reason */
	SIGNAL_RESULTS,
};

enum action_outcome {
	ACTION_APPLIED,
	ACTION_FAILED,
	ACTION_NOT_TRIED, /* in shadow, or refused */
	ACTION_OUTCOMES,
};

struct rule_counters {
	maze_u64 tag;
	maze_u64 verdicts[STAGE_COUNT][2]; /* enforced, and in shadow */
	maze_u64 signals[STAGE_COUNT][SIGNAL_RESULTS];
	maze_u64 actions[STAGE_COUNT][ACTIONS_MAX][ACTION_OUTCOMES];
	maze_u64 runaway_ns;	       /* the CPU time of episodes up to their last verdict */
	maze_u64 last_ns[STAGE_COUNT]; /* CLOCK_REALTIME of the last verdict; 0: none */
	/* Set for each answer. */
	maze_u64 threads, groups; /* watched now */
	double nearest;		  /* the largest count, in first limits */
};

/* An episode after its soft verdict. A slot is overwritten by an episode of the same hash. */
struct soft_verdict {
	maze_u64 cgroup_id, used_ns;
	maze_u32 pid, tid, episode, scope;
};
#define SOFT_VERDICTS_MAX 1024

struct counters {
	struct rule_counters *rows; /* of the rules, sorted by tag */
	size_t count;
	struct rule_counters units, requests;
	struct record_stats records;
	maze_u64 watch_failures; /* children that could not be watched */
	struct soft_verdict soft[SOFT_VERDICTS_MAX];
	maze_u64 began_ns;	/* CLOCK_BOOTTIME */
	maze_u64 began_wall_ns; /* CLOCK_REALTIME; kept, because each sample must be the same */
	maze_u64 loaded_ns;	/* CLOCK_REALTIME of the last load of the rules in force */
	bool refused;		/* the last reload was refused */
};

/* NULL: out of memory. */
struct counters *counters_new(const struct rules *rules);
void counters_free(struct counters *counters);
/* The rules are in force from now on. Without memory, new rules have no rows. */
void counters_use(struct counters *counters, const struct rules *rules);
/* Returns the row of the watches with this tag. */
struct rule_counters *counters_at(struct counters *counters, maze_u64 tag);
/* `arg` of both is the struct counters. */
void counters_on_record(void *arg, struct mazed_record *record);
void counters_on_action(void *arg, const struct log_action *action);

#endif
