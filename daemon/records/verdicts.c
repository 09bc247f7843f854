/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's records, one after the other; see verdicts.h.
 */
#include "verdicts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "../log/limited_log.h"
#include "cursor_file.h"
#include "../rules/tag.h"

/* Dealt with before anything else has its turn. */
#define BATCH_MAX 256

struct verdicts {
	struct maze *maze;
	struct log *log;
	struct limited_log *limited;
	const struct rules *rules;
	struct verdicts_hearer hearer;
	struct maze_reader *reader;
	sd_event_source *source;
	sd_event_source *more; /* the bell does not ring for what was there before */
	bool catching_up;      /* on what was written while no mazed ran */
	maze_u64 caught, missed;
	int cursor_fd;
	bool cursor_lost; /* said already that it cannot be kept */
};

/*
 * A verdict is said whoever asked for the watch, since it is about this machine. A
 * watch's beginning and end only if they are mazed's: others see to their own.
 */
static bool is_said(const struct maze_record *record)
{
	switch (record->event) {
	case MAZE_EVENT_SOFT:
	case MAZE_EVENT_HARD:
	case MAZE_EVENT_LOST:
		return true;
	default:
		return tag_kind(record->tag) != TAG_NONE;
	}
}

static void deal_with(struct verdicts *verdicts, const struct maze_record *record)
{
	const struct rule *rule = NULL;
	struct log_entry entry = {
		.record = record,
		.engine = maze_engine_name(verdicts->maze),
	};
	bool said = false;

	if (tag_kind(record->tag) == TAG_RULE)
		rule = rules_by_tag(verdicts->rules, record->tag);
	entry.rule = rule ? rule->name : NULL;
	if (is_said(record))
		said = limited_log_record(verdicts->limited, &entry, rule ? &rule->settings : NULL);
	verdicts->hearer.hear(verdicts->hearer.arg, record, rule, said);
}

static void keep_place(struct verdicts *verdicts)
{
	struct maze_cursor cursor;
	int err;

	maze_reader_cursor(verdicts->reader, &cursor);
	err = cursor_file_save(verdicts->cursor_fd, &cursor);
	if (err && !verdicts->cursor_lost)
		log_printf(
			verdicts->log, LOG_WARNING,
			"it cannot be kept which records were dealt with: %s; if mazed is killed "
			"now, the next one says some of them again",
			strerror(-err));
	verdicts->cursor_lost = err;
}

static void say_caught_up(struct verdicts *verdicts)
{
	verdicts->catching_up = false;
	if (verdicts->caught)
		log_printf(
			verdicts->log, LOG_NOTICE,
			"while no mazed ran, %llu records were written, and %llu of them are lost",
			verdicts->caught + verdicts->missed, verdicts->missed);
}

/* True: there may be more. */
static bool take_batch(struct verdicts *verdicts)
{
	struct maze_record record;
	int i;

	for (i = 0; i < BATCH_MAX; i++) {
		if (maze_reader_next(verdicts->reader, &record) != 1)
			break;
		if (verdicts->catching_up && record.event == MAZE_EVENT_LOST && !record.seq)
			verdicts->missed += record.lost;
		else if (verdicts->catching_up)
			verdicts->caught++;
		deal_with(verdicts, &record);
	}
	if (i)
		keep_place(verdicts);
	if (i < BATCH_MAX && verdicts->catching_up)
		say_caught_up(verdicts);
	return i == BATCH_MAX;
}

static int take_records(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	/* The bell rings on until there is no more. */
	take_batch(arg);
	return 0;
}

static int take_more(sd_event_source *source, void *arg)
{
	if (take_batch(arg))
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

/* No mazed was here before: what was written until now was written for others. */
static int skip_to_newest(struct verdicts *verdicts, struct maze_error *error)
{
	struct maze_record record;
	int err = maze_reader_open(verdicts->maze, true, &verdicts->reader, error);

	if (err)
		return err;
	while (maze_reader_next(verdicts->reader, &record) == 1)
		;
	keep_place(verdicts);
	return 0;
}

static int open_reader(struct verdicts *verdicts, struct maze_error *error)
{
	struct maze_cursor cursor = { 0 };
	int err;

	if (!cursor_file_load(verdicts->cursor_fd, &cursor))
		return skip_to_newest(verdicts, error);
	err = maze_reader_resume(verdicts->maze, &cursor, &verdicts->reader, error);
	verdicts->catching_up = err == 0;
	return err < 0 ? err : 0;
}

int verdicts_open(sd_event *event, struct maze *maze, struct log *log, const struct rules *rules,
		  int dir_fd, const struct verdicts_hearer *hearer, struct maze_error *error,
		  struct verdicts **ret_verdicts)
{
	struct verdicts *verdicts = calloc(1, sizeof(*verdicts));
	int err;

	if (!verdicts) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return -ENOMEM;
	}
	verdicts->maze = maze;
	verdicts->log = log;
	verdicts->rules = rules;
	verdicts->hearer = *hearer;
	verdicts->cursor_fd = -1;
	err = limited_log_open(event, log, &verdicts->limited);
	if (err < 0) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		goto out_close;
	}
	verdicts->cursor_fd = cursor_file_open(dir_fd);
	if (verdicts->cursor_fd < 0) {
		err = verdicts->cursor_fd;
		snprintf(error->text, sizeof(error->text),
			 "the file \"place\" in the runtime directory cannot be opened: %s",
			 strerror(-err));
		goto out_close;
	}
	err = open_reader(verdicts, error);
	if (err)
		goto out_close;
	err = sd_event_add_io(event, &verdicts->source, maze_reader_fd(verdicts->reader), EPOLLIN,
			      take_records, verdicts);
	if (err >= 0)
		err = sd_event_add_defer(event, &verdicts->more, take_more, verdicts);
	if (err < 0) {
		snprintf(error->text, sizeof(error->text), "no place in the event loop: %s",
			 strerror(-err));
		goto out_close;
	}
	sd_event_source_set_priority(verdicts->source, SD_EVENT_PRIORITY_IMPORTANT);
	sd_event_source_set_priority(verdicts->more, SD_EVENT_PRIORITY_IMPORTANT);
	*ret_verdicts = verdicts;
	return 0;
out_close:
	verdicts_close(verdicts);
	return err;
}

void verdicts_use(struct verdicts *verdicts, const struct rules *rules)
{
	verdicts->rules = rules;
}

void verdicts_close(struct verdicts *verdicts)
{
	if (!verdicts)
		return;
	sd_event_source_disable_unref(verdicts->source);
	sd_event_source_disable_unref(verdicts->more);
	maze_reader_close(verdicts->reader);
	limited_log_close(verdicts->limited);
	if (verdicts->cursor_fd >= 0)
		close(verdicts->cursor_fd);
	free(verdicts);
}
