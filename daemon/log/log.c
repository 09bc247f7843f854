/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log whatever it is written to (log.h): turns things into messages, keeps what is
 * not taken, and counts what is lost. What always holds: messages leave in the order
 * in which they were said; and what was lost is said before anything that was said
 * after the loss.
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

/* Some 2000 records: a storm while the journal restarts. */
#define BACKLOG_BYTES (1U << 20)
/* A journal that is only busy is ready soon; one that is gone is asked ever less. */
#define RETRY_MIN_USEC 10000U
#define RETRY_MAX_USEC 10000000U
/* The loop would otherwise let it wait for a quarter of a second. */
#define RETRY_ACCURACY_USEC 1000U

static const struct log_sink *const sinks[] = {
	[DAEMON_LOG_JOURNAL] = &log_journal,
	[DAEMON_LOG_SYSLOG] = &log_syslog,
	[DAEMON_LOG_FILE] = &log_file,
};

struct log {
	const struct log_sink *sink;
	struct log_target target;
	struct backlog backlog;
	maze_u64 losses;
	maze_u64 unsaid; /* of the losses, those that were not said yet */
	sd_event_source *retry;
	unsigned int retry_usec;
};

/* ---- what is kept, and what is lost ----------------------------------------------- */

static void lose(struct log *log)
{
	log->losses++;
	log->unsaid++;
}

/* True when nothing is kept any more. */
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
			lose(log);
		backlog_drop_first(&log->backlog);
		/* It takes some: it is only busy. */
		log->retry_usec = RETRY_MIN_USEC;
	}
}

/* Each vain attempt doubles the time until the next. */
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

/* Sends or keeps one message. False: it is lost, and not counted here. */
static bool put(struct log *log, const struct log_message *message)
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
 * False: the losses cannot be said yet, so nothing else may be either. They wait until
 * there is room for more than their sentence, or it would be said for each.
 */
static bool say_losses(struct log *log)
{
	char text[128];
	struct log_message message = { .priority = LOG_WARNING, .text = text };

	if (!log->unsaid)
		return true;
	if (backlog_bytes(&log->backlog) > BACKLOG_BYTES / 2)
		return false;
	snprintf(text, sizeof(text),
		 "%llu records or messages before this one were lost, "
		 "because %s did not take them",
		 log->unsaid, log->sink->name);
	message.boot_ns = now_ns(CLOCK_BOOTTIME);
	if (!put(log, &message))
		return false;
	log->unsaid = 0;
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
		say_losses(log);
		return 0;
	}
	arm_retry(log);
	return 0;
}

static void take(struct log *log, const struct log_message *message)
{
	send_backlog(log);
	if (!say_losses(log) || !put(log, message))
		lose(log);
}

/* ---- open and closed ---------------------------------------------------------------- */

int log_open(const struct daemon_settings *settings, struct log **ret_log, struct maze_error *error)
{
	struct log *log = calloc(1, sizeof(*log));
	int err;

	if (!log)
		return maze_fail(error, -ENOMEM, "out of memory");
	log->sink = sinks[settings->log];
	log->retry_usec = RETRY_MIN_USEC;
	backlog_init(&log->backlog, BACKLOG_BYTES);
	err = log->sink->open(settings, &log->target, error);
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
		say_losses(log);
	if (log->backlog.count || log->unsaid)
		log_say(NULL, LOG_WARNING,
			"%llu records or messages were lost, because %s did not "
			"take them",
			log->backlog.count + log->unsaid, log->sink->name);
	sd_event_source_disable_unref(log->retry);
	backlog_done(&log->backlog);
	close(log->target.fd);
	free(log);
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
	const struct log_sink *sink = sinks[settings->log];
	struct log_target target;
	int err = sink->open(settings, &target, error);

	if (err)
		return err;
	/* Of another kind, what is kept has another form: it goes to the old one or nowhere. */
	send_backlog(log);
	if (sink != log->sink) {
		while (log->backlog.count) {
			lose(log);
			backlog_drop_first(&log->backlog);
		}
	}
	close(log->target.fd);
	log->sink = sink;
	log->target = target;
	log->retry_usec = RETRY_MIN_USEC;
	return 0;
}

/* ---- what can be said -------------------------------------------------------------- */

void log_say(struct log *log, int priority, const char *format, ...)
{
	char raw[LOG_TEXT_SIZE], text[LOG_TEXT_SIZE];
	struct log_message message = { .priority = priority, .text = text };
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	escape_copy(text, sizeof(text), raw);
	if (!log) {
		fprintf(stderr, "mazed: %s\n", text);
		return;
	}
	message.boot_ns = now_ns(CLOCK_BOOTTIME);
	take(log, &message);
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
	take(log, &message);
}

void log_act(struct log *log, const struct log_action *action)
{
	char text[LOG_TEXT_SIZE];
	struct log_message message = {
		.priority = log_priority_of_action(action),
		.boot_ns = action->entry.record->boot_ns,
		.text = text,
		.entry = &action->entry,
		.action = action,
	};

	log_text_of_action(action, text, sizeof(text));
	take(log, &message);
}

maze_u64 log_losses(const struct log *log)
{
	return log->losses;
}
