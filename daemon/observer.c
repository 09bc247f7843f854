/* SPDX-License-Identifier: GPL-2.0-only */
#include "observer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/proc_files.h"
#include "../base/replace_file.h"
#include "../base/rfc3339.h"
#include "../lib/paths.h"
#include "../observe/history.h"
#include "../observe/streaks_file.h"
#include "../report/file_text.h"
#include "rules/tag.h"

/* Names of processes are those of these moments. A look takes some milliseconds. */
#define LOOK_USEC (10 * 1000000ULL)
#define LOOK_ACCURACY_USEC 1000000U
#define WRITE_NS (600 * MAZE_NSEC_PER_SEC)
/* It has the programs of all users. */
#define FILE_MODE 0640

/* A thread writes the file, because fsync(2) can take seconds. */
struct writer {
	pthread_t thread;
	bool runs;
	atomic_bool done;
	const char *path;
	char *text;
	int err;
};

struct observer {
	struct maze *maze;
	struct log *log;
	const struct rules *rules;
	char *path;
	char boot_id[64];
	bool on;   /* the rules want it, and the file was read */
	bool read; /* the history was read; it stays until the end of mazed */
	struct history history;
	struct observation of_engine;
	struct users users;
	struct writer writer;
	sd_event_source *look;
	maze_u64 write_ns; /* CLOCK_MONOTONIC: when to write next */
};

/* ---- the file ---------------------------------------------------------------------- */

static void *write_file(void *arg)
{
	struct writer *writer = arg;

	writer->err = replace_file(writer->path, writer->text, FILE_MODE);
	atomic_store(&writer->done, true);
	return NULL;
}

static void report_write(struct observer *observer, int err)
{
	if (err)
		log_printf(observer->log, LOG_ERR, "cannot write the streaks to %s: %s",
			   observer->path, strerror(-err));
}

/* Returns false while the file is still being written, unless `wait`. */
static bool end_write(struct observer *observer, bool wait)
{
	struct writer *writer = &observer->writer;

	if (!writer->runs)
		return true;
	if (!wait && !atomic_load(&writer->done))
		return false;
	pthread_join(writer->thread, NULL);
	writer->runs = false;
	free(writer->text);
	report_write(observer, writer->err);
	return true;
}

static void begin_write(struct observer *observer)
{
	struct writer *writer = &observer->writer;
	int err;

	if (!end_write(observer, false))
		return;
	writer->path = observer->path;
	writer->text = history_text(&observer->history, &observer->of_engine,
				    maze_engine_name(observer->maze));
	atomic_store(&writer->done, false);
	err = writer->text ? -pthread_create(&writer->thread, NULL, write_file, writer) : -ENOMEM;
	writer->runs = !err;
	if (err)
		free(writer->text);
	report_write(observer, err);
	observer->write_ns = now_ns(CLOCK_MONOTONIC) + WRITE_NS;
}

/* A file that is not understood keeps its content under another name. */
static int set_aside(struct observer *observer, const struct maze_error *why)
{
	char time[RFC3339_LEN], *aside = NULL;
	int err = 0;

	if (asprintf(&aside, "%s.%s", observer->path,
		     rfc3339_format((long long)now_ns(CLOCK_REALTIME), time)) < 0)
		return -ENOMEM;
	if (rename(observer->path, aside))
		err = -errno;
	if (err)
		log_printf(
			observer->log, LOG_ERR,
			"observe = yes: cannot read the streaks in %s (%s), and cannot rename it "
			"(%s); nothing is observed",
			observer->path, why->text, strerror(-err));
	else
		log_printf(observer->log, LOG_ERR,
			   "cannot read the streaks in %s (%s): it is now %s, and the observation "
			   "begins anew",
			   observer->path, why->text, aside);
	free(aside);
	return err;
}

static int read_history(struct observer *observer)
{
	struct maze_error error = { "" };
	char *text = NULL;
	size_t size;
	int err = file_text_read(AT_FDCWD, observer->path, O_NOFOLLOW, STREAKS_FILE_MAX, &text,
				 &size, &error);

	if (!err)
		err = history_read(&observer->history, text, size, &error);
	free(text);
	return err && err != -ENOENT ? set_aside(observer, &error) : 0;
}

/* ---- what the engine has ------------------------------------------------------------- */

static const char *name_in(const struct observation *observation, maze_u64 tag)
{
	const char *rule;
	size_t i;

	for (i = 0; i < observation->count; i++) {
		rule = observation->classes[i].rule;
		if (rule && tag_of_rule(rule) == tag)
			return rule;
	}
	return NULL;
}

/* The name of a rule that is gone is in the file. */
static void name_rules(struct observer *observer)
{
	const struct rule *rule;
	struct observed *class;
	const char *name;
	size_t i;

	for (i = 0; i < observer->of_engine.count; i++) {
		class = &observer->of_engine.classes[i];
		if (class->rule || tag_kind(class->streaks.tag) != TAG_RULE ||
		    class->streaks.tag == tag_of_no_rule())
			continue;
		rule = rules_by_tag(observer->rules, class->streaks.tag);
		name = rule ? rule->name : name_in(&observer->history.known, class->streaks.tag);
		class->rule = name ? strdup(name) : NULL;
	}
}

