/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is due of the open incidents: names for their frames, files, and their end; see
 * incident.h. An incident is written as soon as its first stack has names, so that there is
 * something if we are killed; and again when what came after is settled and it is quiet.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/clock.h"
#include "incident_table.h"

/* One call's time: a caller has records to read and processes to look after. */
#define SLICE_NS (4 * MAZE_NSEC_PER_MSEC)
/* Looks at a helper that is at work. */
#define BUSY_MS 5
/* Without a stack by then, there is none to come. */
#define FIRST_STACK_NS MAZE_NSEC_PER_SEC
/* Stacks that come on and on are written at this pace. */
#define AGAIN_NS (2 * MAZE_NSEC_PER_SEC)
/* After the thread's end: what is on its way in another ring. */
#define EXIT_GRACE_NS (200 * MAZE_NSEC_PER_MSEC)
/* A hard verdict is waited for; but the thread may have slept, and nobody says so. */
#define WAIT_MAX_NS (600 * MAZE_NSEC_PER_SEC)
/* Each event holds 132 KiB of locked memory. */
#define UNWINDS_MAX 8
/* Files grow old without being written. */
#define PRUNE_NS (3600 * MAZE_NSEC_PER_SEC)
/* The directory is read whole for it: not for each of a hundred files. */
#define PRUNE_SOON_NS MAZE_NSEC_PER_SEC
#define CLOSE_NS (2 * MAZE_NSEC_PER_SEC)

