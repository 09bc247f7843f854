/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Few requests are under way at once, so that PID 1 is free for others. Until the answer
 * about a known unit comes, its rule stays in force.
 */
#include "unit_sections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "../bus/unit_paths.h"
#include "../rules/tag.h"
#include "../rules/unit_file.h"
#include "../rules/unit_rules.h"

#define REQUESTS_MAX 16
/* A unit with more processes leads to a scan of all processes, which goes in portions. */
#define MEMBERS_MAX 128
#define TIMER_ACCURACY_USEC 10000U

struct request {
	struct unit_sections *sections;
	struct unit *unit; /* NULL: the request is free */
	struct bus_call *call;
};

struct unit_sections {
	struct unit_sections_host host;
	const struct rules *rules;
	struct bus_subscription reloading, unit_new;
	struct request requests[REQUESTS_MAX];
	struct unit *first, *last; /* wanted, and not yet requested */
	sd_event_source *sender;   /* sends requests, in the next iteration of the event loop */
	sd_event_source *waited;   /* expires when a first answer is late */
	size_t waiting;		   /* units that are wanted, and not known */
	bool failed;		   /* a failure was logged, and nothing has succeeded since */
};

/* ---- the processes of a unit ------------------------------------------------------- */

struct members {
	pid_t pids[MEMBERS_MAX];
	size_t count;
	bool more;
};

static bool add_member(pid_t pid, void *arg)
{
	struct members *members = arg;

	members->more = members->count == MEMBERS_MAX;
	if (!members->more && pid > 0)
		members->pids[members->count++] = pid;
	return !members->more;
}

static void track_members(struct unit_sections *sections, const struct unit *unit)
{
	const struct cgroup_fs *cgroups = group_tracker_cgroups(sections->host.groups);
	struct members members = { .count = 0 };
	int dir = unit->cgroup ? cgroup_open(cgroups, unit->cgroup) : -ENOMEM;
	/* Without the control group, its processes are gone. */
	bool all = dir == -ENOENT && cgroups->fd >= 0;
	size_t i;

	if (dir >= 0) {
		all = cgroup_each_process(dir, add_member, &members) && !members.more;
		close(dir);
	}
	for (i = 0; i < members.count && all; i++)
		sections->host.track(sections->host.arg, members.pids[i]);
	if (!all)
		sections->host.track_all(sections->host.arg);
}

/* Applies the rules to the processes of a unit that has become known, or another rule. */
static void settle(struct unit_sections *sections, struct unit *unit)
{
	bool last = !unit->known && !--sections->waiting;

	unit->known = true;
	track_members(sections, unit);
	if (last)
		sections->host.settled(sections->host.arg);
}

/* ---- rules ------------------------------------------------------------------------- */

/* The tag of the groups that the rule watches; 0: none. */
static maze_u64 tag_of_groups(const struct rule *rule)
{
	return rule && rule->tag & TAG_GROUP ? rule->tag : 0;
}

/*
 * Ends the groups of a rule that is gone, or has another scope. Watches of threads need
 * none of this, because their processes are tracked again.
 */
static void forget_groups(struct unit_sections *sections, maze_u64 tag, unsigned int scopes,
			  const struct rule *now)
{
	if (tag && (!now || now->tag != tag || now->scopes != scopes || now->ignore))
		group_tracker_forget(sections->host.groups, tag);
}

static bool same_entry(const struct conf_entry *a, const struct conf_entry *b)
{
	return !strcmp(a->key.name, b->key.name) && !strcmp(a->value, b->value) &&
	       !strcmp(a->file, b->file) && a->line == b->line;
}

static bool same_section(const struct conf *a, const struct conf *b)
{
	size_t count = a->count ? a->sections[0]->count : 0, i;

	if (count != (b->count ? b->sections[0]->count : 0))
		return false;
	for (i = 0; i < count; i++)
		if (!same_entry(&a->sections[0]->entries[i], &b->sections[0]->entries[i]))
			return false;
	return true;
}

static void report(struct unit_sections *sections, const struct unit *unit,
		   const struct problems *problems)
{
	log_problems(sections->host.log, problems);
	if (problems->errors)
		log_note(sections->host.log, LOG_ERR, LOG_KIND_REFUSED, NULL,
			 "%s: its section [X-Maze] is refused as a whole; the rules of "
			 "maze.conf apply",
			 unit->name);
	else if (unit->rule)
		log_printf(sections->host.log, LOG_INFO,
			   "%s: its section [X-Maze] is in force (%s:%u)", unit->name,
			   unit->rule->file, unit->rule->line);
	else
		log_printf(sections->host.log, LOG_INFO, "%s: it has no section [X-Maze] any more",
			   unit->name);
}

