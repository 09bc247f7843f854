/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Treatments: their defaults, and themselves in words (treatment.h). Durations,
 * signals and recoveries are worded by the library, as everywhere.
 */
#include "rule_settings.h"

#include "../../base/escape.h"

/* Time for a script that collects evidence; then it is itself in the way. */
#define EXEC_TIMEOUT_DEFAULT_NS (30 * MAZE_NSEC_PER_SEC)
/* A service in a crash loop fills a screen of the log in an hour, not the disk. */
#define REPEAT_COUNT_DEFAULT 10
#define REPEAT_DEFAULT_NS (60 * MAZE_NSEC_PER_SEC)
/* Any duration, signal or recovery in words. */
#define WORDING_SIZE 128

void treatment_init(struct treatment *treatment)
{
	*treatment = (struct treatment){
		.exec_timeout_ns = EXEC_TIMEOUT_DEFAULT_NS,
		.repeat_count = REPEAT_COUNT_DEFAULT,
		.repeat_ns = REPEAT_DEFAULT_NS,
	};
	maze_policy_default(&treatment->policy);
}

void treatment_done(struct treatment *treatment)
{
	size_t i;

	for (i = 0; i < STAGE_COUNT; i++)
		words_done(&treatment->stages[i].exec);
}

const char *stage_name(enum stage stage)
{
	return stage == STAGE_SOFT ? "soft" : "hard";
}

bool stage_is_on(const struct treatment *treatment, enum stage stage)
{
	return stage == STAGE_SOFT ? treatment->policy.soft_ns : treatment->policy.hard_ns;
}

bool stage_acts(const struct stage_actions *stage)
{
	return stage->exec.count || stage->renices || stage->idle || stage->freeze;
}

static void print_stage(const struct treatment *treatment, enum stage which, FILE *out)
{
	const struct maze_policy *policy = &treatment->policy;
	const struct stage_actions *stage = &treatment->stages[which];
	bool soft = which == STAGE_SOFT;
	char limit[WORDING_SIZE], name[WORDING_SIZE];
	bool warns = soft && maze_policy_warns(policy->flags, policy->soft_signal);
	size_t i;

	if (!stage_is_on(treatment, which)) {
		fprintf(out, "  %s: no such stage\n", stage_name(which));
		return;
	}
	maze_duration_format(soft ? policy->soft_ns : policy->hard_ns, limit, sizeof(limit));
	maze_signal_format(soft ? policy->soft_signal : policy->hard_signal, name, sizeof(name));
	fprintf(out, "  %s: after %s of CPU without sleep, signal %s%s", stage_name(which), limit,
		name, warns ? " if it is handled" : "");
	if (stage->renices)
		fprintf(out, "; nice %d", stage->renice);
	if (stage->idle)
		fputs("; idle", out);
	if (stage->freeze)
		fputs("; freeze", out);
	if (stage->exec.count) {
		fputs("; run", out);
		for (i = 0; i < stage->exec.count; i++) {
			fputc(' ', out);
			escape_write(out, stage->exec.words[i]);
		}
		maze_duration_format(treatment->exec_timeout_ns, limit, sizeof(limit));
		fprintf(out, " (for %s at most)", limit);
	}
	fputc('\n', out);
}

void treatment_print(const struct treatment *treatment, FILE *out)
{
	const struct maze_policy *policy = &treatment->policy;
	char text[WORDING_SIZE];

	print_stage(treatment, STAGE_SOFT, out);
	print_stage(treatment, STAGE_HARD, out);
	if (policy->flags & MAZE_POLICY_TO_PROCESS)
		fputs("  signals: to the process\n", out);
	if (policy->recovery == MAZE_RECOVERY_INF)
		fputs("  recovery: inf, one sleep forgives all\n", out);
	else if (maze_recovery_is_for_locks(policy->recovery))
		fprintf(out,
			"  recovery: %s, each ns asleep in a wait for a lock forgives as many; any "
			"other sleep forgives all\n",
			maze_recovery_format(policy->recovery, text, sizeof(text)));
	else
		fprintf(out, "  recovery: each ns asleep forgives %s ns\n",
			maze_recovery_format(policy->recovery, text, sizeof(text)));
	fprintf(out, "  yield: sched_yield %s\n",
		policy->flags & MAZE_POLICY_YIELD_COUNTS ? "counts on" : "resets the count");
	fprintf(out, "  inherit: children and new threads start %s\n",
		policy->flags & MAZE_POLICY_INHERIT ? "watched" : "unwatched");
	if (treatment->repeat_count)
		fprintf(out, "  repeat: at most %u records of this rule in %s\n",
			treatment->repeat_count,
			maze_duration_format(treatment->repeat_ns, text, sizeof(text)));
	else
		fputs("  repeat: every record\n", out);
	if (policy->flags & MAZE_POLICY_SHADOW)
		fputs("  shadow: all this is recorded, and none of it done\n", out);
}
