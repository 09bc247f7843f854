/* SPDX-License-Identifier: GPL-2.0-only */
/* The log of mazed on standard error, and the choice between it and the journal. */
#include "log_case.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "private_mounts.h"
#include "skip.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static int stderr_before = -1;

static int restore_stderr(void **state)
{
	(void)state;
	if (stderr_before >= 0)
		dup2(stderr_before, STDERR_FILENO);
	close(stderr_before);
	stderr_before = -1;
	return 0;
}

/* From here on, standard error is `fd`. */
static void use_as_stderr(int fd)
{
	assert_true(fd >= 0);
	stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

/* Standard error is a pipe; returns the end to read from. */
static int use_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	use_as_stderr(fds[1]);
	return fds[0];
}

static const char *text_of(int fd)
{
	static char text[65536];
	ssize_t length;

	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	length = read(fd, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	return text;
}

static void messages_and_records_are_lines(void **state)
{
	int out = use_pipe();
	struct log *log = open_log(DAEMON_LOG_STDERR, NULL);
	const char *text;

	log_printf(log, LOG_NOTICE, "one\ntwo");
	log_record(log, &an_entry);
	log_close(log);
	restore_stderr(state);
	text = text_of(out);
	assert_line(text, "mazed: one\\x0atwo");
	assert_has(text, "\nmazed: hard: ");
	assert_has(text, "rule spinners\n");
	close(out);
}

/* A write that waits would hang this test forever; then the alarm ends it. */
static void a_full_pipe_never_blocks(void **state)
{
	unsigned int i, next = 0;
	int out = use_pipe(), flags;
	struct log *log = open_log(DAEMON_LOG_STDERR, NULL);
	char line[64], *rest;

	(void)state;
	for (i = 0; i < 10000; i++)
		log_printf(log, LOG_INFO, "number %u", i);
	flags = fcntl(STDERR_FILENO, F_GETFL);
	while (next < i) {
		rest = (char *)text_of(out);
		if (!*rest)
			log_printf(log, LOG_INFO, "number %u", i++);
		while (*rest) {
			snprintf(line, sizeof(line), "mazed: number %u\n", next++);
			if (strncmp(rest, line, strlen(line)) != 0)
				fail_msg("instead of %s: %.60s", line, rest);
			rest += strlen(line);
		}
	}
	log_close(log);
	close(out);
	/* Other programs write to this pipe too. */
	assert_false(flags & O_NONBLOCK);
}

static void a_file_keeps_its_position(void **state)
{
	char path[] = "/tmp/test-log-XXXXXX";
	int file = mkstemp(path), again = open(path, O_RDONLY | O_CLOEXEC);
	const char *text;
	struct log *log;

	unlink(path);
	use_as_stderr(file);
	log_printf(NULL, LOG_INFO, "before");
	log = open_log(DAEMON_LOG_STDERR, NULL);
	log_printf(log, LOG_INFO, "logged");
	log_close(log);
	log_printf(NULL, LOG_INFO, "after");
	restore_stderr(state);
	text = text_of(again);
	assert_string_equal(text, "mazed: before\nmazed: logged\nmazed: after\n");
	close(again);
}

static void without_standard_error_the_log_cannot_be_opened(void **state)
{
	struct daemon_settings settings = { .log = DAEMON_LOG_STDERR };
	struct maze_error error = { "" };
	struct log *log = NULL;
	int err, out = use_pipe();

	close(STDERR_FILENO);
	err = log_open(&settings, &log, &error);
	restore_stderr(state);
	close(out);
	assert_true(err < 0);
	assert_has(error.text, "log = PATH");
}

static int listen_to_journal(void)
{
	struct sockaddr_un address = { AF_UNIX, JOURNAL_SOCKET };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(mkdir("/run/systemd", 0755), 0);
	assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void auto_is_the_journal_where_one_is_reachable(void **state)
{
	struct daemon_settings settings = { .log = DAEMON_LOG_AUTO };
	struct maze_error error = { "" };
	struct log *log;
	int out, journal;

	if (!private_tmpfs("/run"))
		skip_because("%s", private_mounts_why);
	out = use_pipe();
	log = open_log(DAEMON_LOG_AUTO, NULL);
	log_printf(log, LOG_INFO, "no journal");
	journal = listen_to_journal();
	assert_int_equal(log_reopen(log, &settings, &error), 0);
	log_printf(log, LOG_INFO, "a journal");
	log_close(log);
	restore_stderr(state);
	assert_string_equal(text_of(out), "mazed: no journal\n");
	assert_has(text_of(journal), "MESSAGE=a journal\n");
	close(journal);
	close(out);
}

#define TEST(name) cmocka_unit_test_teardown(name, restore_stderr)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_and_records_are_lines),
		TEST(a_full_pipe_never_blocks),
		TEST(a_file_keeps_its_position),
		TEST(without_standard_error_the_log_cannot_be_opened),
		TEST(auto_is_the_journal_where_one_is_reachable),
	};

	alarm(240);
	return cmocka_run_group_tests_name("log on standard error", tests, NULL, NULL);
}
