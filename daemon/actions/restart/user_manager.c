/* SPDX-License-Identifier: GPL-2.0-only */
#include "user_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../base/error.h"
#include "../../../evidence/isolation/sandbox.h"

#define SOCKET "systemd/private"
/* An answer has less than 1 KiB. sd-bus accepts messages of up to 128 MiB. */
#define MEMORY_MAX (256ULL << 20)

/* ---- connection -------------------------------------------------------------------- */

/* Opens the user's file or directory below `dir`, without links and other mounts. */
static int open_owned(int dir, const char *name, uid_t uid, mode_t type)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
				.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	struct stat status;
	int fd, err = 0;

	if (dir != AT_FDCWD)
		how.resolve |= RESOLVE_BENEATH | RESOLVE_NO_XDEV;
	fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status))
		err = -errno;
	else if (status.st_uid != uid || (status.st_mode & S_IFMT) != type)
		err = -EPERM;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int open_socket(const char *run, uid_t uid)
{
	char path[PATH_MAX];
	int dir, fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%u", run, uid) >= sizeof(path))
		return -ENAMETOOLONG;
	dir = open_owned(AT_FDCWD, path, uid, S_IFDIR);
	if (dir < 0)
		return dir;
	fd = open_owned(dir, SOCKET, uid, S_IFSOCK);
	close(dir);
	return fd;
}

/* Connects to the socket that `fd` refers to, whatever now has its name. */
static int connect_to(int fd, uid_t uid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	if (connection < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", fd);
	if (connect(connection, (struct sockaddr *)&address, sizeof(address)) ||
	    getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		err = -errno;
	else if (peer.uid != uid)
		err = -EPERM;
	if (!err)
		return connection;
	close(connection);
	return err;
}

int user_manager_connect(const char *run, uid_t uid, struct maze_error *error)
{
	int fd = open_socket(run, uid), connection = fd;

	if (fd >= 0) {
		connection = connect_to(fd, uid);
		close(fd);
	}
	if (connection >= 0)
		return connection;
	return maze_fail(error, connection,
			 "cannot connect to the service manager of user id %u, %s/%u/" SOCKET
			 ": %s",
			 uid, run, uid, strerror(-connection));
}

/* ---- the worker -------------------------------------------------------------------- */

struct asked {
	const char *run, *unit;
	uid_t uid;
	int fd;
	sd_event *event;
};

static int connect_bus(void *arg, bool *ret_broker, struct maze_error *error)
{
	const struct asked *asked = arg;

	*ret_broker = false;
	return user_manager_connect(asked->run, asked->uid, error);
}

static void send_news(void *arg, const struct restart_news *news)
{
	const struct asked *asked = arg;

	(void)!send(asked->fd, news, sizeof(*news), MSG_NOSIGNAL);
	if (news->event != RESTART_ACCEPTED)
		sd_event_exit(asked->event, 0);
}

/* Whatever fails is the only event. The worker exits without freeing anything. */
static void work(int fd, void *arg)
{
	struct asked *asked = arg;
	struct restart_news failed = { .event = RESTART_FAILED };
	struct maze_error error = { "out of memory" };
	struct restart_job *job;
	struct bus *bus;
	int err;

	asked->fd = fd;
	err = sd_event_new(&asked->event);
	if (err >= 0)
		err = bus_new(asked->event, connect_bus, asked, &bus);
	if (err >= 0)
		err = restart_job_start(bus, asked->unit, send_news, asked, &job, &error);
	if (err < 0) {
		snprintf(failed.text, sizeof(failed.text), "%.255s", error.text);
		send_news(asked, &failed);
		return;
	}
	/* The connection is open, and needs no privileges any more. */
	sandbox_limit(MEMORY_MAX);
	sd_event_loop(asked->event);
}

int user_manager_restart(const char *run, uid_t uid, const char *unit, struct worker *ret_worker)
{
	struct asked asked = { .run = run, .unit = unit, .uid = uid };

	return worker_start(work, &asked, NULL, 0, ret_worker);
}

int user_manager_receive(struct worker *worker, struct restart_news *ret_news)
{
	ssize_t got = worker_receive(worker, ret_news, sizeof(*ret_news));

	if (got < 0)
		return (int)got;
	if (got != sizeof(*ret_news) || ret_news->event > RESTART_FAILED)
		return 0;
	ret_news->kill_mode[sizeof(ret_news->kill_mode) - 1] = '\0';
	ret_news->text[sizeof(ret_news->text) - 1] = '\0';
	return 1;
}
