/* SPDX-License-Identifier: GPL-2.0-only */
#include "proc_files.h"
#include "../core/delivery.h"
#include "cgroup.h"
#include "pidfd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room for a stat file: 51 numbers of up to 20 digits, and a name of up to 63 bytes. */
#define STAT_SIZE 1536

ssize_t read_file_at(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), err = 0;
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, buf + length, size - 1 - length);
		if (got > 0)
			length += (size_t)got;
	} while ((got > 0 && length < size - 1) || (got < 0 && errno == EINTR));
	if (got < 0)
		err = -errno;
	close(fd);
	buf[err ? 0 : length] = '\0';
	return err ? err : (ssize_t)length;
}

/* An empty or missing file of a process means that the process has ended. */
static int read_at(int dir, const char *path, char *buf, size_t size)
{
	ssize_t length = read_file_at(dir, path, buf, size);

	if (length == -ENOENT || !length)
		return -ESRCH;
	return length < 0 ? (int)length : 0;
}

static int read_of_thread(int dir, pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "task/%d/%s", (int)tid, name);
	return read_at(dir, path, buf, size);
}

static int open_unless(pid_t pid, int pidfd, bool (*is_gone)(int pidfd))
{
	char path[32];
	int dir;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* The process is still there, so the PID was not reused. */
	if (!is_gone(pidfd))
		return dir;
	close(dir);
	return -ESRCH;
}

int proc_open_process(pid_t pid, int pidfd)
{
	return open_unless(pid, pidfd, pidfd_has_ended);
}

int proc_open_unreaped(pid_t pid, int pidfd)
{
	return open_unless(pid, pidfd, pidfd_is_reaped);
}

static int parse_times(const char *text, struct thread_times *ret_times)
{
	char *end;

	ret_times->runtime_ns = strtoull(text, &end, 10);
	ret_times->waited_ns = strtoull(end, &end, 10);
	ret_times->arrivals = strtoull(end, &end, 10);
	return *end == '\n' ? 0 : -EPROTO;
}

/*
 * Reads a file of /proc. Only a status file can be longer than the buffer, because it
 * lists up to 65536 groups. In that case the group numbers are dropped. The kernel
 * generates the text for the read at offset 0 and keeps what does not fit for the next
 * read.
 */
static int read_fd(int fd, char *buf, size_t size)
{
	static const char label[] = "\nGroups:";
	size_t have = 0, kept;
	char *groups, *rest;
	off_t at = 0;
	ssize_t n;

	for (;;) {
		n = pread(fd, buf + have, size - 1 - have, at);
		if (n < 0)
			return -errno;
		at += n;
		have += (size_t)n;
		buf[have] = '\0';
		if (have < size - 1)
			return have ? 0 : -ESRCH;
		groups = strstr(buf, label);
		if (!groups)
			return -EPROTO;
		groups += strlen(label);
		rest = strchrnul(groups, '\n');
		if (rest == groups)
			return -EPROTO;
		kept = (size_t)(buf + have - rest);
		memmove(groups, rest, kept);
		have = (size_t)(groups - buf) + kept;
	}
}

