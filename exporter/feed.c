/* SPDX-License-Identifier: GPL-2.0-only */
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"

#define IDLE_USEC (60 * 1000000ULL)
/*
 * A user has 20 requests a second. A list counts as ten and a status as four, so the
 * status comes with each fourth list.
 */
#define LISTS_PER_STATUS 4

static void log_failure(const struct feed *feed, const char *why)
{
	/* Only changes, because a page that is open tries again each second. */
	if (!feed->has_failed)
		fprintf(stderr, "maze-exporter: %s\n", why);
}

/* The text is made once for all clients. */
static void finish(struct feed *feed)
{
	incident_index_list(feed->index);
	free(feed->text);
	feed->text = state_text(feed->state);
	feed->listing = false;
}

static void fail(struct feed *feed, const char *why)
{
	link_close(&feed->lists);
	link_close(&feed->records);
	log_failure(feed, why);
	feed->has_failed = true;
	state_set_failure(feed->state, why);
	finish(feed);
}

static void on_failure(struct link *link, const char *why)
{
	struct feed *feed = link->arg;
	bool waited = feed->listing;

	fail(feed, why);
	if (waited)
		feed->ready(feed->arg);
}

static bool is_ok(struct feed *feed, const json_t *answer)
{
	const char *why = link_refusal(answer);
	bool waited = feed->listing;

	if (!why)
		return true;
	fail(feed, why);
	if (waited)
		feed->ready(feed->arg);
	return false;
}

static void on_list_line(struct link *link, json_t *object)
{
	struct feed *feed = link->arg;
	json_t *entry = json_object_get(object, "entry"), *groups;
	size_t i;

	if (!is_ok(feed, object))
		return;
	if (json_is_object(entry))
		state_add(feed->state, entry);
	groups = json_object_get(object, "groups");
	for (i = 0; json_is_array(groups) && i < json_array_size(groups); i++)
		if (json_is_object(json_array_get(groups, i)))
			state_add(feed->state, json_array_get(groups, i));
	if (json_object_get(object, "version"))
		state_set_status(feed->state, object);
	if (!json_object_get(object, "done") || !feed->listing)
		return;
	link_answered(link);
	if (feed->has_failed)
		fprintf(stderr, "maze-exporter: mazed answers\n");
	feed->has_failed = false;
	state_end_list(feed->state);
	finish(feed);
	feed->ready(feed->arg);
}

static void on_record_line(struct link *link, json_t *object)
{
	struct feed *feed = link->arg;
	json_t *record = json_object_get(object, "record");

	if (is_ok(feed, object) && json_is_object(record))
		state_add_record(feed->state, record);
}

/* ---- requests ------------------------------------------------------------------------ */

static int on_idle(sd_event_source *source, uint64_t usec, void *arg)
{
	struct feed *feed = arg;

	(void)source;
	(void)usec;
	link_close(&feed->lists);
	link_close(&feed->records);
	return 0;
}

static int follow(struct feed *feed, struct maze_error *error)
{
	if (link_is_open(&feed->records))
		return 0;
	state_forget_records(feed->state);
	return link_send(&feed->records, "{\"do\":\"events\",\"kept\":true,\"follow\":true}\n",
			 error);
}

static int request(struct feed *feed, struct maze_error *error)
{
	int err = follow(feed, error);

	if (!err && (!link_is_open(&feed->lists) || !(feed->lists_sent++ % LISTS_PER_STATUS)))
		err = link_send(&feed->lists, "{\"do\":\"status\"}\n", error);
	if (!err)
		err = link_send(&feed->lists, "{\"do\":\"list\"}\n", error);
	return err;
}

bool feed_want(struct feed *feed)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	struct maze_error error = { "" };

	sd_event_source_set_time_relative(feed->idle, IDLE_USEC);
	sd_event_source_set_enabled(feed->idle, SD_EVENT_ONESHOT);
	if (feed->listing)
		return false;
	if (feed->tried_ns && now - feed->tried_ns < LINK_FRESH_NS)
		return true;
	feed->tried_ns = now;
	state_begin_list(feed->state);
	if (request(feed, &error)) {
		fail(feed, error.text);
		return true;
	}
	feed->listing = true;
	link_expect(&feed->lists);
	return false;
}

const char *feed_text(const struct feed *feed)
{
	return feed->text;
}

static int init_link(struct feed *feed, struct link *link, sd_event *event, const char *socket)
{
	link->event = event;
	link->path = socket;
	link->on_failure = on_failure;
	link->arg = feed;
	return link_init(link);
}

int feed_init(struct feed *feed, sd_event *event, const char *socket)
{
	int err;

	feed->lists.on_line = on_list_line;
	feed->records.on_line = on_record_line;
	err = init_link(feed, &feed->lists, event, socket);
	if (!err)
		err = init_link(feed, &feed->records, event, socket);
	if (!err)
		err = sd_event_add_time_relative(event, &feed->idle, CLOCK_MONOTONIC, 0, 0, on_idle,
						 feed);
	if (err >= 0)
		err = sd_event_source_set_enabled(feed->idle, SD_EVENT_OFF);
	return err < 0 ? err : 0;
}

void feed_done(struct feed *feed)
{
	link_done(&feed->lists);
	link_done(&feed->records);
	sd_event_source_disable_unref(feed->idle);
	free(feed->text);
}
