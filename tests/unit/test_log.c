/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of mazed: the form of its output to a journal, a syslog and a file, and the
 * handling of output that they do not accept. Journal and syslog are sockets of this test
 * at the real paths, in private file systems.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "../../daemon/log/backlog.h"
#include "../../daemon/log/log.h"
#include "../../base/escape.h"
#include "log_case.h"
#include "log_receiver.h"
#include "skip.h"

#define SYSLOG_SOCKET "/dev/log"

static bool private_dev(void)
{
	static int state;

	if (!state)
		state = private_tmpfs("/dev") ? 1 : -1;
	return state > 0;
}

/* ---- the journal ------------------------------------------------------------------------ */

static void a_record_reaches_the_journal(void **state)
{
	struct log *log;
	const char *text;
	int journal;

	(void)state;
	log = open_journal(&journal);
	log_record(log, &an_entry);
	text = receive(journal);
	assert_line(text, "PRIORITY=4");
	assert_line(text, "SYSLOG_IDENTIFIER=mazed");
	assert_line(text, "MESSAGE_ID=d089427f431c4c3b935657523c96860d");
	assert_line(text, "MAZE_EVENT=hard");
	assert_line(text, "MAZE_RULE=spinners");
	assert_line(text, "MAZE_PID=4000001");
	assert_line(text, "MAZE_TID=4000002");
	assert_line(text, "MAZE_UID=1001");
	assert_line(text, "MAZE_COMM=sp\\x0ain\\x1b[2J");
	assert_line(text, "MAZE_COUNT_NS=600000123");
	assert_line(text, "MAZE_LIMIT_NS=600000000");
	assert_line(text, "MAZE_SIGNAL=SIGKILL");
	assert_line(text, "MAZE_SENT=yes");
	assert_line(text, "MAZE_SHADOW=no");
	assert_line(text, "MAZE_ENGINE=bpf");
	assert_line(text, "MAZE_CPU=3");
	assert_line(text, "OBJECT_PID=4000001");
	/* The text is one line, which begins with the event and ends with the rule. */
	assert_true(!strncmp(text, "MESSAGE=hard: ", 14));
	assert_has(text, "rule spinners\nPRIORITY");
	log_close(log);
	close(journal);
}

/* With a reason, it has every field. */
static void a_record_of_a_group_has_its_scope(void **state)
{
	struct maze_record record = a_record;
	struct log_entry entry = an_entry;
	struct log *log;
	const char *text;
	int journal;

	(void)state;
	if (!private_run())
		skip_because("%s", private_mounts_why);
	record.flags = MAZE_SCOPE_TREE << MAZE_RECORD_SCOPE_SHIFT;
	record.not_sent = MAZE_NOT_SENT_EXITING;
	record.share = MAZE_SHARE_ONE;
	entry.record = &record;
	journal = listen_at(JOURNAL_SOCKET);
	log = open_log(DAEMON_LOG_JOURNAL, NULL);
	log_record(log, &entry);
	text = receive(journal);
	assert_line(text, "MAZE_SCOPE=tree");
	assert_line(text, "MAZE_NOT_SENT=thread was exiting");
	assert_line(text, "MAZE_RULE=spinners");
	log_record(log, &an_entry);
	assert_null(strstr(receive(journal), "MAZE_SCOPE"));
	/* A user chose the name of the group, but not of its unit. */
	record.flags = MAZE_SCOPE_CGROUP << MAZE_RECORD_SCOPE_SHIFT;
	record.pid = record.tid = 0;
	entry.cgroup = "/system.slice/a.service/b.service\n";
	entry.unit = units_find(log_units(log), &record, entry.cgroup);
	log_record(log, &entry);
	text = receive(journal);
	assert_line(text, "MAZE_SCOPE=cgroup");
	assert_line(text, "MAZE_CGROUP=/system.slice/a.service/b.service\\x0a");
	assert_line(text, "OBJECT_SYSTEMD_UNIT=a.service");
	assert_null(strstr(text, "OBJECT_SYSTEMD_USER_UNIT"));
	assert_line(text, "MAZE_UNIT=a.service");
	assert_null(strstr(text, "OBJECT_PID"));
	assert_has(text, ", cgroup /system.slice/a.service/b.service\\x0a, rule spinners\n");
	entry.cgroup = "/user.slice/user-7.slice/user@7.service/app.slice/b.service";
	entry.unit = units_find(log_units(log), &record, entry.cgroup);
	log_record(log, &entry);
	text = receive(journal);
	assert_line(text, "OBJECT_SYSTEMD_UNIT=user@7.service");
	assert_line(text, "OBJECT_SYSTEMD_USER_UNIT=b.service");
	entry.cgroup = "/a\n.service";
	entry.unit = units_find(log_units(log), &record, entry.cgroup);
	log_record(log, &entry);
	assert_null(strstr(receive(journal), "OBJECT_SYSTEMD_UNIT"));
	entry.cgroup = "/kubepods/pod7d1f6a0e-3c52-4b8e-9a41-0c5d2e6f7a90/lxc.payload.a\n";
	entry.unit = units_find(log_units(log), &record, entry.cgroup);
	log_record(log, &entry);
	text = receive(journal);
	assert_line(text, "MAZE_POD=7d1f6a0e-3c52-4b8e-9a41-0c5d2e6f7a90");
	assert_line(text, "MAZE_CONTAINER=a\\x0a");
	assert_null(strstr(text, "_UNIT="));
	log_close(log);
	close(journal);
}

