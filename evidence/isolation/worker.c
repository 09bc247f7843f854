/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Identifies workers by pidfd. A caller that waits for all its children may have reaped a
 * worker, and the PID may already belong to another process.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/pidfd.h"
#include "../../base/proc_files.h"
#include "sandbox.h"

/* The socket buffer holds about fifty stacks. The caller queues what does not fit. */
#define SOCKET_BYTES (1 << 20)

/*
 * The time in which a worker is runnable is divided by this, because a worker on a busy
 * machine waits for a CPU. The time is not ignored, so that an endless loop misses its
 * deadline.
 */
#define RUNNABLE_SLOWER 12

/* ---- left behind ------------------------------------------------------------------- */

static bool has_ended(int pidfd)
{
	siginfo_t info;

	if (!pidfd_has_ended(pidfd))
		return false;
	/* It fails if the caller has waited for all its children. */
	(void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
	return true;
}

size_t workers_left_reap(struct workers_left *left)
{
	size_t i = 0;

	while (i < left->count) {
		if (!has_ended(left->worker[i].pidfd)) {
			i++;
			continue;
		}
		close(left->worker[i].pidfd);
		left->worker[i] = left->worker[--left->count];
	}
	return left->count;
}

bool workers_left_by(const struct workers_left *left, maze_u32 uid)
{
	size_t i;

	for (i = 0; i < left->count; i++)
		if (left->worker[i].uid == uid)
			return true;
	return false;
}

bool workers_left_allow(const struct workers_left *left, maze_u32 uid)
{
	return left->count < (uid == geteuid() ? WORKERS_LEFT_OWN_MAX : WORKERS_LEFT_MAX);
}

/* ---- one worker -------------------------------------------------------------------- */

static void __attribute__((noreturn))
become(void (*main)(int fd, void *arg), void *arg, int fd, const int *kept, size_t count)
{
	int keep[2 + WORKER_KEEP_MAX] = { fd, STDERR_FILENO };

	if (count > WORKER_KEEP_MAX)
		_exit(1);
	if (count)
		memcpy(keep + 2, kept, count * sizeof(*kept));
	if (sandbox_separate("maze-worker", keep, 2 + count))
		_exit(1);
	main(fd, arg);
	_exit(0);
}

int worker_start(void (*main)(int fd, void *arg), void *arg, const int *keep, size_t count,
		 struct worker *ret_worker)
{
	const int room = SOCKET_BYTES;
	int ends[2], pidfd, err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	pid = fork();
	if (!pid) {
		close(ends[0]);
		become(main, arg, ends[1], keep, count);
	}
	err = pid < 0 ? -errno : 0;
	close(ends[1]);
	pidfd = err ? -1 : pidfd_open(pid, 0);
	/* A worker without a pidfd cannot be killed. Closing the socket ends it. */
	if (!err && pidfd < 0)
		err = -errno;
	if (err) {
		close(ends[0]);
		return err;
	}
	*ret_worker = (struct worker){
		.pid = pid, .pidfd = pidfd, .fd = ends[0], .checked_ns = now_ns(CLOCK_MONOTONIC)
	};
	return 0;
}

int worker_send(struct worker *worker, const struct iovec *parts, size_t count)
{
	struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };

	while (sendmsg(worker->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : -EPIPE;
	return 0;
}

ssize_t worker_receive(struct worker *worker, void *buf, size_t size)
{
	ssize_t got;

	do
		got = recv(worker->fd, buf, size, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN ? -EAGAIN : 0;
}

void worker_expect(struct worker *worker, maze_u64 allowed_ns)
{
	worker->expects = true;
	worker->waited_ns = 0;
	worker->checked_ns = now_ns(CLOCK_MONOTONIC);
	worker->allowed_ns = allowed_ns;
}

void worker_expect_nothing(struct worker *worker)
{
	worker->expects = false;
}

static bool is_runnable(const struct worker *worker)
{
	char path[64], stat[512];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", worker->pid);
	if (read_file_at(AT_FDCWD, path, stat, sizeof(stat)) <= 0)
		return false;
	at = strrchr(stat, ')');
	return at && !strncmp(at, ") R", 3);
}

bool worker_is_late(struct worker *worker, maze_u64 deadline_ns, maze_u64 step_ns)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC), passed = now - worker->checked_ns;

	worker->checked_ns = now;
	if (!worker->expects)
		return false;
	if (passed > step_ns)
		passed = step_ns;
	worker->waited_ns += is_runnable(worker) ? passed / RUNNABLE_SLOWER : passed;
	return worker->waited_ns > deadline_ns + worker->allowed_ns;
}

void worker_leave(struct worker *worker, bool killed, maze_u32 uid, struct workers_left *left)
{
	close(worker->fd);
	worker->fd = -1;
	if (killed)
		syscall(SYS_pidfd_send_signal, worker->pidfd, SIGKILL, NULL, 0);
	if (has_ended(worker->pidfd) || left->count == WORKERS_LEFT_ROOM) {
		close(worker->pidfd);
		return;
	}
	left->worker[left->count].pidfd = worker->pidfd;
	left->worker[left->count++].uid = uid;
}
