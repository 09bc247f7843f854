/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This file makes rules (rules.h) from sections (conf.h) in three steps. First it chooses
 * the sections of rules. If two files have a rule of the same name, the rule in the later
 * file is chosen. Rules of /etc come before shipped rules, because a shipped rule can match
 * a whole slice. Then it applies [defaults] and [daemon] of all files. At last it builds
 * each rule from the built-in settings, [defaults] and the rule's own keys. Each error is
 * reported once, at its line.
 */
#include "rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "keys.h"
#include "match.h"
#include "tag.h"
#include "rule_settings.h"
#include "unit_file.h"
#include "unit_rules.h"

struct building {
	const struct conf *conf;
	struct problems *problems;
	const struct conf_section **sections; /* of the chosen rules, in order */
	size_t count;
	bool defaults_are_valid; /* [defaults] has no error */
};

void rule_done(struct rule *rule)
{
	size_t i;

	for (i = 0; i < CONDITION_COUNT; i++)
		condition_done(&rule->conditions[i]);
	rule_settings_done(&rule->settings);
	free(rule->name);
}

static void rules_done(struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		rule_done(&rules->rules[i]);
	for (i = 0; i < rules->file_count; i++)
		free(rules->files[i]);
	if (rules->conf)
		conf_done(rules->conf);
	free(rules->conf);
	free(rules->rules);
	free(rules->files);
	daemon_settings_done(&rules->daemon);
}

void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	rules_done(rules);
	free(rules);
}

/* ---- choose the sections ----------------------------------------------------------- */

static size_t find_rule(const struct building *building, const char *name)
{
	size_t i;

	for (i = 0; i < building->count; i++)
		if (!strcmp(building->sections[i]->name, name))
			break;
	return i;
}

/* False: there are too many rules. */
static bool choose_section(struct building *building, const struct conf_section *section)
{
	size_t index = find_rule(building, section->name);

	if (building->count == RULES_MAX) {
		problems_add(building->problems, PROBLEM_ERROR, section->file, section->line, NULL,
			     "too many rules; the maximum is %d", RULES_MAX);
		return false;
	}
	if (index == building->count) {
		building->sections[building->count++] = section;
		return true;
	}
	/* Each file name is stored once, so equal names have equal addresses. */
	if (building->sections[index]->file != section->file) {
		problems_add(building->problems, PROBLEM_NOTE, building->sections[index]->file,
			     building->sections[index]->line, NULL,
			     "rule \"%s\" has no effect: the rule at %s:%u takes its place",
			     section->name, section->file, section->line);
		building->sections[index] = section;
		return true;
	}
	problems_add(building->problems, PROBLEM_ERROR, section->file, section->line, NULL,
		     "duplicate rule \"%s\", first defined in line %u of this file; rename "
		     "one of them",
		     section->name, building->sections[index]->line);
	return true;
}

/* The order: rules with names of their own, shipped rules, replacements of shipped rules. */
enum { RANK_OWN, RANK_SHIPPED, RANK_REPLACEMENT, RANK_COUNT };

static unsigned int rank_of(const struct conf *conf, const struct conf_section *section)
{
	size_t i;

	if (section->shipped)
		return RANK_SHIPPED;
	for (i = 0; i < conf->count && conf->sections[i]->shipped; i++)
		if (conf->sections[i]->kind == SECTION_RULE &&
		    !strcmp(conf->sections[i]->name, section->name))
			return RANK_REPLACEMENT;
	return RANK_OWN;
}

static int choose_sections(struct building *building)
{
	const struct conf *conf = building->conf;
	const struct conf_section *section;
	unsigned int rank;
	size_t i;

	building->sections = calloc(RULES_MAX, sizeof(struct conf_section *));
	if (!building->sections)
		return -ENOMEM;
	for (rank = 0; rank < RANK_COUNT; rank++) {
		for (i = 0; i < conf->count; i++) {
			section = conf->sections[i];
			if (section->kind == SECTION_RULE && rank_of(conf, section) == rank &&
			    !choose_section(building, section))
				return 0;
		}
	}
	return 0;
}

