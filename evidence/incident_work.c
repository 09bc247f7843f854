/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Symbolizes, writes and closes incidents. An incident is written as soon as its first
 * stack has names, because this process may be killed. It is written again when it has
 * more stacks.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/clock.h"
#include "episode/episode_group.h"
#include "episode/siblings.h"
#include "incident_samples.h"

/* The longest time of one incidents_work(), because the caller has other work. */
#define SLICE_NS (4 * MAZE_NSEC_PER_MSEC)
/* The time between two reads of the helper's answers while the helper works. */
#define BUSY_MS 5
/* After this time without a stack, an incident is written without stacks. */
#define FIRST_STACK_NS MAZE_NSEC_PER_SEC
/* The time between two writes of an incident that still gets stacks. */
#define AGAIN_NS (2 * MAZE_NSEC_PER_SEC)
/* How long evidence may still come from another ring after the thread's exit. */
#define EXIT_GRACE_NS (200 * MAZE_NSEC_PER_MSEC)
/*
 * The longest wait for a hard verdict. It is limited because a sleep ends the episode
 * without a record.
 */
#define WAIT_MAX_NS (600 * MAZE_NSEC_PER_SEC)
/* The longest wait for the result of an action. A restart has ten minutes. */
#define ACTION_MAX_NS (660 * MAZE_NSEC_PER_SEC)
/* The maximum of concurrent unwinds. Each has an event with 132 KiB of locked memory. */
#define UNWINDS_MAX 8
/* Files become too old even if no new file is written, so prune hourly. */
#define PRUNE_NS (3600 * MAZE_NSEC_PER_SEC)
/* A prune reads the whole directory, so there is at most one in this time. */
#define PRUNE_SOON_NS MAZE_NSEC_PER_SEC
#define CLOSE_NS (2 * MAZE_NSEC_PER_SEC)

