/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of the list has one line for each rule that has tripped: BOOT_NS NAME. It is
 * below /run, so it ends with the boot, as the watches do. The section of a unit is read
 * some time after mazed begins. Until then a state without a rule keeps that it has tripped.
 */
#include "rule_states.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/error.h"
#include "../rules/tag.h"
#include "../rules/unit_file.h"
#include "../rules/unit_rules.h"

#define NAME "tripped"
#define NAME_NEW NAME ".new"
/* A line of the list: a time, and the name of a rule, of which one of a unit is longest. */
#define LINE_SIZE 320
/* Of all rules. If it is too short, the message about a breaker has smaller numbers. */
#define ENFORCED_MAX 1024

/* The last hard verdict of a process or group that was enforced. */
struct enforced {
	maze_u64 tag, boot_ns;
	maze_u64 id; /* the PID; of a control group, its ID */
	maze_u32 uid;
};

struct rule_states {
	struct maze *maze;
	struct log *log;
	int dir_fd;
	struct rules *rules;
	struct rule_state *states; /* of the rules in order, of units, and without a rule */
	size_t count;
	struct enforced enforced[ENFORCED_MAX];
	size_t next_enforced;
};

static struct rule_state *find(struct rule_state *states, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(states[i].name, name))
			return &states[i];
	return NULL;
}

static void free_states(struct rule_state *states, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(states[i].name);
	free(states);
}

/* ---- the list of tripped rules ------------------------------------------------------ */

static int write_list(const struct rule_states *states)
{
	int fd = openat(states->dir_fd, NAME_NEW,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	int err = file ? 0 : -errno;
	size_t i;

	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	for (i = 0; i < states->count; i++)
		if (states->states[i].tripped_ns)
			fprintf(file, "%llu %s\n", states->states[i].tripped_ns,
				states->states[i].name);
	if (ferror(file))
		err = -EIO;
	if (fclose(file))
		err = -errno;
	if (!err && renameat(states->dir_fd, NAME_NEW, states->dir_fd, NAME))
		err = -errno;
	return err;
}

static void save(const struct rule_states *states)
{
	int err = write_list(states);

	if (err)
		log_printf(states->log, LOG_ERR,
			   "cannot save which rules have reached max-hard: %s; after a restart of "
			   "mazed these rules may enforce again",
			   strerror(-err));
}

/* Appends a state without a rule. */
static void add_tripped(struct rule_states *states, const char *name, maze_u64 ns)
{
	struct rule_state *grown = reallocarray(states->states, states->count + 1, sizeof(*grown));

	if (!grown)
		return;
	states->states = grown;
	grown[states->count] = (struct rule_state){ .name = strdup(name), .tripped_ns = ns };
	states->count += grown[states->count].name != NULL;
}

static void load(struct rule_states *states)
{
	int fd = openat(states->dir_fd, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[LINE_SIZE], name[LINE_SIZE];
	maze_u64 ns;

	if (!file && fd >= 0)
		close(fd);
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%llu %319s", &ns, name) == 2)
			add_tripped(states, name, ns);
	if (file)
		fclose(file);
}

/* ---- rules --------------------------------------------------------------------------- */

static void set_shadow(struct rule *rule, const struct rule_state *state)
{
	bool shadow =
		state->mode == RULE_MODE_FILE ? rule->shadow : state->mode == RULE_MODE_SHADOW;

	rule->settings.policy.flags &= ~MAZE_POLICY_SHADOW;
	if (shadow)
		rule->settings.policy.flags |= MAZE_POLICY_SHADOW;
}

static size_t units_of(const struct rules *rules)
{
	return rules->units ? unit_rules_count(rules->units) : 0;
}

/* Returns the rule, first those of maze.conf, or NULL if the unit has none. */
static struct rule *rule_at(const struct rules *rules, size_t index)
{
	return index < rules->count ? &rules->rules[index]
				    : unit_rules_at(rules->units, index - rules->count)->rule;
}

/* Appends the state of a rule, or one without a rule. Returns false if out of memory. */
static bool add_state(struct rule_state *made, size_t *count, const struct rule_state *before,
		      struct rule *rule)
{
	struct rule_state *state = &made[*count];

	if (before)
		*state = *before;
	state->rule = rule;
	if (rule)
		state->tag = rule->tag;
	if (rule && !rule->settings.max_hard_count)
		state->tripped_ns = 0;
	state->name = strdup(rule ? rule->name : before->name);
	*count += state->name != NULL;
	return state->name;
}

static struct rule_state *make_states(const struct rule_states *states, const struct rules *rules,
				      size_t *ret_count)
{
	size_t most = rules->count + units_of(rules), count = 0, i;
	struct rule_state *made = calloc(most + states->count + 1, sizeof(*made)), *before;
	bool ok = made;
	struct rule *rule;

	for (i = 0; ok && i < most; i++) {
		rule = rule_at(rules, i);
		if (rule)
			ok = add_state(made, &count,
				       find(states->states, states->count, rule->name), rule);
	}
	/* Of the other states, only those of units whose section may still be read stay. */
	for (i = 0; ok && i < states->count; i++) {
		before = &states->states[i];
		if (before->tripped_ns && !find(made, count, before->name) &&
		    !strncmp(before->name, UNIT_RULE_PREFIX, strlen(UNIT_RULE_PREFIX)))
			ok = add_state(made, &count, before, NULL);
	}
	if (!ok) {
		free_states(made, count);
		return NULL;
	}
	*ret_count = count;
	return made;
}

static enum maze_policy_scope scope_of(const struct rule_state *state)
{
	return state->tag & TAG_GROUP ? MAZE_SCOPE_PROCESS : MAZE_SCOPE_THREAD;
}

/* Sets the allowance of a rule. `anew`: as if no verdict had been enforced. */
static int allow(const struct rule_states *states, const struct rule_state *state, bool anew,
		 struct maze_error *error)
{
	const struct rule_settings *settings = &state->rule->settings;
	struct maze_allowance allowance = {
		.window_ns = settings->max_hard_ns,
		.max = settings->max_hard_count,
		.tripped = state->tripped_ns && !anew,
		/* One restart ends all processes of a unit. */
		.by_cgroup = settings->stages[STAGE_HARD].restart && !settings->policy.hard_signal,
		.anew = anew,
	};
	int err;

	if (state->rule->ignore || state->rule->never)
		return 0;
	err = maze_allow(states->maze, scope_of(state), state->tag,
			 allowance.max ? &allowance : NULL, error);
	/* Where groups cannot be measured, none is watched, which the tracker reports. */
	return scope_of(state) ? 0 : err;
}

static void disallow(const struct rule_states *states, const struct rule_state *state)
{
	maze_allow(states->maze, scope_of(state), state->tag, NULL, NULL);
}

static bool has_tag(const struct rule_state *states, size_t count, maze_u64 tag)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (states[i].rule && states[i].tag == tag)
			return true;
	return false;
}

/* Sets the allowances. A rule of a unit that gets none is in shadow. */
static int allow_all(const struct rule_states *states, struct rule_state *made, size_t count,
		     struct maze_error *error)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < count && made[i].rule; i++) {
		set_shadow(made[i].rule, &made[i]);
		err = allow(states, &made[i], false, error);
		if (!err || !made[i].rule->section)
			continue;
		log_printf(states->log, LOG_ERR, "rule %s is in shadow: its max-hard: %s",
			   made[i].name, error->text);
		made[i].rule->settings.policy.flags |= MAZE_POLICY_SHADOW;
		err = 0;
	}
	return err;
}