/* ---- values ------------------------------------------------------------------------ */

/* Adds a problem at a key of the section, or at the section's line if `entry` is NULL. */
__attribute__((format(printf, 5, 6))) static void
problem_at(struct problems *problems, enum problem_kind kind, const struct conf_section *section,
	   const struct conf_entry *entry, const char *format, ...)
{
	char key[UNIT_KEY_SIZE];
	struct maze_error text;
	va_list args;

	va_start(args, format);
	vsnprintf(text.text, sizeof(text.text), format, args);
	va_end(args);
	problems_add(problems, kind, entry ? entry->file : section->file,
		     entry ? entry->line : section->line,
		     entry ? key_shown(section->kind, entry->key.name, key) : NULL, "%s",
		     text.text);
}

/* `problems` is NULL if the problems have already been reported. */
static int apply_section(const struct conf_section *section, struct key_target *target,
			 struct problems *problems)
{
	const struct conf_entry *entry;
	struct maze_error error;
	size_t i;
	int err;

	for (i = 0; i < section->count; i++) {
		entry = &section->entries[i];
		error.text[0] = '\0';
		err = entry->key.set(&entry->key, target, entry->value, &error);
		if (err == -ENOMEM)
			return err;
		if (err && problems)
			problem_at(problems, PROBLEM_ERROR, section, entry, "%s; accepted: %s",
				   error.text, entry->key.form);
	}
	return 0;
}

/* Applies the sections of this kind in order, so the last value of a key is used. */
static int apply_kind(const struct conf *conf, unsigned int kind, struct key_target *target,
		      struct problems *problems)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < conf->count; i++)
		if (conf->sections[i]->kind == kind)
			err = apply_section(conf->sections[i], target, problems);
	return err;
}

/* Returns the first of these keys that the section has, or NULL. */
static const struct conf_entry *find_key(const struct conf_section *section,
					 const char *const *names)
{
	const struct conf_entry *entry = NULL;

	for (; *names && !entry; names++)
		entry = conf_section_entry(section, *names);
	return entry;
}

/* Returns the key at whose line contradictory limits are reported, or NULL. */
static const struct conf_entry *find_limit_key(const struct conf_section *section)
{
	static const char *const names[] = { "hard", "soft", NULL };

	return find_key(section, names);
}

static bool limits_are_at_fault(const struct maze_policy *policy)
{
	enum maze_policy_fault fault = maze_policy_check(policy);

	return fault && fault <= MAZE_POLICY_HARD_BELOW_SOFT;
}

static void complete_policy(const struct conf_section *section, struct rule_settings *settings,
			    struct problems *problems)
{
	static const char *const of_groups[] = { "scope", "share", "kill", NULL };
	const struct conf_entry *key = find_key(section, of_groups);
	struct maze_error error = { "" };

	if (!maze_policy_complete(&settings->policy, settings->given, &error))
		return;
	if (!key || limits_are_at_fault(&settings->policy))
		key = find_limit_key(section);
	problem_at(problems, PROBLEM_ERROR, section, key, "%s", error.text);
}

/*
 * A rule for groups takes no key that is about one thread. Actions of [defaults] on
 * threads do not apply to it.
 */
static void complete_group(const struct conf_section *section, struct rule *rule,
			   struct problems *problems)
{
	static const char *const names[] = { "thread",	  "soft-renice", "hard-renice",
					     "soft-idle", "hard-idle",	 NULL };
	maze_u32 scope = maze_policy_scope(rule->settings.policy.flags);
	const struct conf_entry *entry = find_key(section, names);
	size_t i;

	if (!scope)
		return;
	if (entry)
		problem_at(problems, PROBLEM_ERROR, section, entry,
			   "it is for scope thread, not for scope %s%s",
			   maze_policy_scope_name(scope),
			   strcmp(entry->key.name, "thread") != 0
				   ? ", whose actions are exec, freeze and restart"
				   : "");
	for (i = 0; i < STAGE_COUNT; i++)
		rule->settings.stages[i].renices = rule->settings.stages[i].idle = false;
}

