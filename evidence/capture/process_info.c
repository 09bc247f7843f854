/* SPDX-License-Identifier: GPL-2.0-only */
#include "process_info.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/proc_files.h"

/* /proc/PID/stat has 51 numbers of up to 20 digits, and a name. */
#define STAT_SIZE 1536
/* The maximum of open files that are counted. Linux 6.2 and later report their number. */
#define FILES_COUNTED_MAX 4096

/* ---- the process ------------------------------------------------------------------- */

static char *copy_bytes(const char *bytes, size_t size)
{
	char *copy = malloc(size + 1);

	if (copy) {
		memcpy(copy, bytes, size);
		copy[size] = '\0';
	}
	return copy;
}

static void read_exe(struct process_info *live)
{
	char path[PATH_MAX];
	ssize_t length = readlinkat(live->proc_fd, "exe", path, sizeof(path) - 1);

	if (length <= 0)
		return;
	path[length] = '\0';
	proc_strip_deleted(path);
	live->exe = strdup(path);
}

static void read_words(struct process_info *live)
{
	char words[PROCESS_INFO_WORDS_MAX + 1];
	ssize_t length = read_file_at(live->proc_fd, "cmdline", words, sizeof(words));

	if (length < 0)
		return;
	live->words = copy_bytes(words, (size_t)length);
	live->words_size = live->words ? (size_t)length : 0;
	live->words_cut = length == PROCESS_INFO_WORDS_MAX;
}

static void read_cgroup(struct process_info *live)
{
	char text[PROC_CGROUP_SIZE];

	if (!proc_cgroup(live->proc_fd, text) && *text)
		live->cgroup = strdup(text);
}

/* Returns the value of a field, or NULL. The kernel escapes the newlines in names. */
static const char *status_line(const char *status, const char *field)
{
	const char *line = strstr(status, field);

	return line ? line + strlen(field) : NULL;
}

/* The last number is the one in the process's own namespace. 0: none. */
static pid_t innermost(const char *line)
{
	pid_t pid = 0;

	while (line && *line && *line != '\n') {
		if (*line >= '0' && *line <= '9') {
			pid = atoi(line);
			line += strspn(line, "0123456789");
		} else {
			line++;
		}
	}
	return pid;
}

pid_t process_info_inner_tid(const struct process_info *live, pid_t tid)
{
	char name[64], status[PROC_STATUS_SIZE];

	snprintf(name, sizeof(name), "task/%d/status", tid);
	if (proc_read_status(live->proc_fd, name, status))
		return -ESRCH;
	return innermost(status_line(status, "\nNSpid:")) ?: tid;
}

static void read_status(struct process_info *live)
{
	char status[PROC_STATUS_SIZE];
	const char *line;

	if (proc_read_status(live->proc_fd, "status", status))
		return;
	line = status_line(status, "\nPPid:");
	if (line)
		live->ppid = atoi(line);
	line = status_line(status, "\nUid:");
	if (line)
		live->uid = (unsigned int)strtoul(line, NULL, 10);
	live->inner_pid = innermost(status_line(status, "\nNSpid:")) ?: live->inner_pid;
}

