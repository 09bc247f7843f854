/* SPDX-License-Identifier: GPL-2.0-only */
#include "handle.h"
#include "runs.h"

#include <errno.h>
#include <stdlib.h>

struct maze_evidence {
	const struct engine_ops *ops;
	struct engine_evidence *evidence;
};

/* Replaces zeros by defaults. -EINVAL: a value exceeds the limits of core/stack.h. */
static int fill_defaults(const struct maze_evidence_wants *wants,
			 struct maze_evidence_wants *ret_wants, struct maze_error *error)
{
	struct maze_evidence_wants filled = { 0 };

	if (wants)
		filled = *wants;
	if (!filled.stacks_max)
		filled.stacks_max = MAZE_STACKS_DEFAULT;
	if (!filled.interval_ns)
		filled.interval_ns = MAZE_STACK_INTERVAL_DEFAULT_NS;
	if (filled.stacks_max > MAZE_STACKS_MAX)
		return maze_fail(error, -EINVAL,
				 "%u stacks for an episode are too many; at most %d are possible",
				 filled.stacks_max, MAZE_STACKS_MAX);
	if (filled.interval_ns < MAZE_STACK_INTERVAL_MIN_NS ||
	    filled.interval_ns > MAZE_LIMIT_MAX_NS)
		return maze_fail(
			error, -EINVAL,
			"invalid interval of stacks, %llu ns; 1 ms to 366 days are possible",
			(unsigned long long)filled.interval_ns);
	*ret_wants = filled;
	return 0;
}

int maze_evidence_open(struct maze *maze, const struct maze_evidence_wants *wants,
		       struct maze_evidence **ret_evidence, struct maze_error *error)
{
	struct maze_evidence_wants filled;
	struct maze_evidence *evidence;
	int err;

	if (!maze->ops->evidence_open)
		return maze_fail(error, -EOPNOTSUPP,
				 "the %s engine takes no stacks; the bpf engine does",
				 maze->ops->name);
	err = fill_defaults(wants, &filled, error);
	if (err)
		return err;
	evidence = calloc(1, sizeof(*evidence));
	if (!evidence)
		return maze_fail(error, -ENOMEM, "out of memory");
	evidence->ops = maze->ops;
	err = maze->ops->evidence_open(maze->engine, &filled, &evidence->evidence, error);
	if (err) {
		free(evidence);
		return err;
	}
	*ret_evidence = evidence;
	return 0;
}

int maze_evidence_fd(struct maze_evidence *evidence)
{
	return evidence->ops->evidence_fd(evidence->evidence);
}

int maze_evidence_next_process_info(struct maze_evidence *evidence,
				    struct maze_process_info *ret_process_info)
{
	return evidence->ops->evidence_next_process_info(evidence->evidence, ret_process_info);
}

int maze_evidence_next_stack(struct maze_evidence *evidence, struct maze_stack *ret_stack)
{
	return evidence->ops->evidence_next_stack(evidence->evidence, ret_stack);
}

int evidence_runs(struct maze_evidence *evidence, maze_u32 pid, maze_u32 tid, maze_u32 episode,
		  struct maze_last_runs *ret_runs)
{
	if (!evidence->ops->evidence_runs)
		return -EOPNOTSUPP;
	return evidence->ops->evidence_runs(evidence->evidence, pid, tid, episode, ret_runs);
}

maze_u64 maze_evidence_lost(const struct maze_evidence *evidence)
{
	return evidence->ops->evidence_lost(evidence->evidence);
}

void maze_evidence_close(struct maze_evidence *evidence)
{
	if (!evidence)
		return;
	evidence->ops->evidence_close(evidence->evidence);
	free(evidence);
}