static void look(struct observer *observer)
{
	struct maze_error error = { "" };

	if (observation_update(&observer->of_engine, observer->maze, &error))
		log_printf(observer->log, LOG_ERR, "cannot read the streaks: %s", error.text);
	name_rules(observer);
	history_add_paths(&observer->history, &observer->of_engine);
}

static int on_look(sd_event_source *source, uint64_t usec, void *arg)
{
	struct observer *observer = arg;

	(void)usec;
	look(observer);
	end_write(observer, false);
	if (now_ns(CLOCK_MONOTONIC) >= observer->write_ns)
		begin_write(observer);
	sd_event_source_set_time_relative(source, LOOK_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- on and off ---------------------------------------------------------------------- */

static maze_u64 engine_instance(struct maze *maze)
{
	struct maze_cursor cursor = { 0 };
	struct maze_reader *reader;

	if (!maze_reader_open(maze, false, &reader, NULL)) {
		maze_reader_cursor(reader, &cursor);
		maze_reader_close(reader);
	}
	return cursor.instance;
}

static void start(struct observer *observer)
{
	if (!observer->read) {
		observer->history.boot_id = observer->boot_id;
		observer->history.instance = engine_instance(observer->maze);
		if (read_history(observer))
			return;
		observer->read = true;
	}
	observer->on = true;
	observation_start(&observer->of_engine);
}

void observer_use(struct observer *observer, const struct rules *rules)
{
	bool wanted = rules->daemon.observe;

	/* The rules before are still there, for the names of what they observed. */
	if (observer->on)
		look(observer);
	observer->rules = rules;
	if (wanted && !observer->on) {
		start(observer);
		if (observer->on)
			look(observer);
	}
	if (observer->on)
		begin_write(observer);
	if (!wanted) {
		observer->on = false;
		observer->of_engine.updated_ns = 0;
	}
	sd_event_source_set_time_relative(observer->look, LOOK_USEC);
	sd_event_source_set_enabled(observer->look, observer->on ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void write_last(struct observer *observer)
{
	char *text;

	look(observer);
	text = history_text(&observer->history, &observer->of_engine,
			    maze_engine_name(observer->maze));
	report_write(observer, text ? replace_file(observer->path, text, FILE_MODE) : -ENOMEM);
	free(text);
}

/* ---- start and stop -------------------------------------------------------------------- */

/* systemd sets $STATE_DIRECTORY. */
static int find_path(struct observer *observer)
{
	const char *given = getenv("STATE_DIRECTORY");
	const char *dir = given && given[0] == '/' ? given : MAZE_STATE_DIR;

	if (asprintf(&observer->path, "%s/" MAZE_STREAKS_NAME, dir) < 0) {
		observer->path = NULL;
		return -ENOMEM;
	}
	/* Without systemd. If that fails, so does the first write, with a message. */
	mkdir(dir, 0711);
	return 0;
}

static int open_timer(struct observer *observer, sd_event *event)
{
	int err = sd_event_add_time_relative(event, &observer->look, CLOCK_MONOTONIC, LOOK_USEC,
					     LOOK_ACCURACY_USEC, on_look, observer);

	if (err >= 0)
		err = sd_event_source_set_enabled(observer->look, SD_EVENT_OFF);
	/* All else comes first. */
	if (err >= 0)
		err = sd_event_source_set_priority(observer->look, SD_EVENT_PRIORITY_IDLE);
	return err < 0 ? err : 0;
}

int observer_open(sd_event *event, struct maze *maze, struct log *log,
		  struct observer **ret_observer, struct maze_error *error)
{
	struct observer *observer = calloc(1, sizeof(*observer));
	int err = observer ? find_path(observer) : -ENOMEM;

	if (err) {
		observer_close(observer);
		return maze_fail(error, err, "out of memory");
	}
	observer->maze = maze;
	observer->log = log;
	observer->of_engine.local_users = &observer->users;
	if (read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", observer->boot_id,
			 sizeof(observer->boot_id)) < 0)
		observer->boot_id[0] = '\0';
	observer->boot_id[strcspn(observer->boot_id, "\n")] = '\0';
	err = open_timer(observer, event);
	if (err) {
		observer_close(observer);
		return maze_fail(error, err, "cannot add an event source: %s", strerror(-err));
	}
	*ret_observer = observer;
	return 0;
}

void observer_close(struct observer *observer)
{
	if (!observer)
		return;
	end_write(observer, true);
	if (observer->on)
		write_last(observer);
	sd_event_source_disable_unref(observer->look);
	observation_free(&observer->of_engine);
	users_done(&observer->users);
	history_free(&observer->history);
	free(observer->path);
	free(observer);
}