static void an_action_in_the_journal_is_not_a_verdict(void **state)
{
	struct log_action action = {
		.entry = an_entry, .action = "renice", .tried = true, .text = "not \x1b possible"
	};
	struct log *log;
	const char *text;
	int journal;

	(void)state;
	log = open_journal(&journal);
	log_act(log, &action);
	text = receive(journal);
	assert_line(text, "MAZE_EVENT=action");
	assert_line(text, "MAZE_STAGE=hard");
	assert_line(text, "MAZE_ACTION=renice");
	assert_line(text, "MAZE_TRIED=yes");
	assert_line(text, "MAZE_APPLIED=no");
	assert_line(text, "MESSAGE_ID=8b0bccbd8c334d0cb0fc9caf7fb75953");
	assert_has(text, "not \\x1b possible, rule spinners\n");
	log_close(log);
	close(journal);
}

static void sentences_of_mazed_are_one_line(void **state)
{
	struct log *log;
	const char *text;
	int journal;

	(void)state;
	log = open_journal(&journal);
	log_printf(log, LOG_ERR, "rule %s\nMAZE_RULE=forged", "x");
	text = receive(journal);
	assert_line(text, "MESSAGE=rule x\\x0aMAZE_RULE=forged");
	assert_line(text, "PRIORITY=3");
	assert_null(strstr(text, "MESSAGE_ID"));
	log_close(log);
	close(journal);
}

static void a_missing_journal_is_reported_at_once(void **state)
{
	struct daemon_settings settings = { .log = DAEMON_LOG_JOURNAL };
	struct maze_error error = { "" };
	struct log *log = NULL;

	(void)state;
	if (!private_run())
		skip_because("%s", private_mounts_why);
	unlink(JOURNAL_SOCKET);
	assert_int_equal(log_open(&settings, &log, &error), -ENOENT);
	assert_null(log);
	assert_has(error.text, JOURNAL_SOCKET);
	assert_has(error.text, "log = syslog");
}

/* ---- a full receiver ---------------------------------------------------------------- */

/* Reads and counts all messages; adds the number of reported losses to *lost. */
static unsigned int drain(int fd, maze_u64 *lost)
{
	unsigned int count = 0;
	const char *message;

	for (message = receive(fd); *message; message = receive(fd)) {
		if (strstr(message, " lost before this one: the journal "))
			*lost += strtoull(message + strlen("MESSAGE="), NULL, 10);
		else
			count++;
	}
	return count;
}

/*
 * Without a reader nothing waits, and later messages keep their order. A send that waits
 * would hang this test forever; then the alarm ends it.
 */
static void a_full_journal_never_blocks(void **state)
{
	unsigned int i, next = 0;
	const char *message;
	struct log *log;
	char line[64];
	int journal;

	(void)state;
	log = open_journal(&journal);
	for (i = 0; i < 1000; i++)
		log_printf(log, LOG_INFO, "number %u", i);
	while (next < 1000) {
		message = receive(journal);
		if (!*message) {
			log_printf(log, LOG_INFO, "number %u", i++);
			continue;
		}
		snprintf(line, sizeof(line), "MESSAGE=number %u", next++);
		assert_line(message, line);
	}
	log_close(log);
	close(journal);
}

