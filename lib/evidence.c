/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence of what mazed threads did: what may be asked for, and the way to the engine.
 */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>

struct maze_evidence {
	const struct engine_ops *ops;
	struct engine_evidence *evidence;
};

/* Fills in what is left open; -EINVAL with a sentence for what is beyond the limits. */
static int settle(const struct maze_evidence_wants *wants, struct maze_evidence_wants *ret_wants,
		  struct maze_error *error)
{
	struct maze_evidence_wants settled = { 0 };

	if (wants)
		settled = *wants;
	if (!settled.stacks_max)
		settled.stacks_max = MAZE_STACKS_DEFAULT;
	if (!settled.interval_ns)
		settled.interval_ns = MAZE_STACK_INTERVAL_DEFAULT_NS;
	if (settled.stacks_max > MAZE_STACKS_MAX)
		return maze_fail(error, -EINVAL,
				 "%u stacks are more than can be taken of one episode; at most "
				 "%d are",
				 settled.stacks_max, MAZE_STACKS_MAX);
	if (settled.interval_ns < MAZE_STACK_INTERVAL_MIN_NS ||
	    settled.interval_ns > MAZE_LIMIT_MAX_NS)
		return maze_fail(error, -EINVAL,
				 "stacks cannot be taken %llu ns apart; it takes 1 ms to 366 days",
				 (unsigned long long)settled.interval_ns);
	*ret_wants = settled;
	return 0;
}

int maze_evidence_open(struct maze *maze, const struct maze_evidence_wants *wants,
		       struct maze_evidence **ret_evidence, struct maze_error *error)
{
	struct maze_evidence_wants settled;
	struct maze_evidence *evidence;
	int err;

	if (!maze->ops->evidence_open)
		return maze_fail(error, -EOPNOTSUPP,
				 "the %s engine takes no stacks of mazed threads; the bpf engine "
				 "does",
				 maze->ops->name);
	err = settle(wants, &settled, error);
	if (err)
		return err;
	evidence = calloc(1, sizeof(*evidence));
	if (!evidence)
		return maze_fail(error, -ENOMEM, "out of memory");
	evidence->ops = maze->ops;
	err = maze->ops->evidence_open(maze->engine, &settled, &evidence->evidence, error);
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
