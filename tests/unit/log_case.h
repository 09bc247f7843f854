/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the log: a record, and checks of the output.
 */
#ifndef MAZE_TEST_LOG_CASE_H
#define MAZE_TEST_LOG_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../daemon/log/log.h"

static const struct maze_record a_record = {
	.boot_ns = 1000,
	.count_ns = 600000123,
	.limit_ns = 600000000,
	.pid = 4000001,
	.tid = 4000002,
	.uid = 1001,
	.cpu = 3,
	.event = MAZE_EVENT_HARD,
	.signal = SIGKILL,
	.flags = MAZE_RECORD_SENT,
	.episode = 7,
	.comm = "sp\nin\x1b[2J",
};
static const struct log_entry an_entry = {
	.record = &a_record,
	.engine = "bpf",
	.rule = "spinners",
};

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static inline void assert_line(const char *text, const char *line)
{
	size_t length = strlen(line);
	const char *at;

	for (at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, line, length) && (at[length] == '\n' || !at[length]))
			return;
	fail_msg("no line \"%s\" in:\n%s", line, text);
}

static inline struct log *open_log(enum daemon_log kind, const char *path)
{
	struct daemon_settings settings = { .log = kind, .log_path = (char *)path };
	struct maze_error error = { "" };
	struct log *log = NULL;
	int err = log_open(&settings, &log, &error);

	if (err)
		fail_msg("%s", error.text);
	return log;
}

#endif
