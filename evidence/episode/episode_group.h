/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The largest consumers of CPU time of a group. Its members are read twice
 * (capture/group_times.h), and then the threads that used the most are sampled. Each
 * consumer has an episode of its own, because each process has its own memory map.
 */
#ifndef MAZE_EVIDENCE_EPISODE_GROUP_H
#define MAZE_EVIDENCE_EPISODE_GROUP_H

#include "../capture/group_times.h"
#include "episode.h"
#include "episode_key.h"

/* The CPU time of a thread between two samples. */
#define EPISODE_GROUP_INTERVAL_NS (10 * MAZE_NSEC_PER_MSEC)

struct episode_consumer {
	struct group_consumer is;
	struct episode *episode;       /* its process; of a thread also its stacks */
	struct stack_sampler *sampler; /* NULL: none, or it has ended */
};

struct episode_group {
	struct group_subject subject;
	bool open; /* its members are being measured or sampled */
	bool compared;
	bool unwinds;
	maze_u64 serial; /* of the episode of the first consumer */
	struct group_times from;
	maze_u64 sampled_ns; /* CLOCK_MONOTONIC: when the samples began */
	size_t members;	     /* processes; 0: not read */
	maze_u64 cpu_ns,
		wall_ns; /* of all members between the readings; wall_ns 0: of their life */
	struct episode_consumer consumers[GROUP_CONSUMERS_MAX];
	size_t consumers_count;
};

/* Makes the episode one of a group. Returns false without memory. */
bool episode_group_init(struct episode *episode, const struct episode_key *key, maze_u64 boot_ns);
void episode_group_done(struct episode *episode);
/*
 * Reads the members. `reaper` is the process that gets the orphans of a tree, or 0.
 * `serial` and the next two are free. With `crowded` it only notes that it reads nothing.
 */
void episode_group_begin(struct episode *episode, pid_t reaper, maze_u64 serial, bool unwinds,
			 bool crowded);
/* Compares and samples the members when it is time. Returns true while it goes on. */
bool episode_group_step(struct episode *episode);
/* Ends it early. */
void episode_group_end(struct episode *episode);

#endif
