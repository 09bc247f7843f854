/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worker process (cmdline.h) reads the command line of another process, the target.
 * It inherits no descriptor of the target, so it opens the target's /proc directory by
 * PID. It compares the target's start time before and after the read, because the PID may
 * be reused.
 */
#include "cmdline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../base/proc_files.h"

/* ---- the worker -------------------------------------------------------------------- */

static int read_it(const struct cmdline_request *request, char *text)
{
	maze_u64 before = 0, after = 0;
	ssize_t length, i;
	char name[64];
	int fd, err;

	snprintf(name, sizeof(name), "/proc/%d", request->pid);
	fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	snprintf(name, sizeof(name), "task/%d/cmdline", request->tid);
	err = proc_start_ticks(fd, &before);
	length = err ? err : read_file_at(fd, name, text, SUBJECT_TEXT_SIZE);
	if (!err && length >= 0)
		err = proc_start_ticks(fd, &after);
	close(fd);
	if (err || length < 0)
		return err ?: (int)length;
	if (before != request->start || after != request->start)
		return -ESRCH;
	while (length && !text[length - 1])
		length--;
	for (i = 0; i < length; i++)
		if (!text[i])
			text[i] = ' ';
	return 0;
}

void cmdline_worker(int fd, void *arg)
{
	static struct cmdline_answer answer;
	struct cmdline_request request;

	(void)arg;
	while (recv(fd, &request, sizeof(request), 0) == sizeof(request)) {
		answer.pid = request.pid;
		answer.start = request.start;
		answer.text[0] = '\0';
		answer.err = read_it(&request, answer.text);
		if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			return;
	}
}

int cmdline_send(struct worker *worker, const struct cmdline_request *request)
{
	struct iovec part = { (void *)request, sizeof(*request) };
	int err = worker_send(worker, &part, 1);

	if (!err && !worker->expects)
		worker_expect(worker, 0);
	return err;
}

int cmdline_request(const struct subject_source *source, const struct subject *subject,
		    struct cmdline_request *ret_request)
{
	*ret_request = (struct cmdline_request){ .pid = subject->pid, .tid = subject->tid };
	return proc_start_ticks(source->proc_fd, &ret_request->start);
}

bool cmdline_is_late(struct worker *worker)
{
	return worker_is_late(worker, CMDLINE_DEADLINE_NS,
			      2 * CMDLINE_CHECK_MS * MAZE_NSEC_PER_MSEC);
}

/* ---- a read that blocks ------------------------------------------------------------ */

static int await_answer(struct worker *worker, struct cmdline_answer *answer)
{
	struct pollfd poll_fd = { .fd = worker->fd, .events = POLLIN };
	ssize_t got;

	for (;;) {
		got = worker_receive(worker, answer, sizeof(*answer));
		if (got == sizeof(*answer))
			return answer->err;
		if (got != -EAGAIN)
			return -EIO;
		if (cmdline_is_late(worker))
			return -ETIMEDOUT;
		poll(&poll_fd, 1, CMDLINE_CHECK_MS);
	}
}

int cmdline_read(const struct subject_source *source, struct subject *subject)
{
	static struct workers_left left;
	struct cmdline_answer answer;
	struct cmdline_request request;
	struct worker worker;
	int err = cmdline_request(source, subject, &request);

	workers_left_reap(&left);
	if (!err && !workers_left_allow(&left, subject->uid))
		err = -ETIMEDOUT;
	if (!err)
		err = worker_start(cmdline_worker, NULL, NULL, 0, &worker);
	if (err)
		return err;
	err = cmdline_send(&worker, &request);
	if (!err)
		err = await_answer(&worker, &answer);
	worker_leave(&worker, true, subject->uid, &left);
	if (!err)
		memcpy(subject->cmdline, answer.text, sizeof(answer.text));
	return err;
}
