/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first record, process info or stack of an episode opens its incident. The incident
 * stays open while more evidence may arrive. A written incident may be dropped to make
 * room.
 */
#include "incident.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../lib/record_time.h"
#include "episode/episode_group.h"
#include "episode/siblings.h"
#include "incident_samples.h"

/* More threads are not sampled beside others. Each has 36 KiB of locked memory. */
#define SIBLINGS_OPEN_MAX 32
/* Groups that are measured at the same time. Each has up to three sampled threads. */
#define GROUPS_OPEN_MAX 8

int incidents_open(const struct incidents_options *options, struct incidents **ret,
		   struct maze_error *error)
{
	struct incident_store_limits limits = {
		.count_max = options->count_max ?: INCIDENT_STORE_COUNT_DEFAULT,
		.bytes_max = options->bytes_max ?: INCIDENT_STORE_BYTES_DEFAULT,
		.age_max_ns = options->age_max_ns ?: INCIDENT_STORE_AGE_DEFAULT_NS,
		.shared = options->shared,
	};
	struct incidents *incidents = calloc(1, sizeof(*incidents));
	int err = incidents ? 0 : -ENOMEM;

	if (!err)
		err = redact_new(options->redact_names, options->redact_names_count,
				 &incidents->redactor, error);
	if (err == -EINVAL) {
		free(incidents);
		return err;
	}
	if (!err)
		err = incident_store_new(options->dir, &limits, &incidents->store);
	if (!err)
		err = modules_new(&incidents->sources.modules);
	if (!err)
		err = resolver_new(&incidents->sources.resolver);
	if (!err)
		err = python_readers_new(&incidents->sources.python);
	if (!err && options->java_perf_map)
		err = java_maps_new(&incidents->sources.java);
	if (err) {
		incidents_free(incidents);
		return maze_fail(error, err, "cannot keep incidents in %s: %s", options->dir,
				 strerror(-err));
	}
	incidents->unwinds = !options->no_unwind && !options->blind;
	incidents->sources.blind = options->blind;
	incidents->replace = options->replace;
	incidents->uid = options->shared ? options->uid : geteuid();
	incidents->open_max =
		incidents->uid == geteuid() ? INCIDENTS_OPEN_MAX : INCIDENTS_OPEN_USER;
	incidents->is_new = true;
	*ret = incidents;
	return 0;
}

void incidents_free(struct incidents *incidents)
{
	size_t i;

	if (!incidents)
		return;
	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		if (incidents->open[i])
			incident_drop(incidents, &incidents->open[i]);
	python_readers_free(incidents->sources.python);
	java_maps_free(incidents->sources.java);
	resolver_free(incidents->sources.resolver);
	modules_free(incidents->sources.modules);
	incident_store_free(incidents->store);
	redact_free(incidents->redactor);
	free(incidents);
}

maze_u64 incidents_lost(const struct incidents *incidents)
{
	return incidents->lost;
}

/* ---- the table --------------------------------------------------------------------- */

void incidents_listen(struct incidents *incidents,
		      void (*on_written)(void *arg, const struct episode_key *written),
		      void (*on_closed)(void *arg, const struct episode_key *closed), void *arg)
{
	incidents->on_written = on_written;
	incidents->on_closed = on_closed;
	incidents->listener = arg;
}

static void note_closed(struct incidents *incidents, const struct episode_key *key)
{
	incidents->closed[incidents->closed_next++ % INCIDENTS_CLOSED_MAX] = *key;
	if (incidents->on_closed)
		incidents->on_closed(incidents->listener, key);
}

struct episode *incident_part(struct incident *incident, size_t i)
{
	const struct episode_group *group = incident->episode.group;

	if (!i)
		return &incident->episode;
	return group && i <= group->consumers_count ? group->consumers[i - 1].episode : NULL;
}

void incident_drop(struct incidents *incidents, struct incident **incident)
{
	struct episode *part;
	size_t i;

	note_closed(incidents, &(*incident)->key);
	incident_samples_end(incidents, *incident);
	for (i = 0; (part = incident_part(*incident, i)); i++) {
		incidents->unwinds_open -= part->asked != NULL;
		if (part->unwind_running)
			resolver_drop_unwind(incidents->sources.resolver, part->serial);
		python_reads_stop(&incidents->sources, part);
	}
	episode_done(&(*incident)->episode);
	free(*incident);
	*incident = NULL;
}

bool incident_has_record(const struct incident *incident)
{
	return json_array_size(incident->episode.records) > 0;
}

static bool is_quieter(struct incident *const *slot, struct incident *const *other)
{
	return !other || (*slot)->last_ns < (*other)->last_ns;
}

/*
 * Returns a free slot, or else the slot of the written incident that has been quiet the
 * longest. A record may also take the slot of an incident without a record, because such
 * an incident is never written. A slow worker may have many of these, if records come
 * long after the other evidence.
 */
static struct incident **make_room(struct incidents *incidents, maze_u64 now, bool for_record)
{
	struct incident **quietest = NULL, **without = NULL, **slot;
	size_t i;

