/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This file calls the functions with which mazed finds the rule of a process (match.h,
 * condition.h). So an explanation cannot differ from what mazed does.
 */
#include "explain.h"

#include <errno.h>
#include <string.h>

#include "match.h"
#include "../../base/escape.h"
#include "../../base/proc_files.h"
#include "problems.h"
#include "rule_settings.h"
#include "unit_file.h"
#include "unused.h"

/* A condition can have hundreds of words, so only the first words are printed. */
#define WORDS_SHOWN_MAX 8
/* A bound for the loop. Processes have far fewer ancestors in practice. */
#define ANCESTORS_MAX 256

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

int explain_check(FILE *out, const char *shipped, const char *path)
{
	struct problems problems;
	struct rules *rules = NULL;
	int err;

	problems_init(&problems);
	err = rules_load(shipped, path, &rules, &problems);
	if (!err)
		rules_note_unused(rules, &problems);
	problems_sort(&problems);
	problems_print(&problems, out);
	if (err == -ENOMEM)
		fputs("out of memory: not everything was checked\n", out);
	else if (err)
		fprintf(out, "refused: %zu error%s, %zu note%s\n", problems.errors,
			plural(problems.errors), problems.notes, plural(problems.notes));
	else
		fprintf(out, "accepted: %zu rule%s in %zu file%s, %zu note%s\n", rules->count,
			plural(rules->count), rules->file_count, plural(rules->file_count),
			problems.notes, plural(problems.notes));
	rules_free(rules);
	problems_done(&problems);
	return err;
}

static void print_fact(FILE *out, size_t id, const struct subject *subject)
{
	char shown[CONDITION_SHOWN_SIZE];

	condition_keys[id].show(subject, shown, sizeof(shown));
	if (shown[0])
		escape_write(out, shown);
	else
		fputs("(none)", out);
}

static const char *why_unknown(const struct subject *subject, unsigned int fact)
{
	return subject->late & fact ? "unreadable: reading its memory timed out"
				    : "no permission to read it";
}

static void print_facts(FILE *out, const struct subject *subject)
{
	size_t i;

	fprintf(out, "process %d, thread %d%s\n", subject->pid, subject->tid,
		subject->is_main ? ", its main thread" : "");
	for (i = 0; i < CONDITION_COUNT; i++) {
		fprintf(out, "  %-9s ", condition_keys[i].name);
		if (subject->known & condition_keys[i].fact)
			print_fact(out, i, subject);
		else
			fprintf(out, "(%s)", why_unknown(subject, condition_keys[i].fact));
		fputc('\n', out);
	}
}

/*
 * Prints the word that matches. If none does, prints the first words and how many more
 * the condition has.
 */
static void print_words(FILE *out, const struct condition *condition, bool holds, size_t which)
{
	size_t count = condition->words.count, i = holds ? which : 0;
	size_t end = holds ? which + 1 : count < WORDS_SHOWN_MAX ? count : WORDS_SHOWN_MAX;

	fputs(holds ? " matches" : count > 1 ? " matches none of" : " does not match", out);
	for (; i < end; i++) {
		fputc(' ', out);
		escape_write(out, condition->words.items[i]);
	}
	if (!holds && end < count)
		fprintf(out, " and %zu more", count - end);
	fputc('\n', out);
}

static void explain_condition(FILE *out, const struct rule *rule, size_t id,
			      const struct subject *subject)
{
	const struct condition *condition = &rule->conditions[id];
	const struct condition_key *key = &condition_keys[id];
	size_t which = 0;
	bool holds;

	fprintf(out, "  %s: ", key->name);
	if (!(subject->known & key->fact)) {
		fprintf(out, "%s\n", why_unknown(subject, key->fact));
		return;
	}
	holds = key->holds(condition, subject, &which);
	print_fact(out, id, subject);
	print_words(out, condition, holds, which);
}