/* Takes the section over that `paths` have. A unit without files has none. */
static void read_section(struct unit_sections *sections, struct unit *unit, char **paths)
{
	const maze_u64 tag = tag_of_groups(unit->rule);
	const unsigned int scopes = unit->rule ? unit->rule->scopes : 0;
	struct problems problems;
	struct conf conf;
	bool same;

	problems_init(&problems);
	conf_init(&conf);
	if (unit_files_read(&conf, unit->name, paths, &problems) == -ENOMEM)
		problems_add(&problems, PROBLEM_ERROR, unit->name, 0, NULL, "out of memory");
	same = !problems.errors && same_section(&unit->conf, &conf);
	if (same) {
		conf_done(&conf);
	} else {
		unit_rules_set(sections->host.units, unit, sections->rules, &conf, &problems);
		report(sections, unit, &problems);
		forget_groups(sections, tag, scopes, unit->rule);
		sections->host.changed(sections->host.arg);
	}
	problems_done(&problems);
	if (!same || !unit->known)
		settle(sections, unit);
}

void unit_sections_use(struct unit_sections *sections, const struct rules *rules)
{
	struct unit_rules *units = sections->host.units;
	struct problems problems;
	struct unit *unit;
	unsigned int scopes;
	maze_u64 tag;
	size_t i;

	sections->rules = rules;
	for (i = 0; i < unit_rules_count(units); i++) {
		unit = unit_rules_at(units, i);
		tag = tag_of_groups(unit->rule);
		scopes = unit->rule ? unit->rule->scopes : 0;
		problems_init(&problems);
		unit_rules_remake(units, unit, rules, &problems);
		if (problems.errors)
			report(sections, unit, &problems);
		problems_done(&problems);
		forget_groups(sections, tag, scopes, rules->units ? unit->rule : NULL);
	}
}

/* ---- requests ---------------------------------------------------------------------- */

static void wake_sender(struct unit_sections *sections)
{
	sd_event_source_set_enabled(sections->sender, SD_EVENT_ONESHOT);
}

/* A unit keeps the rule that it has until systemd is reached again. NULL: no such unit. */
static void fail(struct unit_sections *sections, struct unit *unit, const char *why)
{
	if (why && !sections->failed)
		log_printf(sections->host.log, LOG_WARNING,
			   "cannot read the sections [X-Maze] of %s and maybe other units: %s; "
			   "units whose section was not read have the rules of maze.conf",
			   unit->name, why);
	sections->failed |= why != NULL;
	if (!unit->known)
		settle(sections, unit);
}

static void on_answer(void *arg, const struct bus_answer *answer)
{
	struct request *request = arg;
	struct unit_sections *sections = request->sections;
	struct unit *unit = request->unit;
	char **paths = NULL;
	int err = answer->err;

	request->unit = NULL;
	request->call = NULL;
	unit->wanted = false;
	unit->current = true;
	wake_sender(sections);
	if (!err)
		err = unit_paths_read(answer->message, &paths);
	if (!err) {
		sections->failed = false;
		read_section(sections, unit, paths);
	} else {
		fail(sections, unit,
		     !answer->err	       ? strerror(-err)
		     : unit_paths_none(answer) ? NULL
					       : answer->text);
	}
	unit_paths_free(paths);
}

static struct request *free_request(struct unit_sections *sections)
{
	size_t i;

	for (i = 0; i < REQUESTS_MAX; i++)
		if (!sections->requests[i].unit)
			return &sections->requests[i];
	return NULL;
}

static int on_send(sd_event_source *source, void *arg)
{
	struct unit_sections *sections = arg;
	struct maze_error error = { "" };
	struct request *request;
	struct unit *unit;

	(void)source;
	while (sections->first && (request = free_request(sections))) {
		unit = sections->first;
		sections->first = unit->next;
		request->unit = unit;
		if (!unit_paths_request(sections->host.bus, unit->name, 0, on_answer, request,
					&request->call, &error))
			continue;
		request->unit = NULL;
		unit->wanted = false;
		unit->current = true;
		fail(sections, unit, error.text);
	}
	return 0;
}

static int on_waited(sd_event_source *source, uint64_t usec, void *arg)
{
	struct unit_sections *sections = arg;
	struct unit *unit;
	size_t i;

	(void)source;
	(void)usec;
	for (i = 0; i < unit_rules_count(sections->host.units); i++) {
		unit = unit_rules_at(sections->host.units, i);
		/* The call may still be answered, or else it reports why not. */
		if (!unit->known && unit->wanted)
			settle(sections, unit);
	}
	return 0;
}

