/* SPDX-License-Identifier: GPL-2.0-only */
/* The table is sorted by name. Most units have no rule, so rules are counted. */
#include "unit_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit_rules {
	struct unit **units;
	size_t count, room;
	size_t rule_count;
	unsigned int scopes;
};

static void drop_rule(struct unit_rules *units, struct unit *unit)
{
	if (!unit->rule)
		return;
	rule_done(unit->rule);
	free(unit->rule);
	unit->rule = NULL;
	units->rule_count--;
}

static void find_scopes(struct unit_rules *units)
{
	const struct rule *rule;
	size_t i;

	units->scopes = 0;
	for (i = 0; units->rule_count && i < units->count; i++) {
		rule = units->units[i]->rule;
		if (rule && !rule->ignore && !rule->never)
			units->scopes |= rule->scopes;
	}
}

static void unit_free(struct unit_rules *units, struct unit *unit)
{
	drop_rule(units, unit);
	conf_done(&unit->conf);
	free(unit->cgroup);
	free(unit->name);
	free(unit);
}

int unit_rules_new(struct unit_rules **ret_units)
{
	*ret_units = calloc(1, sizeof(**ret_units));
	return *ret_units ? 0 : -ENOMEM;
}

void unit_rules_free(struct unit_rules *units)
{
	if (!units)
		return;
	while (units->count)
		unit_free(units, units->units[--units->count]);
	free(units->units);
	free(units);
}

/* Returns the index of the unit, or the one at which it belongs. */
static size_t search(const struct unit_rules *units, const char *name, bool *ret_found)
{
	size_t low = 0, high = units->count, middle;
	int order;

	*ret_found = false;
	while (low < high) {
		middle = (low + high) / 2;
		order = strcmp(units->units[middle]->name, name);
		if (!order) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct unit *unit_rules_find(const struct unit_rules *units, const char *name)
{
	bool found;
	size_t index = search(units, name, &found);

	return found ? units->units[index] : NULL;
}

/* Units of the past fill the table: runs of timers, sessions and containers. */
static void forget_units_without_rule(struct unit_rules *units)
{
	size_t i, kept = 0;

	for (i = 0; i < units->count; i++) {
		if (units->units[i]->rule || units->units[i]->wanted)
			units->units[kept++] = units->units[i];
		else
			unit_free(units, units->units[i]);
	}
	units->count = kept;
}

struct unit *unit_rules_add(struct unit_rules *units, const char *name)
{
	struct unit *unit, **grown;
	size_t index, room;
	bool found;

	if (units->count == UNIT_RULES_MAX)
		forget_units_without_rule(units);
	if (units->count == UNIT_RULES_MAX)
		return NULL;
	if (units->count == units->room) {
		room = units->room ? units->room * 2 : 64;
		grown = reallocarray(units->units, room, sizeof(struct unit *));
		if (!grown)
			return NULL;
		units->units = grown;
		units->room = room;
	}
	unit = calloc(1, sizeof(*unit));
	if (unit)
		unit->name = strdup(name);
	if (!unit || !unit->name) {
		free(unit);
		return NULL;
	}
	index = search(units, name, &found);
	memmove(&units->units[index + 1], &units->units[index],
		(units->count - index) * sizeof(struct unit *));
	units->units[index] = unit;
	units->count++;
	return unit;
}

size_t unit_rules_count(const struct unit_rules *units)
{
	return units->count;
}

struct unit *unit_rules_at(const struct unit_rules *units, size_t index)
{
	return units->units[index];
}

const struct rule *unit_rules_of_cgroup(const struct unit_rules *units, const char *cgroup)
{
	char name[UNIT_NAME_SIZE];
	const struct unit *unit;

	if (!units->rule_count || !unit_of_cgroup(cgroup, name))
		return NULL;
	unit = unit_rules_find(units, name);
	return unit ? unit->rule : NULL;
}

const struct rule *unit_rules_by_tag(const struct unit_rules *units, maze_u64 tag)
{
	size_t i;

	for (i = 0; units->rule_count && i < units->count; i++)
		if (units->units[i]->rule && units->units[i]->rule->tag == tag)
			return units->units[i]->rule;
	return NULL;
}

unsigned int unit_rules_scopes(const struct unit_rules *units)
{
	return units->scopes;
}

/* Makes the rule of the section that the unit has. Its rule is dropped before. */
static void make_rule(struct unit_rules *units, struct unit *unit, const struct rules *rules,
		      struct problems *problems)
{
	const struct conf_section *section = unit->conf.sections[0];
	struct rule *rule = calloc(1, sizeof(*rule));
	int err = rule ? rules_build_unit(rules, section, rule, problems) : -ENOMEM;

	if (err == -ENOMEM)
		problems_add(problems, PROBLEM_ERROR, section->file, section->line, NULL,
			     "out of memory");
	if (err) {
		free(rule);
		return;
	}
	unit->rule = rule;
	units->rule_count++;
}

void unit_rules_set(struct unit_rules *units, struct unit *unit, const struct rules *rules,
		    struct conf *conf, struct problems *problems)
{
	drop_rule(units, unit);
	conf_done(&unit->conf);
	/* Errors in lines are refused here, errors in values by make_rule(). */
	if (problems->errors || !conf->count || !conf->sections[0]->count) {
		conf_done(conf);
	} else {
		unit->conf = *conf;
		conf_init(conf);
		make_rule(units, unit, rules, problems);
	}
	find_scopes(units);
}

void unit_rules_remake(struct unit_rules *units, struct unit *unit, const struct rules *rules,
		       struct problems *problems)
{
	if (!unit->conf.count)
		return;
	drop_rule(units, unit);
	make_rule(units, unit, rules, problems);
	find_scopes(units);
}
