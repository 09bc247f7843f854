/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines in an event loop: when a process executes another program after the worker
 * has read its command line, and before the answer is processed, it is read again.
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
	int go; /* a byte to it makes the process execute sleep */
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
	fail_msg("the command line of process %d is not \"%s\"", pid, expected);
}

/* ---- the event loop ------------------------------------------------------------------------ */

struct client {
	sd_event *event;
	struct cmdlines *cmdlines;
	struct subject_source source;
	struct subject subject;
	char answers[4][SUBJECT_TEXT_SIZE];
	unsigned int count;
};

static int request(struct client *client)
{
	return cmdlines_get(client->cmdlines, &client->source, &client->subject);
}

static void on_answer(void *arg, pid_t pid)
{
	struct client *client = arg;

	assert_int_equal(pid, client->subject.pid);
	assert_int_equal(request(client), 0);
	assert_in_range(client->count, 0, 3);
	memcpy(client->answers[client->count++], client->subject.cmdline, SUBJECT_TEXT_SIZE);
}

static void open_client(struct client *client, pid_t pid)
{
	struct maze_error error;

	*client = (struct client){ .count = 0 };
	assert_int_equal(sd_event_new(&client->event), 0);
	assert_int_equal(cmdlines_open(client->event, NULL, on_answer, client, &client->cmdlines),
			 0);
	assert_int_equal(subject_open(pid, 0, &client->source, &client->subject, &error), 0);
}

static void close_client(struct client *client)
{
	subject_close(&client->source);
	cmdlines_close(client->cmdlines);
	sd_event_unref(client->event);
}

static bool is_pending(const struct client *client)
{
	return cmdlines_pending(client->cmdlines);
}

static void run_while(struct client *client, bool (*holds)(const struct client *client))
{
	int turns;

	for (turns = 0; holds(client); turns++) {
		assert_in_range(turns, 0, ANY_WAIT_MS / TURN_MS);
		assert_return_code(sd_event_run(client->event, TURN_MS * 1000), 0);
	}
}

/* The only socket of its type in this test; -1: there is no worker yet. */
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

static bool has_no_worker(const struct client *client)
{
	(void)client;
	return worker_socket() < 0;
}

/* Waits until the worker has answered; the answer is not processed. */
static void await_answer(struct client *client)
{
	struct pollfd answer = { .events = POLLIN };

	run_while(client, has_no_worker);
	answer.fd = worker_socket();
	assert_int_equal(poll(&answer, 1, ANY_WAIT_MS), 1);
	assert_int_equal(client->count, 0);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void two_requests_at_once_have_one_answer(void **state)
{
	struct execer execer = start_execer();
	struct client client;

	(void)state;
	await_cmdline(execer.pid, BEFORE);
	open_client(&client, execer.pid);
	assert_int_equal(request(&client), -EINPROGRESS);
	/* The request is not sent yet: the worker reads later than this call. */
	assert_int_equal(request(&client), -EINPROGRESS);
	run_while(&client, is_pending);
	assert_int_equal(client.count, 1);
	assert_string_equal(client.answers[0], BEFORE);
	close_client(&client);
	end_execer(&execer);
}

static void an_exec_after_the_read_is_read_again(void **state)
{
	struct execer execer = start_execer();
	struct client client;

	(void)state;
	await_cmdline(execer.pid, BEFORE);
	open_client(&client, execer.pid);
	assert_int_equal(request(&client), -EINPROGRESS);
	await_answer(&client);
	assert_int_equal(write(execer.go, "\n", 1), 1);
	await_cmdline(execer.pid, AFTER);
	/* As at the event of the exec. */
	assert_int_equal(request(&client), -EINPROGRESS);
	run_while(&client, is_pending);
	/* The first answer counts until the second, so a loop of execs cannot evade the rules. */
	assert_int_equal(client.count, 2);
	assert_string_equal(client.answers[0], BEFORE);
	assert_string_equal(client.answers[1], AFTER);
	close_client(&client);
	end_execer(&execer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_requests_at_once_have_one_answer),
		cmocka_unit_test(an_exec_after_the_read_is_read_again),
	};

	return cmocka_run_group_tests_name("cmdlines", tests, NULL, NULL);
}