static void want(struct unit_sections *sections, struct unit *unit)
{
	int waits = SD_EVENT_OFF;

	unit->wanted = true;
	unit->next = NULL;
	if (sections->first)
		sections->last->next = unit;
	else
		sections->first = unit;
	sections->last = unit;
	wake_sender(sections);
	sections->waiting += !unit->known;
	sd_event_source_get_enabled(sections->waited, &waits);
	if (unit->known || waits != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(sections->waited, sections->host.wait_usec);
	sd_event_source_set_enabled(sections->waited, SD_EVENT_ONESHOT);
}

/* Keeps the path of the unit's own control group, which is the beginning of `cgroup`. */
static void keep_cgroup(struct unit *unit, const char *cgroup, size_t length)
{
	if (unit->cgroup && strlen(unit->cgroup) == length &&
	    !strncmp(unit->cgroup, cgroup, length))
		return;
	free(unit->cgroup);
	unit->cgroup = strndup(cgroup, length);
}

int unit_sections_want(struct unit_sections *sections, const char *cgroup)
{
	struct unit_rules *units = sections->host.units;
	char name[UNIT_NAME_SIZE];
	const char *below = sections->rules->units ? unit_of_cgroup(cgroup, name) : NULL;
	struct unit *unit;

	if (!below)
		return 0;
	unit = unit_rules_find(units, name);
	if (!unit)
		unit = unit_rules_add(units, name);
	/* Without memory for it, the rules of maze.conf apply. */
	if (!unit)
		return 0;
	keep_cgroup(unit, cgroup, (size_t)(below - cgroup));
	if (!unit->current && !unit->wanted)
		want(sections, unit);
	return unit->known ? 0 : -EINPROGRESS;
}

/* ---- signals ----------------------------------------------------------------------- */

static void read_all_again(struct unit_sections *sections)
{
	size_t i;

	for (i = 0; i < unit_rules_count(sections->host.units); i++)
		unit_rules_at(sections->host.units, i)->current = false;
	if (sections->rules->units)
		sections->host.track_all(sections->host.arg);
}

/* systemd begins (true) or has ended (false) to read its units again. */
static void on_reloading(void *arg, sd_bus_message *message)
{
	int begins = 0;

	if (message && (sd_bus_message_read(message, "b", &begins) < 0 || begins))
		return;
	read_all_again(arg);
}

/* A unit may have been unloaded, and have other files since. */
static void on_unit_new(void *arg, sd_bus_message *message)
{
	struct unit_sections *sections = arg;
	const char *name = NULL;
	struct unit *unit;

	/* on_reloading() handles a lost connection. */
	if (!message || sd_bus_message_read(message, "s", &name) < 0)
		return;
	unit = unit_rules_find(sections->host.units, name);
	if (unit)
		unit->current = false;
}

bool unit_sections_wait(const struct unit_sections *sections)
{
	return sections->waiting;
}

/* ---- open and closed --------------------------------------------------------------- */

static void unsubscribe(struct unit_sections *sections)
{
	bus_unsubscribe(&sections->reloading);
	bus_unsubscribe(&sections->unit_new);
}

int unit_sections_subscribe(struct unit_sections *sections, const struct rules *rules)
{
	int err;

	if (!rules->units) {
		unsubscribe(sections);
		return 0;
	}
	if (sections->reloading.bus)
		return 0;
	sections->reloading =
		(struct bus_subscription){ BUS_MANAGER_PATH, BUS_MANAGER, "Reloading", on_reloading,
					   sections,	     NULL,	  NULL,	       NULL };
	sections->unit_new =
		(struct bus_subscription){ BUS_MANAGER_PATH, BUS_MANAGER, "UnitNew", on_unit_new,
					   sections,	     NULL,	  NULL,	     NULL };
	err = bus_subscribe(sections->host.bus, &sections->reloading)
		      ?: bus_subscribe(sections->host.bus, &sections->unit_new);
	if (err)
		unsubscribe(sections);
	return err;
}

int unit_sections_open(const struct unit_sections_host *host, struct unit_sections **ret_sections)
{
	static const struct rules none;
	struct unit_sections *sections = calloc(1, sizeof(*sections));
	size_t i;
	int err;

	if (!sections)
		return -ENOMEM;
	sections->host = *host;
	sections->rules = &none;
	for (i = 0; i < REQUESTS_MAX; i++)
		sections->requests[i].sections = sections;
	err = sd_event_add_defer(host->event, &sections->sender, on_send, sections);
	if (err >= 0)
		err = sd_event_source_set_enabled(sections->sender, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_add_time(host->event, &sections->waited, CLOCK_MONOTONIC, 0,
					TIMER_ACCURACY_USEC, on_waited, sections);
	if (err >= 0)
		err = sd_event_source_set_enabled(sections->waited, SD_EVENT_OFF);
	if (err < 0) {
		unit_sections_close(sections);
		return err;
	}
	*ret_sections = sections;
	return 0;
}

void unit_sections_close(struct unit_sections *sections)
{
	size_t i;

	if (!sections)
		return;
	for (i = 0; i < REQUESTS_MAX; i++)
		bus_call_cancel(sections->requests[i].call);
	unsubscribe(sections);
	sd_event_source_disable_unref(sections->sender);
	sd_event_source_disable_unref(sections->waited);
	free(sections);
}