int rule_states_use(struct rule_states *states, struct rules *rules, struct maze_error *error)
{
	struct maze_error ignored;
	struct rule_state *made;
	size_t count, i;
	int err;

	error = error ?: &ignored;
	made = make_states(states, rules, &count);
	if (!made)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = allow_all(states, made, count, error);
	if (err) {
		free_states(made, count);
		return err;
	}
	for (i = 0; i < states->count; i++)
		if (states->states[i].tag && !has_tag(made, count, states->states[i].tag))
			disallow(states, &states->states[i]);
	free_states(states->states, states->count);
	states->states = made;
	states->count = count;
	states->rules = rules;
	return 0;
}

void rule_states_use_units(struct rule_states *states)
{
	const size_t rules = states->rules->count, most = rules + units_of(states->rules);
	struct maze_error error = { "" };
	struct rule *rule;
	size_t i;

	if (!rule_states_use(states, states->rules, &error))
		return;
	log_printf(states->log, LOG_ERR, "the rules of units are in shadow: %s", error.text);
	for (i = rules; i < most; i++) {
		rule = rule_at(states->rules, i);
		if (rule)
			rule->settings.policy.flags |= MAZE_POLICY_SHADOW;
	}
	/* Those that the states have may be freed. */
	for (i = rules; i < states->count; i++)
		states->states[i].rule = NULL;
}

/* ---- records ------------------------------------------------------------------------- */

static void note_enforced(struct rule_states *states, const struct maze_record *verdict)
{
	const maze_u64 id = verdict->pid ?: verdict->cgroup_id;
	struct enforced *found = NULL;
	size_t i;

	for (i = 0; i < ENFORCED_MAX && !found; i++)
		if (states->enforced[i].tag == verdict->tag && states->enforced[i].id == id)
			found = &states->enforced[i];
	if (!found)
		found = &states->enforced[states->next_enforced++ % ENFORCED_MAX];
	*found = (struct enforced){ verdict->tag, verdict->boot_ns, id, verdict->uid };
}