static void count_files(struct process_info *live)
{
	struct stat status;
	struct dirent *entry;
	long count = 0;
	DIR *directory;
	int fd = openat(live->proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* From Linux 6.2 on, the size of /proc/PID/fd is the number of open files. */
	if (!fstat(fd, &status) && status.st_size > 0) {
		live->open_files = status.st_size;
		close(fd);
		return;
	}
	directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return;
	}
	while (count < FILES_COUNTED_MAX && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			count++;
	closedir(directory);
	live->open_files = count < FILES_COUNTED_MAX ? count : -1;
}

/* ---- threads ----------------------------------------------------------------------- */

static bool read_thread(int proc_fd, pid_t tid, struct process_info_thread *ret_thread)
{
	struct process_info_thread thread = { .tid = tid, .state = '?' };
	maze_u64 user = 0, system = 0;
	char name[32], text[STAT_SIZE], *open, *close_bracket;
	struct thread_times times;
	int fd = -1;
	size_t length;

	snprintf(name, sizeof(name), "task/%d/stat", tid);
	if (read_file_at(proc_fd, name, text, sizeof(text)) <= 0)
		return false;
	open = strchr(text, '(');
	close_bracket = strrchr(text, ')');
	if (!open || !close_bracket || close_bracket < open)
		return false;
	length = (size_t)(close_bracket - open - 1);
	if (length >= sizeof(thread.comm))
		length = sizeof(thread.comm) - 1;
	memcpy(thread.comm, open + 1, length);
	if (sscanf(close_bracket + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
		   &thread.state, &user, &system) != 3)
		return false;
	thread.cpu_ns = proc_ticks_to_ns(user + system);
	/* The scheduler's time is more exact, but not every kernel has it. */
	if (!proc_thread_times(proc_fd, tid, &fd, false, &times))
		thread.cpu_ns = times.runtime_ns;
	*ret_thread = thread;
	return true;
}

static void add_thread(pid_t tid, void *arg)
{
	struct process_info *live = arg;

	if (live->threads_count && tid == live->threads[0].tid)
		return;
	live->threads_total++;
	if (live->threads_count < PROCESS_INFO_THREADS_MAX &&
	    read_thread(live->proc_fd, tid, &live->threads[live->threads_count]))
		live->threads_count++;
}

static void read_threads(struct process_info *live, pid_t runaway_tid)
{
	live->threads = calloc(PROCESS_INFO_THREADS_MAX, sizeof(*live->threads));
	if (!live->threads)
		return;
	add_thread(runaway_tid, live);
	live->threads_total = live->threads_count;
	proc_each_thread(live->proc_fd, add_thread, live);
}

/* ---- all of it --------------------------------------------------------------------- */

static int open_process(pid_t pid, pid_t tid, maze_u64 verdict_ns, struct process_info *live)
{
	maze_u64 ticks = 0;
	char name[64];
	int pidfd = pidfd_open(pid, 0), err;

	if (pidfd < 0)
		return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
	live->proc_fd = proc_open_process(pid, pidfd);
	close(pidfd);
	err = live->proc_fd < 0 ? live->proc_fd : proc_start_ticks(live->proc_fd, &ticks);
	if (err)
		return err;
	live->start_ns = proc_ticks_to_ns(ticks);
	snprintf(name, sizeof(name), "task/%d", tid);
	if (live->start_ns > verdict_ns || faccessat(live->proc_fd, name, F_OK, 0))
		return -ESRCH;
	return 0;
}

static void read_comm(struct process_info *live)
{
	ssize_t length = read_file_at(live->proc_fd, "comm", live->comm, sizeof(live->comm));

	if (length > 0 && live->comm[length - 1] == '\n')
		live->comm[length - 1] = '\0';
}

int process_info_open(pid_t pid, pid_t tid, maze_u64 verdict_ns, struct process_info *ret_live)
{
	struct process_info live = { .proc_fd = -1, .open_files = -1, .inner_pid = pid };
	int err = open_process(pid, tid, verdict_ns, &live);

	if (err) {
		process_info_done(&live);
		return err;
	}
	/* Read first what a process that is being killed loses first. */
	(void)maps_read(live.proc_fd, &live.maps);
	read_words(&live);
	read_exe(&live);
	/* An ending process has lost its memory, but it still has its /proc directory. */
	if (!live.maps.count && !live.exe) {
		process_info_done(&live);
		return -ESRCH;
	}
	read_status(&live);
	read_comm(&live);
	read_cgroup(&live);
	count_files(&live);
	read_threads(&live, tid);
	*ret_live = live;
	return 0;
}

bool process_info_is_live(const struct process_info *live)
{
	maze_u64 ticks;

	return live->proc_fd >= 0 && !proc_start_ticks(live->proc_fd, &ticks);
}

void process_info_release(struct process_info *live)
{
	if (live->proc_fd >= 0)
		close(live->proc_fd);
	live->proc_fd = -1;
}

void process_info_done(struct process_info *live)
{
	process_info_release(live);
	maps_done(&live->maps);
	free(live->exe);
	free(live->words);
	free(live->cgroup);
	free(live->threads);
	*live = (struct process_info){ .proc_fd = -1, .open_files = -1 };
}