static int open_file(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

int proc_read_status(int dir, const char *path, char buf[PROC_STATUS_SIZE])
{
	int fd = open_file(dir, path), err;

	if (fd < 0)
		return fd;
	err = read_fd(fd, buf, PROC_STATUS_SIZE);
	close(fd);
	return err;
}

/* Reads a file of a thread. `fd` and `keep` are those of proc_thread_times(). */
static int read_kept(int dir, pid_t tid, const char *name, int *fd, bool keep, char *buf,
		     size_t size)
{
	char path[64];
	int err;

	if (*fd < 0) {
		snprintf(path, sizeof(path), "task/%d/%s", (int)tid, name);
		err = open_file(dir, path);
		if (err < 0)
			return err;
		*fd = err;
	}
	err = read_fd(*fd, buf, size);
	if (!keep) {
		close(*fd);
		*fd = -1;
	}
	return err;
}

int proc_thread_times(int dir, pid_t tid, int *fd, bool keep, struct thread_times *ret_times)
{
	char buf[96];
	int err = read_kept(dir, tid, "schedstat", fd, keep, buf, sizeof(buf));

	return err ? err : parse_times(buf, ret_times);
}

/*
 * Reads the first `count` numbers of line `name`. False: the line is missing or has
 * fewer. A thread name cannot forge a line, because the kernel escapes its newlines.
 */
static bool numbers_after(const char *text, const char *name, maze_u64 *numbers, size_t count)
{
	const char *at = strstr(text, name);
	char *end;

	for (at = at ? at + strlen(name) : NULL; at && count; count--) {
		*numbers++ = strtoull(at, &end, 10);
		at = end == at ? NULL : end;
	}
	return at;
}

static int parse_status(const char *text, struct thread_status *ret_status)
{
	maze_u64 tgid, ppid, uids[3], gid, sleeps;

	if (!numbers_after(text, "\nTgid:", &tgid, 1) ||
	    !numbers_after(text, "\nPPid:", &ppid, 1) || !numbers_after(text, "\nUid:", uids, 3) ||
	    !numbers_after(text, "\nGid:", &gid, 1) ||
	    !numbers_after(text, "\nvoluntary_ctxt_switches:", &sleeps, 1))
		return -EPROTO;
	*ret_status = (struct thread_status){
		.tgid = (pid_t)tgid,
		.ppid = (pid_t)ppid,
		.uid = (maze_u32)uids[0],
		.gid = (maze_u32)gid,
		.euid = (maze_u32)uids[1],
		.suid = (maze_u32)uids[2],
		.sleeps = sleeps,
	};
	return 0;
}

int proc_thread_status_kept(int dir, pid_t tid, int *fd, bool keep,
			    struct thread_status *ret_status)
{
	char buf[PROC_STATUS_SIZE];
	int err = read_kept(dir, tid, "status", fd, keep, buf, sizeof(buf));

	return err ? err : parse_status(buf, ret_status);
}

int proc_thread_status(int dir, pid_t tid, struct thread_status *ret_status)
{
	int fd = -1;

	return proc_thread_status_kept(dir, tid, &fd, false, ret_status);
}

int proc_status_by_number(pid_t pid, struct thread_status *ret_status)
{
	char path[64], buf[PROC_STATUS_SIZE];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	err = proc_read_status(AT_FDCWD, path, buf);
	return err ? err : parse_status(buf, ret_status);
}

/* Whether the signal is in the set of line `name`. Clears *known if there is no line. */
static bool has_signal(const char *text, const char *name, int signal, bool *known)
{
	const char *at = strstr(text, name);

	*known &= at != NULL;
	return at && strtoull(at + strlen(name), NULL, 16) >> (signal - 1) & 1;
}

/* Whether the last number of NStgid, the PID in the innermost namespace, is 1. */
static bool is_first_of_namespace(const char *text)
{
	const char *line = strstr(text, "\nNStgid:"), *end = line ? strchr(line + 1, '\n') : NULL;

	return end && end - line > 2 && end[-1] == '1' && end[-2] == '\t';
}

maze_u32 proc_thread_disposition(int dir, pid_t tid, int signal)
{
	bool catches, ignores, blocks, known = true;
	char buf[PROC_STATUS_SIZE];
	int fd = -1;

	if (!signal || read_kept(dir, tid, "status", &fd, false, buf, sizeof(buf)))
		return 0;
	catches = has_signal(buf, "\nSigCgt:", signal, &known);
	ignores = has_signal(buf, "\nSigIgn:", signal, &known);
	blocks = has_signal(buf, "\nSigBlk:", signal, &known);
	if (!known)
		return 0;
	return MAZE_DISPOSITION_KNOWN | (catches ? MAZE_DISPOSITION_CAUGHT : 0) |
	       (ignores ? MAZE_DISPOSITION_IGNORED : 0) | (blocks ? MAZE_DISPOSITION_BLOCKED : 0) |
	       (is_first_of_namespace(buf) ? MAZE_DISPOSITION_INIT : 0);
}

void proc_thread_comm(int dir, pid_t tid, char comm[MAZE_COMM_LEN])
{
	char buf[64];
	size_t n;

	if (read_of_thread(dir, tid, "comm", buf, sizeof(buf)))
		return;
	n = strlen(buf);
	if (n && buf[n - 1] == '\n')
		buf[--n] = '\0';
	snprintf(comm, MAZE_COMM_LEN, "%.*s", MAZE_COMM_LEN - 1, buf);
}

/* Reads field `number` of stat. Fields are counted from 1, as in proc(5). */
static bool stat_field(const char *text, int number, maze_u64 *ret_value)
{
	const char *at = strrchr(text, ')');
	int field;

	/* Field 2, the name, may have blanks and brackets. The last bracket ends it. */
	for (field = 2; at && field < number; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	*ret_value = strtoull(at, NULL, 10);
	return true;
}

maze_u32 proc_thread_cpu(int dir, pid_t tid)
{
	char buf[STAT_SIZE];
	maze_u64 cpu;

	if (read_of_thread(dir, tid, "stat", buf, sizeof(buf)) || !stat_field(buf, 39, &cpu))
		return 0;
	return (maze_u32)cpu;
}

/*
 * These are PF_KTHREAD, PF_IO_WORKER and PF_USER_WORKER of include/linux/sched.h. Field 9
 * of stat contains the flags of a task. Before 5.18 the bit of PF_USER_WORKER marked a
 * thread that loads a module.
 */
#define FLAGS_OF_KERNEL (0x00200000 | 0x00000010 | 0x00004000)

bool proc_is_kernel_thread(int dir, pid_t tid)
{
	char buf[STAT_SIZE];
	maze_u64 flags;

	return !read_of_thread(dir, tid, "stat", buf, sizeof(buf)) && stat_field(buf, 9, &flags) &&
	       (flags & FLAGS_OF_KERNEL);
}

bool proc_is_own_program(int dir, const char *exe)
{
	/* Use the inode cache, because a FUSE server may never answer. */
	const int flags = AT_STATX_DONT_SYNC;
	struct statx ours, theirs;

	return !statx(AT_FDCWD, "/proc/self/exe", flags, STATX_INO, &ours) &&
	       !statx(dir, exe, flags, STATX_INO, &theirs) &&
	       ours.stx_dev_major == theirs.stx_dev_major &&
	       ours.stx_dev_minor == theirs.stx_dev_minor && ours.stx_ino == theirs.stx_ino;
}

bool proc_pid_is_own_program(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return proc_is_own_program(AT_FDCWD, path);
}

int proc_start_ticks(int dir, maze_u64 *ret_ticks)
{
	char buf[STAT_SIZE];
	int err = read_at(dir, "stat", buf, sizeof(buf));

	if (err)
		return err;
	return stat_field(buf, 22, ret_ticks) ? 0 : -EPROTO;
}

maze_u64 proc_ticks_to_ns(maze_u64 ticks)
{
	return ticks * (MAZE_NSEC_PER_SEC / (maze_u64)sysconf(_SC_CLK_TCK));
}

maze_u64 proc_start_ns(int dir)
{
	maze_u64 ticks;

	return proc_start_ticks(dir, &ticks) ? 0 : proc_ticks_to_ns(ticks);
}

int proc_ended_children(int dir, pid_t *ret_ppid, maze_u64 *ret_ns)
{
	maze_u64 ppid, user, system, threads;
	char buf[STAT_SIZE];
	int err = read_at(dir, "stat", buf, sizeof(buf));

	if (err)
		return err;
	if (!stat_field(buf, 4, &ppid) || !stat_field(buf, 16, &user) ||
	    !stat_field(buf, 17, &system) || !stat_field(buf, 20, &threads))
		return -EPROTO;
	/* While the kernel reaps a process, stat has zeros. */
	if (!threads)
		return -ESRCH;
	*ret_ppid = (pid_t)ppid;
	*ret_ns = proc_ticks_to_ns(user + system);
	return 0;
}

bool proc_is_asleep(int dir)
{
	char buf[STAT_SIZE];
	maze_u64 threads;
	const char *at;

	if (read_at(dir, "stat", buf, sizeof(buf)) || !stat_field(buf, 20, &threads))
		return false;
	/* A name can contain parentheses, but none follows it. */
	at = strrchr(buf, ')');
	return threads == 1 && at && strchr("SDTt", at[2]);
}

int proc_cgroup_in_namespace(int dir, const char *file, char path[PROC_CGROUP_SIZE])
{
	ssize_t got = read_file_at(dir, file, path, PROC_CGROUP_SIZE);
	size_t length = 0;
	char *at;

	if (got < 0)
		return (int)got;
	at = strncmp(path, "0::", 3) != 0 ? strstr(path, "\n0::") : path;
	if (at) {
		at = strchr(at, ':') + 2;
		length = strcspn(at, "\n");
		memmove(path, at, length);
	}
	path[length] = '\0';
	return 0;
}

int proc_cgroup(int dir, char path[PROC_CGROUP_SIZE])
{
	return proc_cgroup_in_namespace(dir, "cgroup", path)
		       ?: cgroup_path_in_mount(path, PROC_CGROUP_SIZE);
}

int proc_cgroup_of(const char *process, char path[PROC_CGROUP_SIZE])
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/%s/cgroup", process);
	return proc_cgroup_in_namespace(AT_FDCWD, name, path)
		       ?: cgroup_path_in_mount(path, PROC_CGROUP_SIZE);
}

void proc_strip_deleted(char *path)
{
	static const char mark[] = " (deleted)";
	size_t length = strlen(path);

	if (length >= sizeof(mark) && !strcmp(path + length - (sizeof(mark) - 1), mark))
		path[length - (sizeof(mark) - 1)] = '\0';
}

unsigned long proc_thread_links(int dir)
{
	struct stat st;

	return fstatat(dir, "task", &st, 0) ? 0 : st.st_nlink;
}

int proc_each_thread(int dir, void (*each)(pid_t tid, void *arg), void *arg)
{
	int fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *task;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	task = fdopendir(fd);
	if (!task) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(task)))
		if (isdigit((unsigned char)entry->d_name[0]))
			each(atoi(entry->d_name), arg);
	closedir(task);
	return 0;
}

bool proc_is_child_of(int dir, pid_t tid, pid_t child)
{
	char path[64], number[24];
	bool found = false;
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "task/%d/children", (int)tid);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	file = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!file) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && fscanf(file, "%23s", number) == 1)
		found = atoi(number) == child;
	fclose(file);
	return found;
}

pid_t proc_last_number(int *fd)
{
	char buf[128];
	const char *last;
	ssize_t n;

	if (*fd < 0)
		*fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	n = pread(*fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	last = strrchr(buf, ' ');
	return last ? (pid_t)atoi(last) : 0;
}