/* Returns the scopes for which a rule is tried. */
static unsigned int scopes_of(const struct rule *rule)
{
	if (rule->ignore && !(rule->settings.given & maze_policy_given("scope")) &&
	    !rule_selects_threads(rule))
		return (1U << MAZE_SCOPE_COUNT_) - 1;
	return 1U << maze_policy_scope(rule->settings.policy.flags);
}

/* Adds a note for each key in the rule's own section that has no effect. */
static void note_keys_without_effect(const struct conf_section *section, const struct rule *rule,
				     struct problems *problems)
{
	const struct stage_actions *stages = rule->settings.stages;
	const struct conf_entry *entry;
	const char *stage;
	size_t i, k;

	for (i = 0; i < section->count; i++) {
		entry = &section->entries[i];
		/* These are the keys for matching, and of an ignoring rule its scope. */
		if (!(entry->key.sections & SECTION_DEFAULTS) &&
		    (!maze_policy_given(entry->key.name) || !strcmp(entry->key.name, "scope")))
			continue;
		if (rule->ignore) {
			problem_at(problems, PROBLEM_NOTE, section, entry,
				   "it has no effect, because the rule has action = ignore");
			continue;
		}
		for (k = 0; k < STAGE_COUNT; k++) {
			stage = stage_name((enum stage)k);
			if (!stage_is_on(&rule->settings, (enum stage)k) &&
			    !strncmp(entry->key.name, stage, strlen(stage)) &&
			    entry->key.name[strlen(stage)] == '-')
				problem_at(problems, PROBLEM_NOTE, section, entry,
					   "it has no effect, because the rule has no %s stage",
					   stage);
		}
	}
	if (rule->ignore)
		return;
	entry = conf_section_entry(section, "exec-timeout");
	if (entry && !stages[STAGE_SOFT].exec.count && !stages[STAGE_HARD].exec.count)
		problem_at(problems, PROBLEM_NOTE, section, entry,
			   "it has no effect, because the rule runs no command");
	entry = conf_section_entry(section, "no-restart");
	if (entry && !stages[STAGE_SOFT].restart && !stages[STAGE_HARD].restart)
		problem_at(problems, PROBLEM_NOTE, section, entry,
			   "it has no effect, because the rule restarts nothing");
}

static int build_defaults(struct building *building)
{
	struct rule_settings settings;
	struct key_target target = { .settings = &settings };
	const struct conf *conf = building->conf;
	size_t i, before = building->problems->errors;
	const struct conf_section *last = NULL;
	int err;

	rule_settings_init(&settings);
	err = apply_kind(conf, SECTION_DEFAULTS, &target, building->problems);
	for (i = 0; i < conf->count; i++)
		if (conf->sections[i]->kind == SECTION_DEFAULTS &&
		    find_limit_key(conf->sections[i]))
			last = conf->sections[i];
	if (!err && last && building->problems->errors == before)
		complete_policy(last, &settings, building->problems);
	building->defaults_are_valid = building->problems->errors == before;
	rule_settings_done(&settings);
	return err;
}

/* Applies the sections [mode NAME] of the rule. The last one counts. */
static int apply_modes(const struct building *building, struct rule *rule,
		       struct key_target *target)
{
	const struct conf_section *section;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < building->conf->count; i++) {
		section = building->conf->sections[i];
		if (section->kind != SECTION_MODE || strcmp(section->name, rule->name) != 0)
			continue;
		rule->mode_file = section->file;
		rule->mode_line = section->line;
		err = apply_section(section, target, building->problems);
	}
	return err;
}

/*
 * Adds a note for each [mode NAME] without a rule, which may be that of a removed package.
 * Rules of units are not known yet.
 */
