/* SPDX-License-Identifier: GPL-2.0-only */
#include "dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../rules/tag.h"
#include "cursor_file.h"

/* One call of read_batch() handles at most this many records. */
#define BATCH_MAX 256

struct dispatch {
	struct maze *maze;
	struct log *log;
	const struct rules *rules;
	const struct record_consumer *consumers;
	struct maze_reader *reader;
	sd_event_source *source;
	sd_event_source *backlog; /* reads older records, which the descriptor does not report */
	bool catching_up;	  /* the records were written before this mazed started */
	maze_u64 caught, missed;
	int cursor_fd;
	bool cursor_failed; /* the last save failed, which was reported */
};

/*
 * Finds the path of a control group. A record has only the ID, and mazed has no right to
 * open the group by it. Verdicts of control groups are rare. Returns NULL if the group is
 * no longer watched, or if the path is too long.
 */
static const char *find_cgroup(struct dispatch *dispatch, const struct maze_record *record,
			       char path[MAZE_GROUP_NAME_LEN])
{
	struct maze_group *groups = NULL;
	const char *found = NULL;
	size_t count = 0, i;

	if (maze_record_scope(record) != MAZE_SCOPE_CGROUP ||
	    maze_list_groups(dispatch->maze, &groups, &count, NULL))
		return NULL;
	for (i = 0; i < count && !found; i++)
		if (groups[i].cgroup_id == record->cgroup_id && groups[i].name[0] == '/')
			found = memcpy(path, groups[i].name, MAZE_GROUP_NAME_LEN);
	free(groups);
	return found;
}

static void pass_on(struct dispatch *dispatch, const struct maze_record *record)
{
	const struct record_consumer *consumer;
	char cgroup[MAZE_GROUP_NAME_LEN];
	struct mazed_record it = {
		.entry = { .record = record, .engine = maze_engine_name(dispatch->maze) },
	};

	if (tag_kind(record->tag) == TAG_RULE)
		it.rule = rules_by_tag(dispatch->rules, record->tag);
	it.entry.rule = it.rule ? it.rule->name : NULL;
	it.entry.cgroup = find_cgroup(dispatch, record, cgroup);
	it.entry.unit = units_find(log_units(dispatch->log), record, it.entry.cgroup);
	for (consumer = dispatch->consumers; consumer->on_record; consumer++)
		consumer->on_record(consumer->arg, &it);
}

static void save_cursor(struct dispatch *dispatch)
{
	struct maze_cursor cursor;
	int err;

	maze_reader_cursor(dispatch->reader, &cursor);
	err = cursor_file_save(dispatch->cursor_fd, &cursor);
	if (err && !dispatch->cursor_failed)
		log_printf(dispatch->log, LOG_WARNING,
			   "cannot save the position in the records: %s; if mazed is killed, the "
			   "next one handles some of them again",
			   strerror(-err));
	dispatch->cursor_failed = err;
}

static void report_caught_up(struct dispatch *dispatch)
{
	maze_u64 count = dispatch->caught + dispatch->missed;

	dispatch->catching_up = false;
	if (dispatch->caught)
		log_printf(dispatch->log, LOG_NOTICE,
			   "%llu record%s written while no mazed ran, %llu of them lost", count,
			   count == 1 ? "" : "s", dispatch->missed);
}

/* Returns true if more records may be left. */
static bool read_batch(struct dispatch *dispatch)
{
	struct maze_record record;
	int i;

	for (i = 0; i < BATCH_MAX; i++) {
		if (maze_reader_next(dispatch->reader, &record) != 1)
			break;
		if (dispatch->catching_up && record.event == MAZE_EVENT_LOST && !record.seq)
			dispatch->missed += record.lost;
		else if (dispatch->catching_up)
			dispatch->caught++;
		pass_on(dispatch, &record);
	}
	if (i)
		save_cursor(dispatch);
	if (i < BATCH_MAX && dispatch->catching_up)
		report_caught_up(dispatch);
	return i == BATCH_MAX;
}

static int on_records(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	/* If records are left, the descriptor stays readable, so this is called again. */
	read_batch(arg);
	return 0;
}

static int on_backlog(sd_event_source *source, void *arg)
{
	if (read_batch(arg))
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

/* If there is no cursor, no mazed ran before, so older records are skipped. */
static int skip_to_newest(struct dispatch *dispatch, struct maze_error *error)
{
	struct maze_record record;
	int err = maze_reader_open(dispatch->maze, true, &dispatch->reader, error);

	if (err)
		return err;
	while (maze_reader_next(dispatch->reader, &record) == 1)
		;
	save_cursor(dispatch);
	return 0;
}

static int open_reader(struct dispatch *dispatch, struct maze_error *error)
{
	struct maze_cursor cursor = { 0 };
	int err;

	if (!cursor_file_load(dispatch->cursor_fd, &cursor))
		return skip_to_newest(dispatch, error);
	err = maze_reader_resume(dispatch->maze, &cursor, &dispatch->reader, error);
	dispatch->catching_up = err == 0;
	return err < 0 ? err : 0;
}

static int add_sources(sd_event *event, struct dispatch *dispatch, struct maze_error *error)
{
	int err = sd_event_add_io(event, &dispatch->source, maze_reader_fd(dispatch->reader),
				  EPOLLIN, on_records, dispatch);

	if (err >= 0)
		err = sd_event_add_defer(event, &dispatch->backlog, on_backlog, dispatch);
	if (err < 0)
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	sd_event_source_set_priority(dispatch->source, SD_EVENT_PRIORITY_IMPORTANT);
	sd_event_source_set_priority(dispatch->backlog, SD_EVENT_PRIORITY_IMPORTANT);
	return 0;
}

int dispatch_open(sd_event *event, struct maze *maze, struct log *log, const struct rules *rules,
		  int dir_fd, const struct record_consumer *consumers, struct maze_error *error,
		  struct dispatch **ret_dispatch)
{
	struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
	int err;

	if (!dispatch)
		return maze_fail(error, -ENOMEM, "out of memory");
	dispatch->maze = maze;
	dispatch->log = log;
	dispatch->rules = rules;
	dispatch->consumers = consumers;
	dispatch->cursor_fd = cursor_file_open(dir_fd);
	if (dispatch->cursor_fd < 0)
		err = maze_fail(error, dispatch->cursor_fd,
				"cannot open the file \"place\" in the runtime directory: %s",
				strerror(-dispatch->cursor_fd));
	else
		err = open_reader(dispatch, error);
	if (!err)
		err = add_sources(event, dispatch, error);
	if (err) {
		dispatch_close(dispatch);
		return err;
	}
	*ret_dispatch = dispatch;
	return 0;
}

void dispatch_use(struct dispatch *dispatch, const struct rules *rules)
{
	dispatch->rules = rules;
}

void dispatch_close(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	sd_event_source_disable_unref(dispatch->source);
	sd_event_source_disable_unref(dispatch->backlog);
	maze_reader_close(dispatch->reader);
	if (dispatch->cursor_fd >= 0)
		close(dispatch->cursor_fd);
	free(dispatch);
}