void incident_messages_add(struct incident_messages *messages, unsigned int uid, bool trouble,
			   const char *format, ...)
{
	va_list arguments;

	if (!messages || messages->count == INCIDENT_MESSAGES_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(messages->message[messages->count].text, sizeof(messages->message[0].text),
		  format, arguments);
	va_end(arguments);
	messages->message[messages->count].trouble = trouble;
	messages->message[messages->count].written.id[0] = '\0';
	messages->message[messages->count].written.again = false;
	messages->message[messages->count++].uid = uid;
}

void incident_messages_copy(struct incident_messages *messages, unsigned int uid,
			    const struct incident_message *message)
{
	struct incident_message *copy;

	if (!messages || messages->count == INCIDENT_MESSAGES_MAX)
		return;
	copy = &messages->message[messages->count++];
	*copy = *message;
	copy->uid = uid;
	copy->text[sizeof(copy->text) - 1] = '\0';
	copy->written.id[sizeof(copy->written.id) - 1] = '\0';
	copy->written.signature[sizeof(copy->written.signature) - 1] = '\0';
	copy->written.rule[sizeof(copy->written.rule) - 1] = '\0';
}

/* ---- files ------------------------------------------------------------------------- */

static void report_failure(struct incidents *incidents, const struct maze_error *error,
			   struct incident_messages *messages)
{
	if (incidents->failing)
		return;
	incidents->failing = true;
	incidents->lost_then = incidents->lost;
	incident_messages_add(messages, incidents->uid, true,
			      "%.400s; until this is solved, incidents are lost and counted",
			      error->text);
}

static void report_recovery(struct incidents *incidents, struct incident_messages *messages)
{
	if (!incidents->failing)
		return;
	incidents->failing = false;
	incident_messages_add(messages, incidents->uid, false,
			      "incidents are written again; %llu were lost",
			      incidents->lost - incidents->lost_then);
}

static void report_file(struct incidents *incidents, struct incident *incident, bool again,
			const char *signature, struct incident_messages *messages)
{
	const struct episode *episode = &incident->episode;
	struct incident_message message = { .written = { .key = incident->key, .again = again } };
	char command[480];

	if (again)
		snprintf(message.text, sizeof(message.text), "signature of incident %s: %.380s",
			 episode->id, signature);
	else
		snprintf(message.text, sizeof(message.text), "incident %s: %s", episode->id,
			 incident_store_command(incidents->store, episode->id, command,
						sizeof(command)));
	memcpy(incident->signature, signature, SIGNATURE_LEN);
	memcpy(message.written.id, episode->id, sizeof(episode->id));
	memcpy(message.written.signature, signature, SIGNATURE_LEN);
	incident_messages_copy(messages, incidents->uid, &message);
}

/* `last`: all names and callers are known that ever will be. */
static void write_out(struct incidents *incidents, struct incident *incident, bool last,
		      struct incident_messages *messages)
{
	struct episode *episode = &incident->episode;
	bool again = incident->written;
	struct maze_error error = { "" };
	char signature[SIGNATURE_LEN];
	char *text = episode_json(episode, incidents->redactor, signature);
	int err;

	if (!text)
		snprintf(error.text, sizeof(error.text), "cannot write incident %s: %s",
			 episode->id, strerror(ENOMEM));
	err = text ? incident_store_write(incidents->store, episode->id, sizeof(episode->id),
					  again || incidents->replace, text, &error)
		   : -ENOMEM;
	free(text);
	incident->changed = episode->progress.unsaved = false;
	incident->written_ns = now_ns(CLOCK_BOOTTIME);
	if (err < 0) {
		incident->failed = true;
		report_failure(incidents, &error, messages);
		return;
	}
	incident->written = true;
	incident->failed = false;
	report_recovery(incidents, messages);
	/* A rewrite also adds a file if the first one was removed in between. */
	incidents->prune = true;
	if (!again && incidents->on_written)
		incidents->on_written(incidents->listener, &incident->key);
	if (!again || (last && strcmp(signature, incident->signature)))
		report_file(incidents, incident, again, signature, messages);
	/* The store changed the id, but the text has the old one. So write it again. */
	if (err > 0)
		write_out(incidents, incident, last, messages);
}

/* ---- when -------------------------------------------------------------------------- */

static bool awaits_hard(const struct episode *episode)
{
	return episode->has_policy && episode->policy.hard_ns && !episode->has_hard;
}

/*
 * Whether the process ended at least EXIT_GRACE_NS ago, or could not be read. Late
 * evidence, such as a hard verdict, is then no longer expected.
 */
static bool is_gone(struct incident *incident, maze_u64 now)
{
	/* A group can outlive the process, and its end is always recorded. */
	if (incident->episode.group)
		return false;
	if (!incident->episode.has_live)
		return true;
	if (process_info_is_live(&incident->episode.live))
		return false;
	if (!incident->gone_ns)
		incident->gone_ns = now;
	return now - incident->gone_ns > EXIT_GRACE_NS;
}

/* Whether no more evidence of this incident is expected. */
static bool is_over(struct incident *incident, maze_u64 now)
{
	const struct episode *episode = &incident->episode;
	maze_u64 quiet_ns = now - incident->last_ns;

	/* An incident without a record waits longer, because the record may be late. */
	if ((incident->over || episode->has_exit) && incident_has_record(incident))
		return quiet_ns > EXIT_GRACE_NS;
	if (quiet_ns <= INCIDENT_QUIET_NS)
		return false;
	/* A quiet policy or another engine may record no exit. */
	if (is_gone(incident, now))
		return true;
	return !awaits_hard(episode) || quiet_ns > WAIT_MAX_NS;
}

static bool awaits_action(const struct incident *incident, maze_u64 now)
{
	return episode_awaits_action(&incident->episode) &&
	       now - incident->last_ns <= ACTION_MAX_NS;
}

static bool is_due_first(const struct incident *incident, bool symbolized, maze_u64 now)
{
	if (symbolize_has_stack(&incident->episode, 0))
		return true;
	return symbolized && !incident->episode.stacks_count &&
	       now - incident->opened_ns > FIRST_STACK_NS;
}

static bool is_due(const struct incident *incident, bool symbolized, bool over, maze_u64 now)
{
	if (!incident_has_record(incident))
		return false;
	if (!incident->changed)
		return incident->failed && over;
	if (over)
		return symbolized;
	if (incident->failed)
		return false;
	if (!incident->written)
		return is_due_first(incident, symbolized, now);
	return symbolized && now - incident->written_ns > AGAIN_NS;
}

static bool may_unwind(struct incidents *incidents, struct episode *episode)
{
	return episode->asked || episode->snapshot || episode->unwind_running ||
	       incidents->unwinds_open < UNWINDS_MAX;
}

static bool symbolize(struct incidents *incidents, struct incident *incident,
		      struct episode *episode)
{
	bool wanted = episode->unwind_wanted, was_open = episode->asked, symbolized;

	/* Too many unwinds are in progress, so try again in a later step. */
	if (wanted && !may_unwind(incidents, episode))
		episode->unwind_wanted = false;
	symbolized = symbolize_step(&incidents->sources, episode);
	if (wanted && !episode->unwind_wanted && !episode->unwind_done) {
		episode->unwind_wanted = true;
		symbolized = false;
	}
	incidents->unwinds_open += (size_t)(episode->asked != NULL) - (size_t)was_open;
	if (wanted && !episode->unwind_wanted)
		incident->changed = true;
	return symbolized;
}

static bool symbolize_parts_again(struct incident *incident)
{
	struct episode *part;
	bool again = false;
	size_t i;

	for (i = 0; (part = incident_part(incident, i)); i++)
		again |= symbolize_again(part);
	incident->changed |= again;
	return again;
}

/* Works on one incident. Returns the ms until its next step, or -1 if it was closed. */
static int work_on(struct incidents *incidents, struct incident **slot,
		   struct incident_messages *messages)
{
	struct incident *incident = *slot;
	struct episode *episode = &incident->episode;
	maze_u64 now = now_ns(CLOCK_BOOTTIME);
	bool symbolized = true, over = is_over(incident, now), reads = false;
	bool siblings = episode->siblings_open, group = episode->group && episode->group->open;
	struct episode *part;
	size_t i;

	incident->changed |= siblings | group;
	siblings = siblings_step(episode);
	if (over)
		episode_group_end(episode);
	group = episode_group_step(episode);
	for (i = 0; (part = incident_part(incident, i)); i++) {
		/* First, because a read belongs to the sample that has just come. */
		reads |= python_reads_step(&incidents->sources, part);
		symbolized &= symbolize(incidents, incident, part);
	}
	incident->changed |= reads;
	/* A group is written when its consumers have stacks. */
	symbolized &= !group;
	if (!incident->over)
		episode_read_progress(episode, 0);
	if (over)
		incident->changed |= episode_end_progress(episode);
	if (over && siblings)
		siblings_end(episode);
	if (over && symbolized && symbolize_parts_again(incident))
		return BUSY_MS;
	if (is_due(incident, symbolized, over, now))
		write_out(incidents, incident, over, messages);
	if (over && symbolized && !incident->changed && awaits_action(incident, now))
		return 1000;
	if (over && symbolized && (!incident->changed || !incident_has_record(incident))) {
		incidents->lost += !incident->written;
		incident_drop(incidents, slot);
		return -1;
	}
	if (!symbolized || reads || siblings)
		return BUSY_MS;
	if (incident->changed || over)
		return 100;
	return 1000;
}

/* Calls work_on() if the next step of the incident is due. */
static int give_turn(struct incidents *incidents, struct incident **slot,
		     struct incident_messages *messages)
{
	maze_u64 now;
	int again;

	incident_samples_step(incidents, *slot);
	now = now_ns(CLOCK_BOOTTIME);
	if (now < (*slot)->due_ns)
		return 1 + (int)(((*slot)->due_ns - now) / MAZE_NSEC_PER_MSEC);
	again = work_on(incidents, slot, messages);
	if (*slot)
		(*slot)->due_ns = now + (maze_u64)again * MAZE_NSEC_PER_MSEC;
	return again;
}

static bool may_end(const struct incidents *incidents)
{
	size_t i;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		if (incidents->open[i])
			return false;
	return true;
}

static void report_crowd(struct incidents *incidents, struct incident_messages *messages)
{
	if (!incidents->crowded || incidents->crowd_reported)
		return;
	incidents->crowd_reported = true;
	incident_messages_add(
		messages, incidents->uid, true,
		"more than %zu incidents of user id %u are open at the same time; the others are "
		"lost and counted",
		incidents->open_max, incidents->uid);
}

static void report_helper(struct incidents *incidents, struct incident_messages *messages)
{
	int err = resolver_trouble(incidents->sources.resolver);

	if (err && !incidents->helper_reported)
		incident_messages_add(
			messages, incidents->uid, true,
			"cannot start the symbolizer process: %s; incidents have addresses only",
			strerror(-err));
	incidents->helper_reported = err != 0;
}

static int prune(struct incidents *incidents, maze_u64 now)
{
	maze_u64 since_ns = now - incidents->pruned_ns;

	if (since_ns < (incidents->prune ? PRUNE_SOON_NS : PRUNE_NS))
		return incidents->prune ? (int)(PRUNE_SOON_NS / MAZE_NSEC_PER_MSEC) : -1;
	incidents->prune = incident_store_prune(incidents->store);
	incidents->pruned_ns = now;
	return incidents->prune ? 0 : -1;
}

static void try_directory(struct incidents *incidents, struct incident_messages *messages)
{
	struct maze_error error = { "" };

	if (!incidents->is_new)
		return;
	incidents->is_new = false;
	incidents->prune = true;
	if (incident_store_open(incidents->store, &error))
		report_failure(incidents, &error, messages);
}

int incidents_work(struct incidents *incidents, struct incident_messages *ret)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + SLICE_NS;
	int again = -1;
	size_t turns;

	if (ret)
		ret->count = 0;
	try_directory(incidents, ret);
	if (resolver_run(incidents->sources.resolver))
		again = BUSY_MS;
	for (turns = 0; turns < INCIDENTS_OPEN_MAX; turns++) {
		if (incidents->open[incidents->next])
			again = sooner(again, give_turn(incidents,
							&incidents->open[incidents->next], ret));
		incidents->next = (incidents->next + 1) % INCIDENTS_OPEN_MAX;
		if (now_ns(CLOCK_MONOTONIC) > until ||
		    (ret && ret->count >= INCIDENT_MESSAGES_MAX - 4)) {
			again = 0;
			break;
		}
	}
	/* Send the queries that this round has collected. */
	if (resolver_run(incidents->sources.resolver))
		again = sooner(again, BUSY_MS);
	report_crowd(incidents, ret);
	report_helper(incidents, ret);
	return sooner(again, prune(incidents, now_ns(CLOCK_BOOTTIME)));
}