static enum match explain_rule(FILE *out, const struct rule *rule, size_t number,
			       const struct subject *subject)
{
	unsigned int missing;
	size_t i;

	if (rule->never) {
		fprintf(out,
			"%zu. rule %s (%s:%u)\n  this machine has no more CPUs than its share "
			"takes off: it matches nothing\n",
			number, rule->name, rule->file, rule->line);
		return MATCH_NO;
	}

	fprintf(out, "%zu. rule %s (%s:%u)\n", number, rule->name, rule->file, rule->line);
	if (!rule->facts)
		fputs("  it sets none of the keys for matching, so it matches everything\n", out);
	for (i = 0; i < CONDITION_COUNT; i++)
		if (rule->conditions[i].given)
			explain_condition(out, rule, i, subject);
	return match_rule(rule, subject, &missing);
}

static void explain_outcome(FILE *out, const struct rule *rule, enum maze_policy_scope scope)
{
	static const char *const subjects[] = {
		[MAZE_SCOPE_THREAD] = "thread",
		[MAZE_SCOPE_PROCESS] = "process",
		[MAZE_SCOPE_TREE] = "tree of the process",
		[MAZE_SCOPE_CGROUP] = "control group of the process",
	};

	if (rule->ignore) {
		fprintf(out, "rule %s: the %s is not watched (action = ignore)\n", rule->name,
			subjects[scope]);
		return;
	}
	fprintf(out, "rule %s: the %s is watched%s\n", rule->name, subjects[scope],
		rule->settings.policy.flags & MAZE_POLICY_SHADOW ? " in shadow" : "");
	rule_settings_print(&rule->settings, out);
	if (rule->mode_file)
		fprintf(out, "  its mode is from %s:%u\n", rule->mode_file, rule->mode_line);
}

/* Returns the reason why no engine watches the subject (DESIGN.md, Identity), or NULL. */
static const char *why_never(const struct subject_source *source, const struct subject *subject)
{
	if (subject->pid == 1)
		return "it is the init process";
	if (!proc_is_kernel_thread(source->proc_fd, subject->tid))
		return NULL;
	return subject->is_main ? "it is a kernel thread, which takes no signals"
				: "it is a thread that the kernel created in the process "
				  "(io_uring, vhost), which takes no signals";
}

/* Prints where each key of the unit's section is from. */
static void explain_unit(FILE *out, const struct rule *rule)
{
	const struct conf_section *section = rule->section;
	const struct conf_entry *entry;
	char key[UNIT_KEY_SIZE];
	size_t i;

	fputs("section [X-Maze] of ", out);
	escape_write(out, rule->name + strlen(UNIT_RULE_PREFIX));
	fputs(", which comes before all rules of maze.conf\n", out);
	for (i = 0; i < section->count; i++) {
		entry = &section->entries[i];
		fprintf(out, "  %s=", unit_key(entry->key.name, key));
		escape_write(out, entry->value);
		fputs(" (", out);
		escape_write(out, entry->file);
		fprintf(out, ":%u)\n", entry->line);
	}
}

static void explain_scope(FILE *out, const struct rules *rules, enum maze_policy_scope scope,
			  const struct subject *subject)
{
	const struct rule *rule = NULL;
	unsigned int missing;
	enum match match = match_unit(rules, subject, &rule, &missing);
	size_t i, left = 0;

	if (match == MATCH_YES && rule->scopes >> scope & 1)
		explain_unit(out, rule);
	else
		match = MATCH_NO;
	for (i = 0; i < rules->count; i++) {
		if (!(rules->rules[i].scopes >> scope & 1))
			continue;
		if (match == MATCH_NO) {
			rule = &rules->rules[i];
			match = explain_rule(out, rule, i + 1, subject);
		} else {
			left++;
		}
	}
	if (match == MATCH_NO) {
		fputs("no rule matches: it is not watched\n", out);
		return;
	}
	if (match == MATCH_MORE) {
		fprintf(out, "whether rule %s matches is unknown: a fact could not be read\n",
			rule->name);
		return;
	}
	if (left)
		fprintf(out, "the first rule that matches applies: the other %zu %s not checked\n",
			left, left == 1 ? "is" : "are");
	explain_outcome(out, rule, scope);
}