	for (i = 0; i < incidents->open_max; i++) {
		slot = &incidents->open[i];
		if (!*slot)
			return slot;
		if ((*slot)->written && !(*slot)->changed &&
		    now - (*slot)->last_ns > INCIDENT_QUIET_NS && is_quieter(slot, quietest))
			quietest = slot;
		if (for_record && !incident_has_record(*slot) && is_quieter(slot, without))
			without = slot;
	}
	slot = quietest ? quietest : without;
	if (slot)
		incident_drop(incidents, slot);
	return slot;
}

static struct incident *find(struct incidents *incidents, const struct episode_key *key)
{
	struct incident *incident;
	size_t i;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++) {
		incident = incidents->open[i];
		if (!incident || !episode_key_same_subject(&incident->key, key))
			continue;
		/* Late evidence belongs to its own episode, even if that is over. */
		if (incident->key.episode == key->episode)
			return incident;
		/* A thread has one episode at a time, so the earlier one is over. */
		if (key->episode > incident->key.episode)
			incident->over = true;
	}
	return NULL;
}

static struct incident *open_new(struct incidents *incidents, const struct episode_key *key,
				 maze_u64 boot_ns, bool for_record)
{
	maze_u64 now = now_ns(CLOCK_BOOTTIME);
	struct incident **slot = make_room(incidents, now, for_record), *incident;

	incident = slot ? calloc(1, sizeof(*incident)) : NULL;
	if (!incident) {
		incidents->lost++;
		incidents->crowded++;
		note_closed(incidents, key);
		return NULL;
	}
	*slot = incident;
	incident->key = *key;
	episode_init(&incident->episode);
	incident->episode.serial = ++incidents->serial;
	incident->episode.pid = key->pid;
	incident->episode.tid = key->tid;
	incident->episode.episode = key->episode;
	if (key->scope && !episode_group_init(&incident->episode, key, boot_ns)) {
		incidents->lost++;
		incident_drop(incidents, slot);
		return NULL;
	}
	incident->episode.first_ns = boot_ns;
	incident->opened_ns = incident->last_ns = now;
	episode_set_id(&incident->episode, incidents->uid);
	machine_info_read(&incident->episode.machine);
	machine_info_origin(&incident->episode.origin);
	return incident;
}

static struct incident *get_incident(struct incidents *incidents, const struct episode_key *key,
				     maze_u64 boot_ns, bool is_record)
{
	struct incident *incident = find(incidents, key);

	if (!incident)
		incident = open_new(incidents, key, boot_ns, is_record);
	if (!incident)
		return NULL;
	incident->changed = true;
	incident->last_ns = now_ns(CLOCK_BOOTTIME);
	incident->due_ns = 0;
	return incident;
}

/* Whether the incident is closed. Evidence from another ring may still come later. */
static bool is_late(const struct incidents *incidents, const struct episode_key *key)
{
	const struct episode_key *closed;

	for (closed = incidents->closed; closed < incidents->closed + INCIDENTS_CLOSED_MAX;
	     closed++)
		if (episode_key_equal(closed, key))
			return true;
	return false;
}

/* ---- records and evidence ---------------------------------------------------------- */

/* The other threads that run at the first verdict. */
static void begin_siblings(struct incidents *incidents, struct episode *episode)
{
	size_t open = 0, i;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		if (incidents->open[i] && incidents->open[i]->episode.siblings_open)
			open += incidents->open[i]->episode.siblings_count;
	siblings_begin(episode, open > SIBLINGS_OPEN_MAX);
}

static void begin_group(struct incidents *incidents, struct episode *episode)
{
	size_t open = 0, i;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		if (incidents->open[i] && incidents->open[i]->episode.group)
			open += incidents->open[i]->episode.group->open;
	episode_group_begin(episode, incidents->reaper, incidents->serial + 1, incidents->unwinds,
			    open >= GROUPS_OPEN_MAX);
	incidents->serial += GROUP_CONSUMERS_MAX;
}

/* Reads the process at the first evidence only, because the process may end soon. */
static void capture(struct incidents *incidents, struct incident *incident, maze_u64 boot_ns)
{
	struct episode *episode = &incident->episode;
	int err;

	if (incident->captured)
		return;
	incident->captured = true;
	if (incidents->sources.blind) {
		episode_note(episode, "The process was not read: an earlier read of a process of "
				      "this user did not return in time");
		return;
	}
	if (episode->group)
		begin_group(incidents, episode);
	/* A control group has no process of its own. */
	if (incident->key.scope == MAZE_SCOPE_CGROUP)
		return;
	err = process_info_open((pid_t)episode->pid, (pid_t)episode->tid, boot_ns, &episode->live);
	if (err == -ESRCH && episode->group)
		episode_note(episode, "The process had ended before it was read");
	else if (err == -ESRCH)
		episode_note(episode, "The process had ended before it was read; its facts were "
				      "recorded in the kernel at the verdict");
	else if (err)
		episode_note(episode, "The process could not be read in /proc");
	if (err)
		return;
	episode->has_live = true;
	/* Its threads are read as those of the other members. */
	if (episode->group)
		return;
	episode_read_progress(episode, boot_ns);
	if (episode->live.maps.cut)
		episode_note(episode, "The process has more mappings than were read");
	episode->unwind_wanted = incidents->unwinds;
	begin_siblings(incidents, episode);
	symbolize_open_exe(&incidents->sources, episode);
}

