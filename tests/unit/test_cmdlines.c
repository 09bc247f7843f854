/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines in an event loop: a process that executes another program after its command
 * line was read, and before the answer is taken, is read again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/tracker/cmdlines.h"

#define ANY_WAIT_MS 60000
#define TURN_MS 10

#define BEFORE "sh -c read -r _; exec sleep 1000"
#define AFTER "sleep 1000"

/* ---- the process --------------------------------------------------------------------------- */

struct execer {
	pid_t pid;
	int go; /* a byte here: it executes sleep */
};

static struct execer start_execer(void)
{
	struct execer execer;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	execer.pid = fork();
	assert_true(execer.pid >= 0);
	if (!execer.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[0], STDIN_FILENO);
		execlp("sh", "sh", "-c", "read -r _; exec sleep 1000", NULL);
		_exit(1);
	}
	close(ends[0]);
	execer.go = ends[1];
	return execer;
}

static void end_execer(struct execer *execer)
{
	kill(execer->pid, SIGKILL);
	waitpid(execer->pid, NULL, 0);
	close(execer->go);
}

static bool has_cmdline(pid_t pid, const char *expected)
{
	char path[64], text[256];
	ssize_t length, i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, text, sizeof(text));
	close(fd);
	for (i = 0; i < length - 1; i++)
		if (!text[i])
			text[i] = ' ';
	return length > 0 && !strcmp(text, expected);
}

static void await_cmdline(pid_t pid, const char *expected)
{
	int waited;

	for (waited = 0; waited < ANY_WAIT_MS; waited += TURN_MS) {
		if (has_cmdline(pid, expected))
			return;
		poll(NULL, 0, TURN_MS);
	}
	fail_msg("process %d has not the command line \"%s\"", pid, expected);
}

/* ---- the event loop ------------------------------------------------------------------------ */

struct asker {
	sd_event *event;
	struct cmdlines *cmdlines;
	struct subject_source source;
	struct subject subject;
	char answers[4][SUBJECT_TEXT_SIZE];
	unsigned int count;
};

static int ask(struct asker *asker)
{
	return cmdlines_get(asker->cmdlines, &asker->source, &asker->subject);
}

static void on_answer(void *arg, pid_t pid)
{
	struct asker *asker = arg;

	assert_int_equal(pid, asker->subject.pid);
	assert_int_equal(ask(asker), 0);
	assert_in_range(asker->count, 0, 3);
	memcpy(asker->answers[asker->count++], asker->subject.cmdline, SUBJECT_TEXT_SIZE);
}

static void open_asker(struct asker *asker, pid_t pid)
{
	struct maze_error error;

	*asker = (struct asker){ .count = 0 };
	assert_int_equal(sd_event_new(&asker->event), 0);
	assert_int_equal(cmdlines_open(asker->event, NULL, on_answer, asker, &asker->cmdlines), 0);
	assert_int_equal(subject_open(pid, 0, &asker->source, &asker->subject, &error), 0);
}

static void close_asker(struct asker *asker)
{
	subject_close(&asker->source);
	cmdlines_close(asker->cmdlines);
	sd_event_unref(asker->event);
}

static void turn(struct asker *asker)
{
	assert_return_code(sd_event_run(asker->event, TURN_MS * 1000), 0);
}

static void turn_until_answered(struct asker *asker)
{
	int turns;

	for (turns = 0; cmdlines_pending(asker->cmdlines); turns++) {
		assert_in_range(turns, 0, ANY_WAIT_MS / TURN_MS);
		turn(asker);
	}
}

/* The socket to the worker: this test has no other of that type. -1: there is none. */
static int worker_socket(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int found = -1, fd, type;
	struct dirent *entry;
	socklen_t size;

	while (found < 0 && (entry = readdir(dir))) {
		fd = atoi(entry->d_name);
		size = sizeof(type);
		if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) && type == SOCK_SEQPACKET)
			found = fd;
	}
	closedir(dir);
	return found;
}

/* The worker has answered, and the answer is not taken. */
static void await_answer(struct asker *asker)
{
	struct pollfd answer = { .events = POLLIN };
	int turns;

	for (turns = 0; (answer.fd = worker_socket()) < 0; turns++) {
		assert_in_range(turns, 0, ANY_WAIT_MS / TURN_MS);
		turn(asker);
	}
	assert_int_equal(poll(&answer, 1, ANY_WAIT_MS), 1);
	assert_int_equal(asker->count, 0);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void one_look_is_answered_once(void **state)
{
	struct execer execer = start_execer();
	struct asker asker;

	(void)state;
	await_cmdline(execer.pid, BEFORE);
	open_asker(&asker, execer.pid);
	assert_int_equal(ask(&asker), -EINPROGRESS);
	/* Before the request is sent: the worker reads later than this look. */
	assert_int_equal(ask(&asker), -EINPROGRESS);
	turn_until_answered(&asker);
	assert_int_equal(asker.count, 1);
	assert_string_equal(asker.answers[0], BEFORE);
	close_asker(&asker);
	end_execer(&execer);
}

static void an_exec_after_the_reading_is_read_too(void **state)
{
	struct execer execer = start_execer();
	struct asker asker;

	(void)state;
	await_cmdline(execer.pid, BEFORE);
	open_asker(&asker, execer.pid);
	assert_int_equal(ask(&asker), -EINPROGRESS);
	await_answer(&asker);
	assert_int_equal(write(execer.go, "\n", 1), 1);
	await_cmdline(execer.pid, AFTER);
	/* As upon the event of the exec. */
	assert_int_equal(ask(&asker), -EINPROGRESS);
	turn_until_answered(&asker);
	/* The first answer counts until the second: a loop of execs does not escape the rules. */
	assert_int_equal(asker.count, 2);
	assert_string_equal(asker.answers[0], BEFORE);
	assert_string_equal(asker.answers[1], AFTER);
	close_asker(&asker);
	end_execer(&execer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_look_is_answered_once),
		cmocka_unit_test(an_exec_after_the_reading_is_read_too),
	};

	return cmocka_run_group_tests_name("cmdlines", tests, NULL, NULL);
}