static void note_modes_without_rule(const struct building *building)
{
	const struct conf_section *section;
	size_t i;

	for (i = 0; i < building->conf->count; i++) {
		section = building->conf->sections[i];
		if (section->kind == SECTION_MODE &&
		    strncmp(section->name, UNIT_RULE_PREFIX, strlen(UNIT_RULE_PREFIX)) != 0 &&
		    find_rule(building, section->name) == building->count)
			problems_add(building->problems, PROBLEM_NOTE, section->file, section->line,
				     NULL, "[mode %s] has no effect: no rule has this name",
				     section->name);
	}
}

static int build_rule(const struct building *building, const struct conf_section *section,
		      struct rule *rule, const char *file)
{
	const maze_u32 limits = maze_policy_given("soft") | maze_policy_given("hard");
	struct key_target target = { .settings = &rule->settings, .rule = rule };
	size_t before = building->problems->errors;
	int err;

	rule_settings_init(&rule->settings);
	rule->file = file;
	rule->line = section->line;
	rule->shipped = section->shipped;
	rule->name = strdup(section->name);
	if (!rule->name)
		return -ENOMEM;
	err = apply_kind(building->conf, SECTION_DEFAULTS, &target, NULL);
	/* Other keys of [defaults] contradict no key of the rule. */
	rule->settings.given &= limits;
	if (!err)
		err = apply_section(section, &target, building->problems);
	if (!err)
		err = apply_modes(building, rule, &target);
	if (err)
		return err;
	rule_settings_complete(&rule->settings);
	/* An error in [defaults] has already been reported at its own line. */
	if (!rule->ignore && building->defaults_are_valid && building->problems->errors == before)
		complete_policy(section, &rule->settings, building->problems);
	complete_group(section, rule, building->problems);
	rule->shadow = rule->settings.policy.flags & MAZE_POLICY_SHADOW;
	rule->scopes = scopes_of(rule);
	rule->tag = tag_of_rule(rule->name);
	if (maze_policy_scope(rule->settings.policy.flags))
		rule->tag = tag_of_group(rule->tag);
	note_keys_without_effect(section, rule, building->problems);
	return 0;
}

static int build_daemon(const struct building *building, struct daemon_settings *daemon)
{
	struct key_target target = { .daemon = daemon };

	if (daemon_settings_init(daemon))
		return -ENOMEM;
	return apply_kind(building->conf, SECTION_DAEMON, &target, building->problems);
}

struct tagged {
	maze_u64 tag;
	const struct rule *rule;
};

static int by_tag(const void *left, const void *right)
{
	const struct tagged *a = left, *b = right;

	return a->tag < b->tag ? -1 : a->tag > b->tag;
}

/*
 * A watch stores a 32-bit hash of its rule's name, so each rule needs a different hash.
 */
static int check_tags(const struct rules *rules, struct problems *problems)
{
	struct tagged *sorted = calloc(rules->count + 1, sizeof(*sorted));
	const struct rule *rule;
	size_t i;

	if (!sorted)
		return -ENOMEM;
	for (i = 0; i < rules->count; i++)
		sorted[i] = (struct tagged){ rules->rules[i].tag, &rules->rules[i] };
	qsort(sorted, rules->count, sizeof(*sorted), by_tag);
	for (i = 1; i < rules->count; i++) {
		rule = sorted[i].rule;
		if (sorted[i].tag == sorted[i - 1].tag)
			problems_add(problems, PROBLEM_ERROR, rule->file, rule->line, NULL,
				     "this rule's name has the same hash as rule %s; rename one "
				     "of them",
				     sorted[i - 1].rule->name);
	}
	free(sorted);
	return 0;
}

/* ---- rules of units ---------------------------------------------------------------- */

int rules_build_unit(const struct rules *rules, const struct conf_section *section,
		     struct rule *ret_rule, struct problems *problems)
{
	const struct building building = { .conf = rules->conf,
					   .problems = problems,
					   .defaults_are_valid = true };
	struct rule rule = { .section = section };
	const struct rule *other;
	size_t before = problems->errors;
	int err = build_rule(&building, section, &rule, section->file);

