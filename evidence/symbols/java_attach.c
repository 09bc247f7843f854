/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The handshake of HotSpot's attach mechanism. The client creates .attach_pidN in /tmp and
 * sends SIGQUIT. HotSpot then listens on the socket .java_pidN in /tmp. Both programs check
 * that the other side's files and peer have their own user and group.
 */
#include "java_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../base/proc_files.h"
#include "../capture/language.h"

/* The time of a turn. A pause of the whole machine, also of HotSpot, is one turn. */
#define TURN_MS 10
/* How long HotSpot may take to open its socket: 2 s. It needs some 10 ms. */
#define OPEN_TURNS 200
/* How long the command may take: 2 s. It needs some 100 ms for a large program. */
#define ANSWER_TURNS 200

struct attach {
	const struct java_job *job;
	uid_t uid;
	gid_t gid;
	int tmp; /* /tmp of the process */
};

/* ---- the process ------------------------------------------------------------------- */

/* Sets *ret_ids to the ID if the real, effective and saved one are the same. */
static bool parse_id(const char *status, const char *field, unsigned int *ret_id)
{
	const char *line = strstr(status, field);
	unsigned int real, effective, saved;

	if (!line || sscanf(line + strlen(field), "%u %u %u", &real, &effective, &saved) != 3)
		return false;
	*ret_id = real;
	return real == effective && real == saved;
}

static bool has_quit(const char *status, const char *field)
{
	const char *line = strstr(status, field);

	return line && strtoull(line + strlen(field), NULL, 16) & 1ULL << (SIGQUIT - 1);
}

struct thread_search {
	int proc_fd;
	bool found;
};

/* Newer versions write "Signal ..atcher" for "Signal Dispatcher". */
static void match_thread(pid_t tid, void *arg)
{
	struct thread_search *search = arg;
	char comm[MAZE_COMM_LEN + 1] = "";

	proc_thread_comm(search->proc_fd, tid, comm);
	search->found |= !strcmp(comm, "Signal Dispatch") || !strcmp(comm, "Signal ..atcher");
}

static bool has_hotspot(int proc_fd)
{
	struct thread_search search = { .proc_fd = proc_fd };
	struct maps maps;
	bool mapped;
	size_t i;

	if (maps_read(proc_fd, &maps))
		return false;
	mapped = language_map(&maps, LANGUAGE_JAVA);
	/* OpenJ9 has the same names, and writes a dump when it gets SIGQUIT. */
	for (i = 0; i < maps.count; i++)
		mapped &= !strstr(maps.map[i].path, "/libj9");
	maps_done(&maps);
	if (mapped)
		proc_each_thread(proc_fd, match_thread, &search);
	return search.found;
}

/* The last check before the signal. A process that executes another program catches none. */
static bool catches_quit(int proc_fd)
{
	char status[PROC_STATUS_SIZE];

	return !proc_read_status(proc_fd, "status", status) && has_quit(status, "\nSigCgt:") &&
	       !has_quit(status, "\nSigIgn:");
}

/* ---- credentials ------------------------------------------------------------------- */

static int become(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if ((geteuid() != uid || getegid() != gid) &&
	    (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)))
		return -errno;
	/* The unit of mazed denies capset(2), but setresuid(2) has dropped them then. */
	(void)syscall(SYS_capset, &header, caps);
	/* The memory of this process is that of the worker, which may have been root's. */
	if (syscall(SYS_capget, &header, caps) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	return caps[0].permitted || caps[1].permitted ? -EPERM : 0;
}

/* ---- the socket -------------------------------------------------------------------- */

