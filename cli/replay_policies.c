/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace has the names of threads, and perhaps their process, and no other fact that a
 * rule can match. A thread whose process is unknown is taken for a process of its own.
 */
#include "replay_policies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/glob.h"
#include "../daemon/rules/match.h"

#define FACTS_OF_TRACE (FACT_COMM | FACT_THREAD)

struct replay_policies {
	const char *comm; /* NULL: all threads */
	struct replay_watch single;
	struct rules *rules;	      /* NULL: `single` */
	struct replay_watch *watches; /* by the index of the rule */
	bool assume;		      /* conditions on other facts hold */
	struct subject subject;	      /* of choose(); it is large */
};

void replay_policies_free(struct replay_policies *policies)
{
	if (!policies)
		return;
	rules_free(policies->rules);
	free(policies->watches);
	free(policies);
}

const char *replay_policies_rule(const struct replay_policies *policies, maze_u64 tag,
				 const char **ret_mode)
{
	const struct rule *rule = policies->rules ? rules_by_tag(policies->rules, tag) : NULL;

	if (!rule)
		return NULL;
	*ret_mode = rule->settings.policy.flags & MAZE_POLICY_SHADOW ? "shadow" : "enforcing";
	return rule->name;
}

/* ---- the choice for a thread ---------------------------------------------------------- */

static const struct replay_watch *choose_rule(struct replay_policies *policies,
					      const struct replay_subject *of)
{
	struct subject *subject = &policies->subject;
	const struct rule *rule;
	unsigned int missing;
	enum match match;
	size_t i;

	subject->is_main = !of->pid || of->pid == of->tid;
	subject->known = FACT_THREAD | (subject->is_main || of->main_name ? FACT_COMM : 0);
	snprintf(subject->thread_comm, sizeof(subject->thread_comm), "%s", of->name);
	snprintf(subject->comm, sizeof(subject->comm), "%s",
		 subject->is_main || !of->main_name ? of->name : of->main_name);
	for (i = 0; i < policies->rules->count; i++) {
		rule = &policies->rules->rules[i];
		if (!(rule->scopes >> MAZE_SCOPE_THREAD & 1))
			continue;
		match = match_rule(rule, subject, &missing);
		if (match == MATCH_YES || (match == MATCH_MORE && policies->assume))
			return rule->ignore ? NULL : &policies->watches[i];
	}
	return NULL;
}

/* Under the options, as with maze run, a watch stays when the thread gets another name. */
const struct replay_watch *replay_policies_choose(void *arg, const struct replay_subject *subject)
{
	struct replay_policies *policies = arg;
	maze_u32 pid = subject->pid ? subject->pid : subject->tid;

	/* As no engine watches them: the first process, and the parent of the kernel threads. */
	if (pid <= 2)
		return NULL;
	if (policies->rules)
		return choose_rule(policies, subject);
	if (subject->parent)
		return subject->parent->policy.flags & MAZE_POLICY_INHERIT ? subject->parent : NULL;
	if (subject->now)
		return subject->now;
	return !policies->comm || glob_matches(policies->comm, subject->name) ? &policies->single
									      : NULL;
}

/* ---- rules --------------------------------------------------------------------------- */

static const char *missing_key(const struct rule *rule)
{
	size_t i;

	for (i = 0; i < CONDITION_COUNT; i++)
		if (rule->conditions[i].given && !(condition_keys[i].fact & FACTS_OF_TRACE))
			return condition_keys[i].name;
	return NULL;
}

static int check_rules(const struct command *command, const struct options *options,
		       const struct rules *rules)
{
	const struct rule *rule;
	const char *key;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		rule = &rules->rules[i];
		if (!(rule->scopes >> MAZE_SCOPE_THREAD & 1)) {
			if (!options->quiet)
				print_error(command,
					    "rule %s (%s:%u) is for groups, which are not "
					    "replayed: it is left out",
					    rule->name, rule->file, rule->line);
			continue;
		}
		key = missing_key(rule);
		if (!key || options->assume)
			continue;
		print_error(command,
			    "rule %s (%s:%u) has the key %s, which a trace does not tell: choose "
			    "with --assume yes or --assume no whether such keys match",
			    rule->name, rule->file, rule->line, key);
		return EXIT_MAZE_FAILED;
	}
	return 0;
}

static int load_rules(const struct command *command, const struct options *options,
		      const char *path, struct replay_policies *policies)
{
	struct problems problems;
	size_t i;
	int err;

	problems_init(&problems);
	err = rules_load(NULL, path, &policies->rules, &problems);
	if (err) {
		problems_sort(&problems);
		problems_print(&problems, stderr);
		print_error(command, "the rules in %s are refused", path);
	}
	problems_done(&problems);
	if (err)
		return EXIT_MAZE_FAILED;
	policies->watches = calloc(policies->rules->count + 1, sizeof(*policies->watches));
	if (!policies->watches) {
		print_error(command, "out of memory");
		return EXIT_MAZE_FAILED;
	}
	for (i = 0; i < policies->rules->count; i++) {
		policies->watches[i].policy = policies->rules->rules[i].settings.policy;
		policies->watches[i].tag = policies->rules->rules[i].tag;
	}
	return check_rules(command, options, policies->rules);
}

int replay_policies_make(const struct command *command, const struct options *options,
			 const char *rules, struct replay_policies **ret_policies)
{
	struct replay_policies *policies = calloc(1, sizeof(*policies));
	int status = 0;

	if (!policies) {
		print_error(command, "out of memory");
		return EXIT_MAZE_FAILED;
	}
	policies->comm = options->comm;
	policies->single.policy = options->policy;
	policies->assume = options->assume && !strcmp(options->assume, "yes");
	if (rules)
		status = load_rules(command, options, rules, policies);
	if (status)
		replay_policies_free(policies);
	else
		*ret_policies = policies;
	return status;
}