static void add_verdict(struct incidents *incidents, const struct maze_record *record,
			const char *engine, const char *rule, const struct maze_policy *policy)
{
	const struct episode_key key = episode_key_of(record);
	struct incident *incident = get_incident(incidents, &key, record->boot_ns, true);
	struct episode *episode;

	if (!incident)
		return;
	episode = &incident->episode;
	capture(incidents, incident, record->boot_ns);
	episode_read_progress(episode, record->boot_ns);
	if (!key.scope)
		python_reads_want(episode);
	episode_add_record(episode, record, engine);
	if (rule && !episode->rule)
		episode->rule = strdup(rule);
	if (policy) {
		episode->policy = *policy;
		episode->has_policy = true;
	}
	if (!key.scope)
		incident_samples_begin(incidents, incident, record);
}

static void add_exit(struct incidents *incidents, const struct maze_record *record,
		     const char *engine)
{
	const struct episode_key key = episode_key_of(record);
	struct incident *incident;
	size_t i;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++) {
		incident = incidents->open[i];
		if (!incident || incident->over || incident->episode.has_exit ||
		    !episode_key_same_subject(&incident->key, &key))
			continue;
		/*
		 * If the thread exited in a later episode, the end of this episode is
		 * unknown.
		 */
		if (incident->key.episode == key.episode) {
			episode_read_progress(&incident->episode, record->boot_ns);
			episode_add_record(&incident->episode, record, engine);
		}
		incident->episode.has_exit = true;
		incident->changed = true;
		incident->last_ns = now_ns(CLOCK_BOOTTIME);
		incident->due_ns = 0;
	}
}

void incidents_record(struct incidents *incidents, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy)
{
	size_t i;

	switch (record->event) {
	case MAZE_EVENT_SOFT:
	case MAZE_EVENT_HARD:
		add_verdict(incidents, record, engine, rule, policy);
		return;
	case MAZE_EVENT_EXIT:
		add_exit(incidents, record, engine);
		return;
	case MAZE_EVENT_LOST:
		for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
			if (incidents->open[i] && !incidents->open[i]->over)
				episode_note(&incidents->open[i]->episode,
					     "Records were lost; this incident may lack some");
		return;
	default:
		return;
	}
}

void incidents_process_info(struct incidents *incidents, const struct maze_process_info *recorded)
{
	const struct episode_key key =
		episode_key_of_thread(recorded->pid, recorded->tid, recorded->episode);
	struct incident *incident;

	if (is_late(incidents, &key))
		return;
	incident = get_incident(incidents, &key, recorded->boot_ns, false);
	if (!incident)
		return;
	episode_add_process_info(&incident->episode, recorded);
	capture(incidents, incident, recorded->boot_ns);
}

void incidents_stack(struct incidents *incidents, const struct maze_stack *stack)
{
	const struct episode_key key =
		episode_key_of_thread(stack->pid, stack->tid, stack->episode);
	struct incident *incident;

	if (is_late(incidents, &key))
		return;
	incident = get_incident(incidents, &key, stack->boot_ns, false);
	if (!incident)
		return;
	capture(incidents, incident, stack->boot_ns);
	episode_read_progress(&incident->episode, stack->boot_ns);
	python_reads_want(&incident->episode);
	episode_add_stack(&incident->episode, stack);
}

void incidents_calls(struct incidents *incidents, const struct episode_key *key, int missing,
		     const struct call_slice *slice)
{
	struct incident *incident = find(incidents, key);

	if (!incident)
		return;
	episode_add_calls(&incident->episode, missing, slice);
	if (!missing) {
		episode_read_progress(&incident->episode, slice->boot_ns + slice->wall_ns);
		episode_read_descriptors(&incident->episode, slice);
	}
	incident->changed = true;
	incident->last_ns = now_ns(CLOCK_BOOTTIME);
	incident->due_ns = 0;
}

void incidents_runs(struct incidents *incidents, const struct episode_key *key,
		    const struct maze_last_runs *runs)
{
	struct incident *incident = find(incidents, key);

	if (!incident)
		return;
	episode_add_runs(&incident->episode, runs);
	incident->changed = true;
	incident->due_ns = 0;
}

void incidents_action(struct incidents *incidents, const struct episode_key *key,
		      const struct episode_action *action)
{
	struct incident *incident = find(incidents, key);

	if (!incident)
		return;
	episode_add_action(&incident->episode, action);
	incident->changed = true;
	incident->last_ns = now_ns(CLOCK_BOOTTIME);
	incident->due_ns = 0;
}
