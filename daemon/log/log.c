/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This file is common to all sinks (log_sink.h). It formats messages, queues those that
 * the sink does not accept, and counts those that are dropped. It sends messages in
 * order, and reports a drop before any later message.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "../../base/error.h"
#include "backlog.h"
#include "log_sink.h"
#include "log_text.h"
#include "../../base/escape.h"
#include "../../base/clock.h"

/* The size of the backlog, enough for about 2000 records while the journal restarts. */
#define BACKLOG_BYTES (1U << 20)
/*
 * The delay before a retry. The minimum is short, because a busy journal soon accepts
 * again. The delay doubles while a sink accepts nothing.
 */
#define RETRY_MIN_USEC 10000U
#define RETRY_MAX_USEC 10000000U
/* The default accuracy of a timer, 250 ms, is too coarse for the minimum delay. */
#define RETRY_ACCURACY_USEC 1000U

static const struct log_sink *const sinks[] = {
	[DAEMON_LOG_JOURNAL] = &log_journal,
	[DAEMON_LOG_STDERR] = &log_stderr,
	[DAEMON_LOG_SYSLOG] = &log_syslog,
	[DAEMON_LOG_FILE] = &log_file,
};

struct log {
	const struct log_sink *sink;
	struct log_target target;
	struct backlog backlog;
	maze_u64 unreported; /* dropped messages not yet reported */
	sd_event_source *retry;
	unsigned int retry_usec;
	void (*on_act)(void *arg, const struct log_action *action); /* NULL: none */
	void *on_act_arg;
	struct units *units; /* NULL: none is known yet */
};

/* ---- queue and drops --------------------------------------------------------------- */

static const char *entries(maze_u64 count)
{
	return count == 1 ? "entry" : "entries";
}

static void drop(struct log *log)
{
	log->unreported++;
}

/* Returns true if the backlog is empty afterwards. */
static bool send_backlog(struct log *log)
{
	const char *bytes;
	size_t length;
	int err;

	for (;;) {
		bytes = backlog_first(&log->backlog, &length);
		if (!bytes)
			return true;
		err = log->sink->send(&log->target, bytes, length);
		if (err && err != -EMSGSIZE)
			return false;
		if (err)
			drop(log);
		backlog_drop_first(&log->backlog);
		/* The sink accepts messages again, so the next retry may come soon. */
		log->retry_usec = RETRY_MIN_USEC;
	}
}

