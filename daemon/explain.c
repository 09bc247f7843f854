/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See explain.h. It asks the very functions that the search asks (condition.h), so
 * what is explained is what would be done.
 */
#include "explain.h"

#include <errno.h>
#include <string.h>

#include "problems.h"
#include "treatment.h"
#include "unused.h"

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

int explain_check(FILE *out, const char *path)
{
	struct problems problems;
	struct rules *rules = NULL;
	int err;

	problems_init(&problems);
	err = rules_load(path, &rules, &problems);
	if (!err)
		rules_note_unused(rules, &problems);
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

/* The bytes of a process's own choosing, so that a terminal does not obey them. */
static void print_clean(FILE *out, const char *text)
{
	const unsigned char *at;

	if (!*text)
		fputs("(none)", out);
	for (at = (const unsigned char *)text; *at; at++) {
		if (*at < ' ' || *at == 127)
			fprintf(out, "\\x%02x", *at);
		else
			fputc(*at, out);
	}
}

static void print_fact(FILE *out, size_t id, const struct subject *subject)
{
	char shown[CONDITION_SHOWN_SIZE];

	condition_keys[id].show(subject, shown, sizeof(shown));
	print_clean(out, shown);
}

static void print_facts(FILE *out, const struct subject *subject)
{
	size_t i;

	fprintf(out, "process %d, thread %d%s\n", subject->pid, subject->tid,
		subject->is_main ? ", its main thread" : "");
	for (i = 0; i < CONDITION_COUNT; i++) {
		fprintf(out, "  %-8s ", condition_keys[i].name);
		if (subject->known & condition_keys[i].fact)
			print_fact(out, i, subject);
		else
			fputs("(not read)", out);
		fputc('\n', out);
	}
}

/* One line for a condition; true if it holds. */
static bool explain_condition(FILE *out, const struct rule *rule, size_t id,
			      const struct subject *subject)
{
	const struct condition *condition = &rule->conditions[id];
	const struct condition_key *key = &condition_keys[id];
	size_t i, which = 0;
	bool holds;

	if (!(subject->known & key->fact)) {
		fprintf(out, "  %s: not known\n", key->name);
		return false;
	}
	holds = key->holds(condition, subject, &which);
	fprintf(out, "  %s: ", key->name);
	print_fact(out, id, subject);
	if (holds) {
		fprintf(out, " matches %s\n", condition->words.words[which]);
		return true;
	}
	fputs(condition->words.count > 1 ? " matches none of" : " does not match", out);
	for (i = 0; i < condition->words.count; i++)
		fprintf(out, " %s", condition->words.words[i]);
	fputc('\n', out);
	return false;
}

static bool explain_rule(FILE *out, const struct rule *rule, size_t number,
			 const struct subject *subject)
{
	bool matches = true;
	size_t i;

	fprintf(out, "%zu. rule %s (%s:%u)\n", number, rule->name, rule->file, rule->line);
	if (!rule->facts)
		fputs("  it has no matching key, so it matches everything\n", out);
	for (i = 0; i < CONDITION_COUNT; i++)
		if (rule->conditions[i].given && !explain_condition(out, rule, i, subject))
			matches = false;
	return matches;
}

void explain_subject(FILE *out, const struct rules *rules, const struct subject *subject)
{
	const struct rule *rule = NULL;
	size_t i, left;

	print_facts(out, subject);
	for (i = 0; !rule && i < rules->count; i++)
		if (explain_rule(out, &rules->rules[i], i + 1, subject))
			rule = &rules->rules[i];
	left = rules->count - i;
	if (!rule) {
		fputs("no rule matches: it is left alone\n", out);
		return;
	}
	if (left)
		fprintf(out, "the first rule that matches holds: the other %zu %s not looked at\n",
			left, left == 1 ? "is" : "are");
	if (rule->ignore) {
		fprintf(out, "rule %s: it is left alone (action = ignore)\n", rule->name);
		return;
	}
	fprintf(out, "rule %s: it is watched%s\n", rule->name,
		rule->treatment.policy.flags & MAZE_POLICY_SHADOW ? " in shadow" : "");
	treatment_print(&rule->treatment, out);
}

int explain_process(FILE *out, const struct rules *rules, pid_t pid, pid_t tid,
		    struct maze_error *error)
{
	struct subject_source source;
	struct subject subject;
	int err = subject_open(pid, tid, &source, &subject, error);

	if (err)
		return err;
	err = subject_read(&source, FACT_ALL, &subject, error);
	subject_close(&source);
	if (!err)
		explain_subject(out, rules, &subject);
	return err;
}
