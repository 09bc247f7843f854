/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of actions: a mazed that has only a log and its actions, in a
 * directory of its own, and processes to act on.
 */
#ifndef MAZE_TEST_ACTING_H
#define MAZE_TEST_ACTING_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../daemon/actions/actions.h"
#include "../../base/cgroup.h"
#include "bounds.h"
#include "skip.h"

#define ACTING_WAIT_USEC (WAIT_SECONDS * 1000000ULL)

struct acting {
	char directory[64];
	char log_path[128];
	sd_event *event;
	struct log *log;
	struct actions *actions;
	const char *exec_cgroup;
	maze_u64 grace_ns;
	struct bus *bus;
	maze_u64 restart_timeout_ns;
	unsigned int begun, pending; /* actions whose result comes later; without it so far */
};

static inline maze_u64 boot_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

/* ---- mazed --------------------------------------------------------------------------- */

static inline void open_actions(struct acting *acting)
{
	struct actions_settings settings = {
		.event = acting->event,
		.log = acting->log,
		.runtime_dir = acting->directory,
		.exec_cgroup = acting->exec_cgroup,
		.exec_grace_ns = acting->grace_ns,
		.bus = acting->bus,
		.restart_timeout_ns = acting->restart_timeout_ns,
		.restart_grace_ns = acting->grace_ns,
	};
	struct maze_error error = { "" };

	if (actions_open(&settings, &acting->actions, &error))
		fail_msg("%s", error.text);
}

static inline void on_act(void *arg, const struct log_action *action)
{
	struct acting *acting = arg;

	acting->begun += action->pending;
	if (action->pending)
		acting->pending++;
	else if (acting->pending)
		acting->pending--;
}

static inline int start_acting_in(void **state, const char *exec_cgroup)
{
	struct daemon_settings settings = { .log = DAEMON_LOG_FILE };
	static struct acting acting_now;
	struct acting *acting = &acting_now;

	memset(acting, 0, sizeof(*acting));
	strcpy(acting->directory, "/tmp/test-acting-XXXXXX");
	if (!mkdtemp(acting->directory))
		return -1;
	snprintf(acting->log_path, sizeof(acting->log_path), "%.63s/log", acting->directory);
	settings.log_path = acting->log_path;
	if (log_open(&settings, &acting->log, NULL) || sd_event_new(&acting->event) < 0)
		return -1;
	log_on_act(acting->log, on_act, acting);
	acting->exec_cgroup = exec_cgroup;
	acting->grace_ns = 100 * MAZE_NSEC_PER_MSEC;
	open_actions(acting);
	*state = acting;
	return 0;
}

/* As after a restart, with another time from SIGTERM to SIGKILL. */
static inline void reopen_with_grace(struct acting *acting, maze_u64 grace_ns)
{
	actions_close(acting->actions);
	acting->grace_ns = grace_ns;
	open_actions(acting);
}

static inline int start_acting(void **state)
{
	return start_acting_in(state, NULL);
}

static inline void remove_files(const char *directory)
{
	char command[128];

	/* The name is from mkdtemp(3), so it needs no quoting. */
	snprintf(command, sizeof(command), "rm -rf -- %s", directory);
	if (system(command))
		fprintf(stderr, "# %s is left over\n", directory);
}

static inline int stop_acting(void **state)
{
	struct acting *acting = *state;

	actions_close(acting->actions);
	log_close(acting->log);
	sd_event_unref(acting->event);
	remove_files(acting->directory);
	return 0;
}

/* ---- the log ------------------------------------------------------------------------ */

static inline char *read_text(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return text;
}

static inline unsigned int count_in(const char *text, const char *part)
{
	unsigned int count = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		count++;
	return count;
}

static inline unsigned int count_logged(const struct acting *acting, const char *part)
{
	return count_in(read_text(acting->log_path), part);
}

static inline void assert_logged(const struct acting *acting, const char *part)
{
	if (!count_logged(acting, part))
		fail_msg("no \"%s\" in:\n%s", part, read_text(acting->log_path));
}

/* ---- processes to act on ------------------------------------------------------------ */

struct victim {
	pid_t pid;
	pid_t tid; /* a thread other than the main one */
	int pidfd;
	maze_u64 began_ns; /* not after the thread began */
};

static inline void *report_tid_and_wait(void *fd)
{
	pid_t tid = gettid();

	if (write(*(int *)fd, &tid, sizeof(tid)) == sizeof(tid))
		for (;;)
			pause();
	return NULL;
}