static void arm_retry(struct log *log)
{
	int enabled = SD_EVENT_OFF;

	if (!log->retry)
		return;
	sd_event_source_get_enabled(log->retry, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(log->retry, log->retry_usec);
	sd_event_source_set_enabled(log->retry, SD_EVENT_ONESHOT);
}

/* Sends or queues a message. Returns false if it is lost. The caller counts it then. */
static bool enqueue(struct log *log, const struct log_message *message)
{
	char bytes[LOG_MESSAGE_SIZE];
	int length = log->sink->render(message, bytes, sizeof(bytes)), err;

	if (length < 0)
		return false;
	if (!log->backlog.count) {
		err = log->sink->send(&log->target, bytes, (size_t)length);
		if (!err)
			return true;
		if (err == -EMSGSIZE)
			return false;
	}
	if (!backlog_add(&log->backlog, bytes, (size_t)length))
		return false;
	arm_retry(log);
	return true;
}

/*
 * Queues a report if messages were dropped. Returns false if the report cannot be queued.
 * Then no later message may be queued. The report waits until half of the backlog is
 * free, because otherwise each drop would cause a report.
 */
static bool report_dropped(struct log *log)
{
	char text[128];
	struct log_message message = { .priority = LOG_WARNING,
				       .text = text,
				       .kind = LOG_KIND_DROPPED };

	if (!log->unreported)
		return true;
	if (backlog_bytes(&log->backlog) > BACKLOG_BYTES / 2)
		return false;
	snprintf(text, sizeof(text), "%llu %s lost before this one: %s did not accept them",
		 log->unreported, entries(log->unreported), log->sink->name);
	message.boot_ns = now_ns(CLOCK_BOOTTIME);
	if (!enqueue(log, &message))
		return false;
	log->unreported = 0;
	return true;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct log *log = userdata;

	(void)source;
	(void)usec;
	log->retry_usec *= 2;
	if (log->retry_usec > RETRY_MAX_USEC)
		log->retry_usec = RETRY_MAX_USEC;
	if (send_backlog(log)) {
		log->retry_usec = RETRY_MIN_USEC;
		report_dropped(log);
		return 0;
	}
	arm_retry(log);
	return 0;
}

static void submit(struct log *log, const struct log_message *message)
{
	send_backlog(log);
	if (!report_dropped(log) || !enqueue(log, message))
		drop(log);
}

/* ---- open and close ---------------------------------------------------------------- */

static int open_sink(const struct daemon_settings *settings, const struct log_sink **ret_sink,
		     struct log_target *ret_target, struct maze_error *error)
{
	*ret_sink = &log_journal;
	if (settings->log == DAEMON_LOG_AUTO && !log_journal.open(settings, ret_target, NULL))
		return 0;
	*ret_sink = settings->log == DAEMON_LOG_AUTO ? &log_stderr : sinks[settings->log];
	return (*ret_sink)->open(settings, ret_target, error);
}

int log_open(const struct daemon_settings *settings, struct log **ret_log, struct maze_error *error)
{
	struct log *log = calloc(1, sizeof(*log));
	int err;

	if (!log)
		return maze_fail(error, -ENOMEM, "out of memory");
	log->retry_usec = RETRY_MIN_USEC;
	backlog_init(&log->backlog, BACKLOG_BYTES);
	err = open_sink(settings, &log->sink, &log->target, error);
	if (err) {
		free(log);
		return err;
	}
	*ret_log = log;
	return 0;
}

void log_close(struct log *log)
{
	if (!log)
		return;
	if (send_backlog(log))
		report_dropped(log);
	if (log->backlog.count || log->unreported)
		log_printf(NULL, LOG_WARNING, "%llu %s lost: %s did not accept them",
			   log->backlog.count + log->unreported,
			   entries(log->backlog.count + log->unreported), log->sink->name);
	sd_event_source_disable_unref(log->retry);
	backlog_done(&log->backlog);
	close(log->target.fd);
	units_free(log->units);
	free(log);
}

const char *log_name(const struct log *log)
{
	return log->sink->name;
}

int log_attach(struct log *log, sd_event *event)
{
	int err = sd_event_add_time_relative(event, &log->retry, CLOCK_MONOTONIC, 0,
					     RETRY_ACCURACY_USEC, on_retry, log);

	if (err < 0)
		return err;
	sd_event_source_set_description(log->retry, "log-retry");
	sd_event_source_set_enabled(log->retry, SD_EVENT_OFF);
	if (log->backlog.count)
		arm_retry(log);
	return 0;
}

int log_reopen(struct log *log, const struct daemon_settings *settings, struct maze_error *error)
{
	const struct log_sink *sink;
	struct log_target target;
	int err = open_sink(settings, &sink, &target, error);

	if (err)
		return err;
	/* The new sink cannot send the old sink's format, so drop these messages. */
	send_backlog(log);
	if (sink != log->sink) {
		while (log->backlog.count) {
			drop(log);
			backlog_drop_first(&log->backlog);
		}
	}
	close(log->target.fd);
	log->sink = sink;
	log->target = target;
	log->retry_usec = RETRY_MIN_USEC;
	return 0;
}

/* ---- messages ---------------------------------------------------------------------- */

static void submit_message(struct log *log, struct log_message message, const char *raw)
{
	char text[LOG_TEXT_SIZE];

	escape_copy(text, sizeof(text), raw);
	if (!log) {
		fprintf(stderr, "mazed: %s\n", text);
		return;
	}
	message.text = text;
	message.boot_ns = now_ns(CLOCK_BOOTTIME);
	submit(log, &message);
}

__attribute__((format(printf, 5, 0))) static void note(struct log *log, int priority,
						       enum log_kind kind, const char *rule,
						       const char *format, va_list args)
{
	struct log_message message = { .priority = priority, .kind = kind, .rule = rule };
	char raw[LOG_TEXT_SIZE];

	vsnprintf(raw, sizeof(raw), format, args);
	submit_message(log, message, raw);
}

void log_printf(struct log *log, int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(log, priority, LOG_KIND_OTHER, NULL, format, args);
	va_end(args);
}

void log_note(struct log *log, int priority, enum log_kind kind, const char *rule,
	      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(log, priority, kind, rule, format, args);
	va_end(args);
}

void log_incident(struct log *log, int priority, const struct log_incident *incident)
{
	struct log_message message = { .priority = priority,
				       .kind = LOG_KIND_INCIDENT,
				       .entry = &incident->entry,
				       .incident = incident };

	submit_message(log, message, incident->text);
}

void log_problems(struct log *log, const struct problems *problems)
{
	const struct problem *item;
	char line[16];
	size_t i;

	for (i = 0; i < problems->count; i++) {
		item = &problems->items[i];
		line[0] = '\0';
		if (item->line)
			snprintf(line, sizeof(line), ":%u", item->line);
		log_printf(log, item->kind == PROBLEM_ERROR ? LOG_ERR : LOG_WARNING, "%s%s: %s%s%s",
			   item->file, line, item->key ? item->key : "", item->key ? ": " : "",
			   item->text);
	}
}

void log_announce(struct log *log, int priority, enum log_kind kind, const char *text)
{
	log_note(log, priority, kind, NULL, "%s", text);
	if (log->sink != &log_stderr && isatty(STDERR_FILENO))
		log_printf(NULL, priority, "%s", text);
}

struct units *log_units(struct log *log)
{
	if (log && !log->units)
		log->units = units_new();
	return log ? log->units : NULL;
}

void log_record(struct log *log, const struct log_entry *entry)
{
	char text[LOG_TEXT_SIZE];
	struct log_message message = {
		.priority = log_priority_of_record(entry->record),
		.boot_ns = entry->record->boot_ns,
		.text = text,
		.entry = entry,
	};

	log_text_of_record(entry, text, sizeof(text));
	submit(log, &message);
}

void log_act(struct log *log, const struct log_action *action)
{
	char text[LOG_TEXT_SIZE];
	struct log_message message = {
		.priority = log_priority_of_action(action),
		.boot_ns = action->entry.record->boot_ns,
		.text = text,
		.kind = LOG_KIND_ACTION,
		.entry = &action->entry,
		.action = action,
	};

	if (!action->pending && !action->quiet) {
		log_text_of_action(action, text, sizeof(text));
		submit(log, &message);
	}
	if (log->on_act)
		log->on_act(log->on_act_arg, action);
}

void log_on_act(struct log *log, void (*on_act)(void *arg, const struct log_action *action),
		void *arg)
{
	log->on_act = on_act;
	log->on_act_arg = arg;
}