void incidents_close(struct incidents *incidents, struct incident_messages *ret)
{
	const struct timespec pause = { .tv_nsec = BUSY_MS * (long)MAZE_NSEC_PER_MSEC };
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + CLOSE_NS;
	struct incident_messages messages;
	size_t i;

	if (ret)
		ret->count = 0;
	if (!incidents)
		return;
	for (i = 0; i < INCIDENTS_OPEN_MAX; i++) {
		if (!incidents->open[i])
			continue;
		if (!incidents->open[i]->over)
			episode_read_progress(&incidents->open[i]->episode, 0);
		incident_samples_step(incidents, incidents->open[i]);
		incidents->open[i]->over = true;
		incidents->open[i]->last_ns = incidents->open[i]->due_ns = 0;
	}
	while (!may_end(incidents) && now_ns(CLOCK_MONOTONIC) < until) {
		incidents_work(incidents, &messages);
		for (i = 0; ret && i < messages.count; i++)
			incident_messages_copy(ret, incidents->uid, &messages.message[i]);
		nanosleep(&pause, NULL);
	}
	/* Write the open incidents with the names that were found so far. */
	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		if (incidents->open[i] && incident_has_record(incidents->open[i]) &&
		    (incidents->open[i]->changed || !incidents->open[i]->written))
			write_out(incidents, incidents->open[i], true, ret);
	incident_store_prune(incidents->store);
	incidents_free(incidents);
}