static void lost_messages_are_counted_and_reported_later(void **state)
{
	unsigned int logged, received, turn;
	maze_u64 lost = 0;
	char big[1024];
	struct log *log;
	int journal;

	(void)state;
	log = open_journal(&journal);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	/* The kernel holds some of them, and the backlog a MiB. */
	for (logged = 0; logged < 8192; logged++)
		log_printf(log, LOG_INFO, "%s", big);
	received = drain(journal, &lost);
	assert_int_equal(lost, 0);
	for (turn = 0; turn < 10000 && received + lost < logged; turn++) {
		log_printf(log, LOG_DEBUG, "later");
		logged++;
		received += drain(journal, &lost);
	}
	/* Each message was received, or is one of the reported losses. */
	assert_int_equal(received + lost, logged);
	assert_true(lost > 1000);
	assert_true((received - turn) * sizeof(big) > 1 << 19);
	log_close(log);
	close(journal);
}

static int stop_loop(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)usec;
	*(bool *)userdata = true;
	return sd_event_exit(sd_event_source_get_event(source), 1);
}

static int on_journal(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	const char *message;

	(void)events;
	(void)userdata;
	for (message = receive(fd); *message; message = receive(fd))
		if (strstr(message, "MESSAGE=the last\n"))
			sd_event_exit(sd_event_source_get_event(source), 0);
	return 0;
}

static void the_event_loop_writes_queued_messages(void **state)
{
	bool too_late = false;
	sd_event *event = NULL;
	struct log *log;
	int journal, i;

	(void)state;
	if (!private_run())
		skip_because("%s", private_mounts_why);
	journal = listen_at(JOURNAL_SOCKET);
	assert_true(sd_event_new(&event) >= 0);
	log = open_log(DAEMON_LOG_JOURNAL, NULL);
	assert_int_equal(log_attach(log, event), 0);
	/* Nothing is queued, so no timer is due. */
	assert_int_equal(sd_event_run(event, 0), 0);
	for (i = 0; i < 500; i++)
		log_printf(log, LOG_INFO, "one of many");
	log_printf(log, LOG_INFO, "the last");
	assert_true(sd_event_add_io(event, NULL, journal, EPOLLIN, on_journal, NULL) >= 0);
	assert_true(sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, 60000000, 0, stop_loop,
					       &too_late) >= 0);
	assert_int_equal(sd_event_loop(event), 0);
	assert_false(too_late);
	log_close(log);
	sd_event_unref(event);
	close(journal);
}

static void a_restarted_journal_is_used(void **state)
{
	struct log *log;
	int journal;

	(void)state;
	log = open_journal(&journal);
	close(journal);
	unlink(JOURNAL_SOCKET);
	log_printf(log, LOG_INFO, "into the void");
	journal = listen_at(JOURNAL_SOCKET);
	log_printf(log, LOG_INFO, "again");
	assert_line(receive(journal), "MESSAGE=into the void");
	assert_line(receive(journal), "MESSAGE=again");
	log_close(log);
	close(journal);
}

/* ---- syslog -------------------------------------------------------------------------------- */

static void a_record_reaches_syslog(void **state)
{
	char number[32];
	struct log *log;
	const char *text;
	int syslog_fd;

	(void)state;
	if (!private_dev())
		skip_because("%s", private_mounts_why);
	syslog_fd = listen_at(SYSLOG_SOCKET);
	log = open_log(DAEMON_LOG_SYSLOG, NULL);
	log_record(log, &an_entry);
	text = receive(syslog_fd);
	/* daemon is 3, warning 4. */
	assert_true(!strncmp(text, "<28>", 4));
	snprintf(number, sizeof(number), " mazed[%d]: hard: ", getpid());
	assert_has(text, number);
	assert_has(text, "rule spinners");
	assert_null(strchr(text, '\n'));
	assert_null(strchr(text, '\x1b'));
	log_close(log);
	close(syslog_fd);
}