/* Says how many processes or groups of how many users have had the verdicts of the window. */
static const char *describe_enforced(const struct rule_states *states, const struct rule *rule,
				     maze_u64 boot_ns, char *buf, size_t size)
{
	static const char *const nouns[MAZE_SCOPE_COUNT_][2] = {
		{ "process", "processes" },
		{ "process", "processes" },
		{ "tree", "trees" },
		{ "control group", "control groups" },
	};
	const maze_u32 scope = maze_policy_scope(rule->settings.policy.flags);
	maze_u32 uids[ENFORCED_MAX];
	size_t count = 0, users = 0, i, k;

	for (i = 0; i < ENFORCED_MAX; i++) {
		if (states->enforced[i].tag != rule->tag ||
		    states->enforced[i].boot_ns + rule->settings.max_hard_ns <= boot_ns)
			continue;
		count++;
		for (k = 0; k < users && uids[k] != states->enforced[i].uid; k++)
			;
		if (k == users)
			uids[users++] = states->enforced[i].uid;
	}
	buf[0] = '\0';
	/* It is 0 after a restart of mazed. */
	if (count)
		snprintf(buf, size, " (%zu %s of %zu user%s)", count, nouns[scope][count > 1],
			 users, users > 1 ? "s" : "");
	return buf;
}

static void trip(struct rule_states *states, const struct rule *rule, struct rule_state *state,
		 maze_u64 boot_ns)
{
	char time[64], who[96];

	state->tripped_ns = boot_ns;
	save(states);
	log_note(states->log, LOG_ERR, LOG_KIND_TRIPPED, rule->name,
		 "rule %s has reached max-hard, %u in %s%s: it is in shadow until `maze rules "
		 "reset %s`",
		 rule->name, rule->settings.max_hard_count,
		 maze_duration_format(rule->settings.max_hard_ns, time, sizeof(time)),
		 describe_enforced(states, rule, boot_ns, who, sizeof(who)), rule->name);
}

void rule_states_on_record(void *arg, struct mazed_record *record)
{
	const struct maze_record *verdict = record->entry.record;
	struct rule_states *states = arg;
	struct rule_state *state =
		record->rule ? find(states->states, states->count, record->rule->name) : NULL;
	bool hard = verdict->event == MAZE_EVENT_HARD, shadow;

	if (!state || (!hard && verdict->event != MAZE_EVENT_SOFT))
		return;
	shadow = verdict->flags & MAZE_RECORD_SHADOW;
	if (shadow) {
		++*(hard ? &state->shadow_hard : &state->shadow_soft);
		state->last_shadow_ns = verdict->boot_ns;
	} else {
		++*(hard ? &state->hard : &state->soft);
		if (hard)
			note_enforced(states, verdict);
	}
	/* A record from before the reset says nothing about the breaker now. */
	if (verdict->flags & MAZE_RECORD_TRIPPED && !state->tripped_ns &&
	    verdict->boot_ns > state->reset_ns && record->rule->settings.max_hard_count)
		trip(states, record->rule, state, verdict->boot_ns);
}

/* ---- requests ------------------------------------------------------------------------ */

const struct rule_state *rule_states_at(const struct rule_states *states, size_t index)
{
	return index < states->count && states->states[index].rule ? &states->states[index] : NULL;
}

/* Returns the state, or NULL and a message. */
static struct rule_state *find_named(struct rule_states *states, const char *name,
				     struct maze_error *error)
{
	struct rule_state *state = find(states->states, states->count, name);

	if (state && state->rule)
		return state;
	maze_fail(error, -ENOENT, "no rule has the name \"%.64s\"", name);
	return NULL;
}

int rule_states_set_mode(struct rule_states *states, const char *name, enum rule_mode mode,
			 struct maze_error *error)
{
	struct rule_state *state = find_named(states, name, error);
	struct rule *rule;
	maze_u32 before;

	if (!state)
		return -ENOENT;
	rule = state->rule;
	if (rule->ignore)
		return maze_fail(error, -EINVAL,
				 "rule %s watches nothing (action = ignore), so it has no mode",
				 rule->name);
	before = rule->settings.policy.flags;
	state->mode = mode;
	set_shadow(rule, state);
	return rule->settings.policy.flags != before;
}

int rule_states_reset(struct rule_states *states, const char *name, struct maze_error *error)
{
	struct rule_state *state = find_named(states, name, error);
	int err = state ? allow(states, state, true, error) : -ENOENT;

	if (err)
		return err;
	state->reset_ns = now_ns(CLOCK_BOOTTIME);
	if (state->tripped_ns)
		log_note(states->log, LOG_NOTICE, LOG_KIND_RESET, name,
			 "rule %s is no longer in shadow by max-hard", name);
	state->tripped_ns = 0;
	save(states);
	return 0;
}

/* ---- open and close ------------------------------------------------------------------ */

int rule_states_open(struct maze *maze, struct log *log, int dir_fd, struct rules *rules,
		     struct rule_states **ret_states, struct maze_error *error)
{
	struct rule_states *states = calloc(1, sizeof(*states));
	int err;

	if (!states)
		return maze_fail(error, -ENOMEM, "out of memory");
	*states = (struct rule_states){ .maze = maze, .log = log, .dir_fd = dir_fd };
	load(states);
	err = rule_states_use(states, rules, error);
	if (err) {
		rule_states_close(states, false);
		return err;
	}
	*ret_states = states;
	return 0;
}

void rule_states_close(struct rule_states *states, bool remove)
{
	size_t i;

	if (!states)
		return;
	for (i = 0; remove && i < states->count; i++)
		if (states->states[i].rule)
			disallow(states, &states->states[i]);
	free_states(states->states, states->count);
	free(states);
}