void explain_subject(FILE *out, const struct rules *rules, const struct subject *subject,
		     const char *never)
{
	bool groups = rules_scopes(rules) & ~(1U << MAZE_SCOPE_THREAD);
	unsigned int scope;

	print_facts(out, subject);
	if (never) {
		fprintf(out, "%s: it is never watched, under any rules\n", never);
		return;
	}
	for (scope = 0; scope < MAZE_SCOPE_COUNT_; scope++) {
		/* A group is watched by the rules of its process, not of one thread. */
		if (scope && (!(rules_scopes(rules) >> scope & 1) || !subject->is_main))
			continue;
		if (groups && subject->is_main)
			fprintf(out, "scope %s:\n", maze_policy_scope_name(scope));
		explain_scope(out, rules, scope, subject);
	}
}

/* If a fact cannot be read, it stays unknown and the next facts are still read. */
static int read_all(const struct subject_source *source, struct subject *subject,
		    struct maze_error *error)
{
	unsigned int fact;
	int err;

	for (fact = 1; fact & FACT_ALL; fact <<= 1) {
		err = subject_read(source, fact, subject, error);
		if (err && err != -EACCES && err != -ETIMEDOUT)
			return err;
	}
	return 0;
}

/* Prints the processes above `pid` with whose tree it is watched. */
static void explain_trees_above(FILE *out, const struct rules *rules, pid_t pid)
{
	const struct rule *rule = NULL;
	struct subject_source source;
	struct subject subject;
	unsigned int missing;
	int level, err;

	for (level = 0; pid > 1 && level < ANCESTORS_MAX; level++) {
		if (subject_open(pid, 0, &source, &subject, NULL))
			return;
		err = read_all(&source, &subject, NULL);
		subject_close(&source);
		if (err || !(subject.known & FACT_IDS))
			return;
		if (match_first(rules, MAZE_SCOPE_TREE, &subject, &rule, &missing) == MATCH_YES &&
		    !rule->ignore) {
			fprintf(out, "process %d (", pid);
			escape_write(out, subject.comm);
			fprintf(out, ") above it matches rule %s: its tree has this process\n",
				rule->name);
		}
		pid = subject.ppid;
	}
}

int explain_process(FILE *out, const struct rules *rules, pid_t pid, pid_t tid,
		    struct maze_error *error)
{
	struct subject_source source;
	struct subject subject;
	const char *never;
	int err = subject_open(pid, tid, &source, &subject, error);

	if (err)
		return err;
	err = read_all(&source, &subject, error);
	never = err ? NULL : why_never(&source, &subject);
	subject_close(&source);
	if (err)
		return err;
	explain_subject(out, rules, &subject, never);
	if (!never && subject.is_main && rules_scopes(rules) >> MAZE_SCOPE_TREE & 1)
		explain_trees_above(out, rules, subject.ppid);
	return 0;
}

void explain_no_match(const struct rules *rules, const char *cgroup, const char *path, char *buf,
		      size_t size)
{
	const struct rule *rule, *by_cgroup = NULL;
	size_t i, watching = 0, number = 0;

	for (i = 0; i < rules->count; i++) {
		rule = &rules->rules[i];
		watching += !rule->ignore;
		if (!rule->ignore && rule->conditions[CONDITION_CGROUP].given) {
			/* Without its conditions, a rule for groups would be another rule. */
			if (rule->scopes >> MAZE_SCOPE_THREAD & 1)
				by_cgroup = rule;
			number++;
		}
	}
	if (!watching)
		snprintf(buf, size,
			 "no process is watched, because no rule watches; to watch all processes, "
			 "write \"[rule all]\" to %s.d/local.conf and send SIGHUP",
			 path);
	else if (by_cgroup && (!*cgroup || !strcmp(cgroup, "/")))
		snprintf(buf, size,
			 "no process is watched: %zu of %zu rules that watch have the key cgroup, "
			 "but mazed runs in %s, as in a container; to watch all processes that "
			 "no rule ignores, write \"[rule %s]\" to %s.d/local.conf and send SIGHUP",
			 number, watching,
			 *cgroup ? "the control group /" : "no control group of version 2",
			 by_cgroup->name, path);
	else
		snprintf(buf, size,
			 "no process is watched: none matches a rule that watches; `mazed "
			 "--explain PID` shows why");
}
