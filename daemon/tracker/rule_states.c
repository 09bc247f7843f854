/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of the list has one line for each rule that has tripped: BOOT_NS NAME. It is
 * below /run, so it ends with the boot, as the watches do.
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

#define NAME "tripped"
#define NAME_NEW NAME ".new"
/* CONF_NAME_MAX and a NUL. */
#define RULE_SIZE 65

struct rule_states {
	struct maze *maze;
	struct log *log;
	int dir_fd;
	struct rules *rules;
	struct rule_state *states; /* one for each rule, in the same order */
	size_t count;
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

/* A rule that no longer exists is left out. */
static void load(struct rule_states *states)
{
	int fd = openat(states->dir_fd, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	struct rule_state *state;
	char line[128], name[RULE_SIZE];
	maze_u64 ns;

	if (!file && fd >= 0)
		close(fd);
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llu %64s", &ns, name) != 2)
			continue;
		state = find(states->states, states->count, name);
		if (state)
			state->tripped_ns = ns;
	}
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

static struct rule_state *make_states(const struct rule_states *states, const struct rules *rules)
{
	struct rule_state *made = calloc(rules->count + 1, sizeof(*made)), *before;
	const struct rule *rule;
	size_t i;

	for (i = 0; made && i < rules->count; i++) {
		rule = &rules->rules[i];
		before = find(states->states, states->count, rule->name);
		if (before)
			made[i] = *before;
		made[i].tag = rule->tag;
		if (!rule->settings.max_hard_count)
			made[i].tripped_ns = 0;
		made[i].name = strdup(rule->name);
		if (!made[i].name) {
			free_states(made, i);
			return NULL;
		}
	}
	return made;
}

static int allow(const struct rule_states *states, const struct rule *rule,
		 const struct rule_state *state, struct maze_error *error)
{
	struct maze_allowance allowance = {
		.window_ns = rule->settings.max_hard_ns,
		.max = rule->settings.max_hard_count,
		.tripped = state->tripped_ns != 0,
	};
	enum maze_policy_scope scope = maze_policy_scope(rule->settings.policy.flags);
	int err = maze_allow(states->maze, scope, rule->tag, allowance.max ? &allowance : NULL,
			     error);

	/* Where groups cannot be measured, none is watched, which the tracker reports. */
	return scope ? 0 : err;
}

static void disallow(const struct rule_states *states, const struct rule *rule)
{
	maze_allow(states->maze, maze_policy_scope(rule->settings.policy.flags), rule->tag, NULL,
		   NULL);
}

static const struct rule *find_rule(const struct rules *rules, maze_u64 tag)
{
	return rules ? rules_by_tag(rules, tag) : NULL;
}

int rule_states_use(struct rule_states *states, struct rules *rules, struct maze_error *error)
{
	struct rule_state *made = make_states(states, rules);
	struct rules *before = states->rules;
	size_t i;
	int err = 0;

	if (!made)
		return maze_fail(error, -ENOMEM, "out of memory");
	for (i = 0; !err && i < rules->count; i++)
		if (!rules->rules[i].ignore && !rules->rules[i].never)
			err = allow(states, &rules->rules[i], &made[i], error);
	if (err) {
		free_states(made, rules->count);
		return err;
	}
	for (i = 0; before && before != rules && i < before->count; i++)
		if (!find_rule(rules, before->rules[i].tag))
			disallow(states, &before->rules[i]);
	for (i = 0; i < rules->count; i++)
		set_shadow(&rules->rules[i], &made[i]);
	free_states(states->states, states->count);
	states->states = made;
	states->count = rules->count;
	states->rules = rules;
	return 0;
}

/* ---- records ------------------------------------------------------------------------- */

static void trip(struct rule_states *states, const struct rule *rule, struct rule_state *state,
		 maze_u64 boot_ns)
{
	char time[64];

	state->tripped_ns = boot_ns;
	save(states);
	log_printf(
		states->log, LOG_ERR,
		"rule %s has reached max-hard, %u in %s: it is in shadow until `maze rules reset "
		"%s`",
		rule->name, rule->settings.max_hard_count,
		maze_duration_format(rule->settings.max_hard_ns, time, sizeof(time)), rule->name);
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
	}
	/* A record from before the reset says nothing about the breaker now. */
	if (verdict->flags & MAZE_RECORD_TRIPPED && !state->tripped_ns &&
	    verdict->boot_ns > state->reset_ns && record->rule->settings.max_hard_count)
		trip(states, record->rule, state, verdict->boot_ns);
}

/* ---- requests ------------------------------------------------------------------------ */

const struct rule_state *rule_states_at(const struct rule_states *states, size_t index)
{
	return &states->states[index];
}

/* Returns the state, or NULL and a message. */
static struct rule_state *find_named(struct rule_states *states, const char *name,
				     struct maze_error *error)
{
	struct rule_state *state = find(states->states, states->count, name);

	if (!state)
		maze_fail(error, -ENOENT, "no rule has the name \"%.64s\"", name);
	return state;
}

static struct rule *rule_of(const struct rule_states *states, const struct rule_state *state)
{
	return &states->rules->rules[state - states->states];
}

int rule_states_set_mode(struct rule_states *states, const char *name, enum rule_mode mode,
			 struct maze_error *error)
{
	struct rule_state *state = find_named(states, name, error);
	struct rule *rule;
	maze_u32 before;

	if (!state)
		return -ENOENT;
	rule = rule_of(states, state);
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
	const struct rule *rule;

	if (!state)
		return -ENOENT;
	rule = rule_of(states, state);
	disallow(states, rule);
	state->reset_ns = now_ns(CLOCK_BOOTTIME);
	if (state->tripped_ns)
		log_printf(states->log, LOG_NOTICE, "rule %s is no longer in shadow by max-hard",
			   rule->name);
	state->tripped_ns = 0;
	save(states);
	return rule->ignore || rule->never ? 0 : allow(states, rule, state, error);
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
	states->states = make_states(states, rules);
	if (!states->states) {
		free(states);
		return maze_fail(error, -ENOMEM, "out of memory");
	}
	states->count = rules->count;
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
	for (i = 0; remove && i < states->rules->count; i++)
		disallow(states, &states->rules->rules[i]);
	free_states(states->states, states->count);
	free(states);
}