static int connect_to(const struct attach *attach)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat status;
	char name[32];
	int found, fd, err = 0;

	snprintf(name, sizeof(name), ".java_pid%d", attach->job->inner_pid);
	found = openat(attach->tmp, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (found < 0)
		return -errno;
	if (fstat(found, &status) || !S_ISSOCK(status.st_mode) || status.st_uid != attach->uid) {
		close(found);
		return -EPERM;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", found);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err = -errno;
	close(found);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

/* Makes HotSpot open its socket. Returns a connection, or -errno. */
static int open_socket(const struct attach *attach)
{
	const struct timespec pause = { .tv_nsec = TURN_MS * MAZE_NSEC_PER_MSEC };
	struct stat status;
	char name[32];
	int fd, created, turns = OPEN_TURNS;

	snprintf(name, sizeof(name), ".attach_pid%d", attach->job->inner_pid);
	created = openat(attach->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 0600);
	/* Another client attaches too. With a file of another user HotSpot dumps its threads. */
	if (created < 0 && (errno != EEXIST || fstatat(attach->tmp, name, &status, 0) ||
			    status.st_uid != attach->uid))
		return -EPERM;
	if (created >= 0)
		close(created);
	if (!catches_quit(attach->job->proc_fd))
		fd = -ENOTSUP;
	else if (syscall(SYS_pidfd_send_signal, attach->job->proc_fd, SIGQUIT, NULL, 0))
		fd = -errno;
	else
		while ((fd = connect_to(attach)) < 0 && turns--)
			nanosleep(&pause, NULL);
	if (created >= 0)
		unlinkat(attach->tmp, name, 0);
	return fd;
}

static enum java_result run_command(int fd)
{
	/* The version of the protocol, the operation and its three arguments. */
	static const char command[] = "1\0jcmd\0Compiler.perfmap\0\0";
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	int turns = ANSWER_TURNS;
	char answer[16];
	ssize_t got;

	if (send(fd, command, sizeof(command), MSG_NOSIGNAL) != sizeof(command))
		return JAVA_SILENT;
	while (poll(&readable, 1, TURN_MS) != 1)
		if (!turns--)
			return JAVA_SILENT;
	/* The answer comes when the file is written. It begins with "0\n" for success. */
	got = recv(fd, answer, sizeof(answer), 0);
	if (got <= 0)
		return JAVA_SILENT;
	return got >= 2 && !memcmp(answer, "0\n", 2) ? JAVA_WRITTEN : JAVA_REFUSED;
}

/* HotSpot overwrites the file at this path, also through a symbolic link. */
static bool has_foreign_map(const struct attach *attach)
{
	struct stat status;
	char name[32];

	snprintf(name, sizeof(name), "perf-%d.map", attach->job->inner_pid);
	return !fstatat(attach->tmp, name, &status, AT_SYMLINK_NOFOLLOW) &&
	       (!S_ISREG(status.st_mode) || status.st_uid != attach->uid);
}

/* ---- the request ------------------------------------------------------------------- */

static enum java_result request(const struct java_job *job)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	struct attach attach = { .job = job };
	char status[PROC_STATUS_SIZE];
	int fd;

	if (proc_read_status(job->proc_fd, "status", status) ||
	    !parse_id(status, "\nUid:", &attach.uid) || !parse_id(status, "\nGid:", &attach.gid) ||
	    !has_hotspot(job->proc_fd) || !catches_quit(job->proc_fd))
		return JAVA_NOT_READY;
	if (!attach.uid)
		return JAVA_OF_ROOT;
	if (become(attach.uid, attach.gid))
		return JAVA_NO_CREDENTIALS;
	attach.tmp = (int)syscall(SYS_openat2, job->root_fd, "tmp", &how, sizeof(how));
	if (attach.tmp < 0)
		return JAVA_SILENT;
	if (has_foreign_map(&attach))
		return JAVA_FOREIGN_FILE;
	fd = connect_to(&attach);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		fd = open_socket(&attach);
	if (fd < 0)
		return fd == -ENOTSUP ? JAVA_NOT_READY : JAVA_SILENT;
	return run_command(fd);
}

void java_attach_main(int fd, void *arg)
{
	unsigned char result = (unsigned char)request(arg);

	(void)send(fd, &result, sizeof(result), MSG_NOSIGNAL);
}
