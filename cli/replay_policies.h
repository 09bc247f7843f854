/* SPDX-License-Identifier: GPL-2.0-only */
/* The policies of a replay: one of the options, or those of the rules in a file. */
#ifndef MAZE_CLI_REPLAY_POLICIES_H
#define MAZE_CLI_REPLAY_POLICIES_H

#include "command.h"
#include "../replay/replay.h"

struct replay_policies;

/*
 * Makes the policies of the options, or with `rules` those of this configuration of mazed.
 * Returns 0, or the exit status after an error message. The caller frees them.
 */
int replay_policies_make(const struct command *command, const struct options *options,
			 const char *rules, struct replay_policies **ret_policies);
void replay_policies_free(struct replay_policies *policies);
/* The function `choose` of struct replay_calls. `arg` is the policies. */
const struct replay_watch *replay_policies_choose(void *arg, const struct replay_subject *subject);
/* Returns the rule with this tag, and its mode as `maze rules` shows it. NULL: no rule. */
const char *replay_policies_rule(const struct replay_policies *policies, maze_u64 tag,
				 const char **ret_mode);

#endif
