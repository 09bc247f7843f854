/* SPDX-License-Identifier: GPL-2.0-only */
/* What identifies an episode. A process can have watched threads and groups at once. */
#ifndef MAZE_EVIDENCE_EPISODE_KEY_H
#define MAZE_EVIDENCE_EPISODE_KEY_H

#include <stdbool.h>

#include "../../core/policy.h"
#include "../../core/record.h"

struct episode_key {
	maze_u64 cgroup_id; /* of a control group, which has no pid; else 0 */
	maze_u32 scope;	    /* enum maze_policy_scope */
	maze_u32 pid, tid, episode;
};

static inline struct episode_key episode_key_of(const struct maze_record *record)
{
	maze_u32 scope = maze_record_scope(record);

	return (struct episode_key){
		.cgroup_id = scope == MAZE_SCOPE_CGROUP ? record->cgroup_id : 0,
		.scope = scope,
		.pid = record->pid,
		.tid = record->tid,
		.episode = record->episode,
	};
}

static inline struct episode_key episode_key_of_thread(maze_u32 pid, maze_u32 tid, maze_u32 episode)
{
	return (struct episode_key){ .pid = pid, .tid = tid, .episode = episode };
}

/* Whether both are of the same thread or group. */
static inline bool episode_key_same_subject(const struct episode_key *a,
					    const struct episode_key *b)
{
	return a->cgroup_id == b->cgroup_id && a->scope == b->scope && a->pid == b->pid &&
	       a->tid == b->tid;
}

static inline bool episode_key_equal(const struct episode_key *a, const struct episode_key *b)
{
	return episode_key_same_subject(a, b) && a->episode == b->episode;
}

#endif