static void __attribute__((format(printf, 3, 4)))
add_message(struct incident_messages *messages, bool trouble, const char *format, ...)
{
	va_list arguments;

	if (!messages || messages->count == INCIDENT_MESSAGES_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(messages->message[messages->count].text, sizeof(messages->message[0].text),
		  format, arguments);
	va_end(arguments);
	messages->message[messages->count++].trouble = trouble;
}

/* ---- files -------------------------------------------------------------------------------- */

static void say_failure(struct incidents *incidents, const struct maze_error *error,
			struct incident_messages *messages)
{
	if (incidents->failing)
		return;
	incidents->failing = true;
	incidents->lost_then = incidents->lost;
	add_message(messages, true, "%.400s; incidents are lost until it can, and counted",
		    error->text);
}

static void say_recovery(struct incidents *incidents, struct incident_messages *messages)
{
	if (!incidents->failing)
		return;
	incidents->failing = false;
	add_message(messages, false, "incidents are written again; %llu were lost",
		    incidents->lost - incidents->lost_then);
}

static void write_out(struct incidents *incidents, struct incident *incident,
		      struct incident_messages *messages)
{
	struct episode *episode = &incident->episode;
	bool again = incident->written;
	struct maze_error error = { "" };
	char *text = episode_json(episode, incidents->redactor);
	int err;

	if (!text)
		snprintf(error.text, sizeof(error.text), "incident %s cannot be written: %s",
			 episode->id, strerror(ENOMEM));
	err = text ? incident_store_write(incidents->store, episode->id, sizeof(episode->id),
					  again || incidents->replace, text, &error)
		   : -ENOMEM;
	free(text);
	incident->changed = false;
	incident->written_ns = now_ns(CLOCK_BOOTTIME);
	if (err < 0) {
		incident->failed = true;
		say_failure(incidents, &error, messages);
		return;
	}
	incident->written = true;
	incident->failed = false;
	snprintf(incidents->last_id, sizeof(incidents->last_id), "%s", episode->id);
	say_recovery(incidents, messages);
	/* Written again, it may be one that was removed meanwhile. */
	incidents->prune = true;
	if (!again) {
		add_message(messages, false, "incident %s", episode->id);
	}
	/* Under an id that it did not know yet. */
	if (err > 0)
		write_out(incidents, incident, messages);
}

/* ---- when ------------------------------------------------------------------------------------ */

static bool awaits_hard(const struct episode *episode)
{
	return episode->has_policy && episode->policy.hard_ns && !episode->has_hard;
}

/* Gone, and what is on its way has come: its hard verdict, for one, which ended it. */
static bool is_gone(struct incident *incident, maze_u64 now)
{
	if (!incident->episode.has_live)
		return true;
	if (process_info_is_live(&incident->episode.live))
		return false;
	if (!incident->gone_ns)
		incident->gone_ns = now;
	return now - incident->gone_ns > EXIT_GRACE_NS;
}

/* Nothing more comes, or what comes would be another incident. */
static bool is_over(struct incident *incident, maze_u64 now)
{
	const struct episode *episode = &incident->episode;
	maze_u64 quiet_ns = now - incident->last_ns;

	/* Records may be read long after the stacks of the same episodes. */
	if ((incident->over || episode->has_exit) && incident_has_record(incident))
		return quiet_ns > EXIT_GRACE_NS;
	if (quiet_ns <= INCIDENT_QUIET_NS)
		return false;
	/* Its exit is no record: a quiet policy, or another engine. */
	if (is_gone(incident, now))
		return true;
	return !awaits_hard(episode) || quiet_ns > WAIT_MAX_NS;
}

/* For the first time: something to show. */
static bool is_due_first(const struct incident *incident, bool symbolized, maze_u64 now)
{
	if (symbolize_has_stack(&incident->episode, 0))
		return true;
	return symbolized && !incident->episode.stacks_count &&
	       now - incident->opened_ns > FIRST_STACK_NS;
}

static bool is_due(const struct incident *incident, bool symbolized, bool over, maze_u64 now)
{
	/* Without a record it is no incident: no reader takes it. */
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

/* One incident's turn; milliseconds until it wants another, -1: when something comes. */
static int work_on(struct incidents *incidents, struct incident **place,
		   struct incident_messages *messages)
{
	struct incident *incident = *place;
	struct episode *episode = &incident->episode;
	maze_u64 now = now_ns(CLOCK_BOOTTIME);
	bool wanted = episode->unwind_wanted, symbolized, over, was_open = episode->asked;

	/* Later, when fewer are under way. */
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
	over = is_over(incident, now);
	if (over && symbolized && symbolize_again(episode)) {
		incident->changed = true;
		return BUSY_MS;
	}
	if (is_due(incident, symbolized, over, now))
		write_out(incidents, incident, messages);
	if (over && symbolized && (!incident->changed || !incident_has_record(incident))) {
		incidents->lost += !incident->written;
		incident_drop(incidents, place);
		return -1;
	}
	if (!symbolized)
		return BUSY_MS;
	if (incident->changed || over)
		return 100;
	return 1000;
}

/* If it is due; milliseconds until it is again, -1: when something comes. */
static int give_turn(struct incidents *incidents, struct incident **place,
		     struct incident_messages *messages)
{
	maze_u64 now = now_ns(CLOCK_BOOTTIME);
	int again;

	if (now < (*place)->due_ns)
		return 1 + (int)(((*place)->due_ns - now) / MAZE_NSEC_PER_MSEC);
	again = work_on(incidents, place, messages);
	if (*place)
		(*place)->due_ns = now + (maze_u64)again * MAZE_NSEC_PER_MSEC;
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

static void say_crowd(struct incidents *incidents, struct incident_messages *messages)
{
	if (!incidents->crowded || incidents->crowd_reported)
		return;
	incidents->crowd_reported = true;
	add_message(
		messages, true,
		"more than %zu incidents of user id %u are open at once; the others are lost, and "
		"counted",
		incidents->open_max, incidents->uid);
}

static void say_helper(struct incidents *incidents, struct incident_messages *messages)
{
	int err = resolver_trouble(incidents->sources.resolver);

	if (err && !incidents->helper_reported)
		add_message(
			messages, true,
			"no process can be started that finds names for stacks: %s; incidents have "
			"addresses only",
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
		say_failure(incidents, &error, messages);
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
		/* What is to be said has room for few. */
		if (now_ns(CLOCK_MONOTONIC) > until ||
		    (ret && ret->count >= INCIDENT_MESSAGES_MAX - 4)) {
			again = 0;
			break;
		}
	}
	/* What was asked for in this round. */
	if (resolver_run(incidents->sources.resolver))
		again = sooner(again, BUSY_MS);
	say_crowd(incidents, ret);
	say_helper(incidents, ret);
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
		incidents->open[i]->over = true;
		incidents->open[i]->last_ns = incidents->open[i]->due_ns = 0;
	}
	while (!may_end(incidents) && now_ns(CLOCK_MONOTONIC) < until) {
		incidents_work(incidents, &messages);
		for (i = 0; ret && i < messages.count; i++)
			add_message(ret, messages.message[i].trouble, "%s",
				    messages.message[i].text);
		nanosleep(&pause, NULL);
	}
	/* With the names that are there by now. */
	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		if (incidents->open[i] && incident_has_record(incidents->open[i]) &&
		    (incidents->open[i]->changed || !incidents->open[i]->written))
			write_out(incidents, incidents->open[i], ret);
	incident_store_prune(incidents->store);
	incidents_free(incidents);
}