	other = err ? NULL : rules_by_tag(rules, rule.tag);
	if (other && strcmp(other->name, rule.name) != 0)
		problem_at(problems, PROBLEM_ERROR, section, NULL,
			   "the name %s has the same hash as rule %s; rename that rule", rule.name,
			   other->name);
	else if (other && !other->section)
		problem_at(problems, PROBLEM_ERROR, section, NULL,
			   "%s:%u has a rule of the name %s; rename that rule", other->file,
			   other->line, rule.name);
	if (!err && problems->errors > before)
		err = -EINVAL;
	if (err)
		rule_done(&rule);
	else
		*ret_rule = rule;
	return err;
}

/* ---- load -------------------------------------------------------------------------- */

static int build(struct building *building, struct rules *rules)
{
	size_t i;
	int err = choose_sections(building);

	if (!err)
		err = build_defaults(building);
	if (!err)
		err = build_daemon(building, &rules->daemon);
	if (err)
		return err;
	/*
	 * Allocate one element more than needed, because calloc(3) of 0 may return NULL.
	 */
	rules->rules = calloc(building->count + 1, sizeof(*rules->rules));
	if (!rules->rules)
		return -ENOMEM;
	for (i = 0; i < building->count; i++) {
		rules->count++;
		err = build_rule(building, building->sections[i], &rules->rules[i],
				 building->sections[i]->file);
		if (err)
			return err;
		if (!rules->rules[i].ignore && !rules->rules[i].never)
			rules->scopes |= rules->rules[i].scopes;
	}
	note_modes_without_rule(building);
	return check_tags(rules, building->problems);
}

static int finish(struct conf *conf, int err, struct rules **ret_rules, struct problems *problems)
{
	struct building building = { .conf = conf, .problems = problems };
	struct rules *rules = NULL;

	if (err)
		goto out_conf;
	rules = calloc(1, sizeof(*rules));
	if (rules)
		rules->conf = calloc(1, sizeof(*rules->conf));
	err = rules && rules->conf ? build(&building, rules) : -ENOMEM;
	if (err)
		goto out_rules;
	if (problems->errors) {
		err = -EINVAL;
		goto out_rules;
	}
	/* `rules` takes ownership of the file names, because its rules point to them. */
	rules->files = conf->files;
	rules->file_count = conf->file_count;
	conf->files = NULL;
	conf->file_count = 0;
	*rules->conf = *conf;
	conf_init(conf);
	*ret_rules = rules;
	rules = NULL;
out_rules:
	rules_free(rules);
	free(building.sections);
out_conf:
	problems_sort(problems);
	conf_done(conf);
	return err;
}

int rules_load(const char *shipped, const char *path, struct rules **ret_rules,
	       struct problems *problems)
{
	bool missing = shipped && access(path, F_OK) && errno == ENOENT;
	struct conf conf;
	size_t i;
	int err;

	conf_init(&conf);
	err = shipped ? conf_read_directory(&conf, shipped, problems) : 0;
	if (!err && missing && !conf.file_count && !problems->errors) {
		problems_add(problems, PROBLEM_NOTE, path, 0, NULL,
			     "it does not exist, and %s has no rules: mazed uses its built-in "
			     "rules, with shadow = yes",
			     shipped);
		err = conf_read_built_in(&conf, problems);
	}
	for (i = 0; i < conf.count; i++)
		conf.sections[i]->shipped = true;
	if (!err && !missing)
		err = conf_read_file(&conf, path, problems);
	if (!err)
		err = conf_read_drop_ins(&conf, path, problems);
	return finish(&conf, err, ret_rules, problems);
}

int rules_parse(const char *name, const char *text, size_t length, struct rules **ret_rules,
		struct problems *problems)
{
	struct conf conf;
	int err;

	conf_init(&conf);
	err = conf_parse(&conf, name, text, length, problems);
	return finish(&conf, err, ret_rules, problems);
}