static void a_missing_syslog_is_reported_at_once(void **state)
{
	struct daemon_settings settings = { .log = DAEMON_LOG_SYSLOG };
	struct maze_error error = { "" };
	struct log *log = NULL;

	(void)state;
	if (!private_dev())
		skip_because("%s", private_mounts_why);
	unlink(SYSLOG_SOCKET);
	assert_int_equal(log_open(&settings, &log, &error), -ENOENT);
	assert_has(error.text, SYSLOG_SOCKET);
	assert_has(error.text, "log = journal");
}

/* ---- the parts ---------------------------------------------------------------------------- */

static void the_backlog_keeps_order_and_its_bound(void **state)
{
	unsigned int next_in = 0, next_out = 0, turn, number;
	struct backlog backlog;
	const char *message;
	size_t length;

	(void)state;
	backlog_init(&backlog, 100);
	for (turn = 0; turn < 1000; turn++) {
		while (backlog_add(&backlog, (char *)&next_in, sizeof(next_in)))
			next_in++;
		/* As many as fit, each with its length. */
		assert_int_equal(backlog.count, 100 / (sizeof(length) + sizeof(next_in)));
		for (number = 0; number <= turn % 5; number++) {
			message = backlog_first(&backlog, &length);
			assert_non_null(message);
			assert_int_equal(length, sizeof(next_out));
			assert_memory_equal(message, &next_out, sizeof(next_out));
			backlog_drop_first(&backlog);
			next_out++;
		}
	}
	while (backlog_first(&backlog, &length))
		backlog_drop_first(&backlog);
	assert_null(backlog.bytes);
	backlog_done(&backlog);
}

static void the_output_is_printable_utf8(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain", "plain" },
		{ "tab\there", "tab\\x09here" },
		{ "\x7f", "\\x7f" },
		{ "gr\xc3\xbc\xc3\x9f"
		  "e",
		  "gr\xc3\xbc\xc3\x9f"
		  "e" },
		{ "\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff", "\\xff" },
		{ "\xc3", "\\xc3" },
		/* U+009B is a terminal's CSI. */
		{ "\xc2\x9b"
		  "2J",
		  "\\u{009b}2J" },
		/* A right-to-left override, an isolate, a line separator, a tag. */
		{ "X\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xf3\xa0\x80\x81",
		  "X\\u{202e}\\u{2066}\\u{2028}\\u{e0001}" },
		/* overlong, surrogate, beyond the last, cut short */
		{ "\xc0\xaf", "\\xc0\\xaf" },
		{ "\xe0\x9f\xbf", "\\xe0\\x9f\\xbf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xe2\x82", "\\xe2\\x82" },
	};
	char buf[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(escape_copy(buf, sizeof(buf), rows[i].in), rows[i].out);
	/* Cut between characters, not within one. */
	assert_string_equal(escape_copy(buf, 3, "a\xc3\xbc"), "a");
	assert_string_equal(escape_copy(buf, 5, "ab\n"), "ab");
}

static void a_word_for_a_shell_is_quoted_if_necessary(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(shell_word(buf, sizeof(buf), "/a/b-1.c"), "/a/b-1.c");
	assert_string_equal(shell_word(buf, sizeof(buf), "a b"), "'a b'");
	assert_string_equal(shell_word(buf, sizeof(buf), "$a'b"), "'$a'\\''b'");
	assert_string_equal(shell_word(buf, sizeof(buf), ""), "''");
	assert_string_equal(shell_word(buf, sizeof(buf), "0 234567890123456789"), "'0 2345678'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_for_a_shell_is_quoted_if_necessary),
		cmocka_unit_test(the_backlog_keeps_order_and_its_bound),
		cmocka_unit_test(the_output_is_printable_utf8),
		cmocka_unit_test(a_record_reaches_the_journal),
		cmocka_unit_test(a_record_of_a_group_has_its_scope),
		cmocka_unit_test(an_action_in_the_journal_is_not_a_verdict),
		cmocka_unit_test(sentences_of_mazed_are_one_line),
		cmocka_unit_test(a_missing_journal_is_reported_at_once),
		cmocka_unit_test(a_full_journal_never_blocks),
		cmocka_unit_test(lost_messages_are_counted_and_reported_later),
		cmocka_unit_test(the_event_loop_writes_queued_messages),
		cmocka_unit_test(a_restarted_journal_is_used),
		cmocka_unit_test(a_record_reaches_syslog),
		cmocka_unit_test(a_missing_syslog_is_reported_at_once),
	};

	/* A send waited that must not wait. */
	alarm(240);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