static inline void start_victim(struct victim *ret_victim)
{
	struct victim victim = { .began_ns = boot_now_ns() };
	pthread_t thread;
	int tids[2];

	assert_int_equal(pipe2(tids, O_CLOEXEC), 0);
	victim.pid = fork();
	assert_true(victim.pid >= 0);
	if (!victim.pid) {
		bound_child();
		if (!pthread_create(&thread, NULL, report_tid_and_wait, &tids[1]))
			for (;;)
				pause();
		_exit(1);
	}
	close(tids[1]);
	assert_int_equal(read(tids[0], &victim.tid, sizeof(victim.tid)), sizeof(victim.tid));
	close(tids[0]);
	victim.pidfd = pidfd_open(victim.pid, 0);
	assert_true(victim.pidfd >= 0);
	*ret_victim = victim;
}

static inline void end_victim_but_pidfd(struct victim *victim)
{
	kill(victim->pid, SIGKILL);
	waitpid(victim->pid, NULL, 0);
}

static inline void end_victim(struct victim *victim)
{
	end_victim_but_pidfd(victim);
	close(victim->pidfd);
}

static inline struct maze_record record_of(pid_t pid, pid_t tid)
{
	struct maze_record record = {
		.boot_ns = boot_now_ns(),
		.count_ns = 300000001,
		.limit_ns = 300000000,
		.pid = (maze_u32)pid,
		.tid = (maze_u32)tid,
		.uid = 1001,
		.cpu = 1,
		.event = MAZE_EVENT_SOFT,
		.signal = SIGXCPU,
		.flags = MAZE_RECORD_SENT,
		.comm = "vic\ntim",
	};

	return record;
}

static inline struct act_on act_on_of(const struct maze_record *record,
				      const struct stage_actions *stage, int pidfd)
{
	return (struct act_on){
		.record = record,
		.engine = "bpf",
		.rule = "a-rule",
		.stage = stage,
		.exec_timeout_ns = 60 * MAZE_NSEC_PER_SEC,
		.pidfd = pidfd,
	};
}

static inline void act(struct acting *acting, const struct maze_record *record,
		       const struct stage_actions *stage, int pidfd)
{
	struct act_on on = act_on_of(record, stage, pidfd);

	actions_perform(acting->actions, &on);
}

/* ---- control groups ---------------------------------------------------------------------- */

/* Why control groups cannot be used here, for skip_because(). */
static char no_cgroup_why[256];

/* Makes a control group below the root and returns its path; false: this is not possible. */
static inline bool make_cgroup(const struct cgroup_fs *fs, const char *name, char path[64])
{
	snprintf(path, 64, "/maze-test-%d-%s", getpid(), name);
	if (!mkdirat(fs->fd, path + 1, 0755))
		return true;
	snprintf(no_cgroup_why, sizeof(no_cgroup_why), "no control group %s: %s", path,
		 strerror(errno));
	return false;
}

static inline void enter_cgroup(const struct cgroup_fs *fs, const char *path, pid_t pid)
{
	int fd = cgroup_open(fs, path);
	char text[16];

	assert_true(fd >= 0);
	snprintf(text, sizeof(text), "%d", pid);
	assert_int_equal(cgroup_write(fd, "cgroup.procs", text), 0);
	close(fd);
}

/* Its processes have ended or are about to end. */
static inline void remove_cgroup(const struct cgroup_fs *fs, const char *path)
{
	maze_u64 until_ns = boot_now_ns() + ACTING_WAIT_USEC * MAZE_NSEC_PER_USEC;
	struct timespec step = { .tv_nsec = 1000000 };
	int fd = cgroup_open(fs, path);

	if (fd < 0)
		return;
	cgroup_write(fd, "cgroup.freeze", "0");
	close(fd);
	while (unlinkat(fs->fd, path + 1, AT_REMOVEDIR) && boot_now_ns() < until_ns)
		nanosleep(&step, NULL);
}

/* Also the group of a test that failed in the middle. */
static inline void remove_cgroups(const struct cgroup_fs *fs)
{
	int fd = fs->fd < 0 ? -1 : openat(fs->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), group;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	char prefix[32], path[300];

	if (!directory)
		return;
	snprintf(prefix, sizeof(prefix), "maze-test-%d-", getpid());
	while ((entry = readdir(directory))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(path, sizeof(path), "/%s", entry->d_name);
		group = cgroup_open(fs, path);
		if (group >= 0) {
			cgroup_write(group, "cgroup.kill", "1");
			close(group);
		}
		remove_cgroup(fs, path);
	}
	closedir(directory);
}

#endif
