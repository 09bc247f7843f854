/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads, observes and kills control groups of version 2. Their CPU time is in cpu.stat,
 * which has that of ended processes and of the control groups below too. So the members
 * only serve to notice that the group uses CPU time.
 */
#include "group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../../base/cgroup.h"

/* The kernel's maximum depth is unlimited by default. Deeper groups have no timers. */
#define DEPTH_MAX 32

long long poll_cgroup_usage(const struct poll_group *group)
{
	static const char key[] = "usage_usec ";
	char buf[4096];
	ssize_t got = pread(group->cgroup.stat, buf, sizeof(buf) - 1, 0);
	const char *at;

	if (got < 0)
		return -errno;
	buf[got] = '\0';
	at = strstr(buf, key);
	return at ? strtoll(at + strlen(key), NULL, 10) * (long long)MAZE_NSEC_PER_USEC : -EPROTO;
}

/* Calls each() for each process in the directory and below, until it returns not 0. */
static int each_process(int dir, int depth, int (*each)(pid_t pid, void *arg), void *arg)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC), err = 0;
	FILE *procs = fd < 0 ? NULL : fdopen(fd, "r");
	struct dirent *entry;
	DIR *below;
	int pid;

	if (fd >= 0 && !procs)
		close(fd);
	while (procs && !err && fscanf(procs, "%d", &pid) == 1)
		err = each((pid_t)pid, arg);
	if (procs)
		fclose(procs);
	fd = err || depth == DEPTH_MAX ? -1 : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	below = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !below)
		close(fd);
	while (below && !err && (entry = readdir(below))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		fd = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			continue;
		err = each_process(fd, depth + 1, each, arg);
		close(fd);
	}
	if (below)
		closedir(below);
	return err;
}

struct joining {
	struct engine *engine;
	struct poll_group *group;
};

/* A PID of 0 is a process of an outer PID namespace. */
static int is_protected(pid_t pid, void *arg)
{
	(void)arg;
	return pid == 1 || pid == getpid() ? -EPERM : 0;
}

static int join(pid_t pid, void *arg)
{
	struct joining *joining = arg;
	struct poll_member *member;
	int err;

	if (is_protected(pid, NULL))
		return -EPERM;
	err = pid > 0 ? poll_group_join_pid(joining->engine, joining->group, pid, 0) : 0;
	if (err && err != -ESRCH)
		joining->group->misses_members = true;
	member = poll_member_find(joining->group, poll_find(joining->engine, pid));
	if (member)
		member->seen = true;
	return 0;
}

int poll_cgroup_read_members(struct engine *engine, struct poll_group *group)
{
	struct joining joining = { engine, group };
	struct poll_member *member, *next;
	int err;

	for (member = group->members; member; member = member->next)
		member->seen = false;
	err = each_process(group->cgroup.dir, 0, join, &joining);
	for (member = group->members; member && !err; member = next) {
		next = member->next;
		if (!member->seen)
			poll_group_leave(engine, member);
	}
	return err;
}

int poll_cgroup_kill(const struct poll_group *group)
{
	int err = each_process(group->cgroup.dir, 0, is_protected, NULL);

	return err ? err : cgroup_write(group->cgroup.dir, "cgroup.kill", "1");
}

/* ---- names --------------------------------------------------------------------------- */

static ssize_t path_of_fd(int fd, char *path, size_t size)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, size - 1);
	path[length > 0 ? length : 0] = '\0';
	return length;
}

void poll_cgroup_name(const struct poll_group *group, char name[MAZE_GROUP_NAME_LEN])
{
	char path[PATH_MAX], root[PATH_MAX], *below = path;
	struct cgroup_fs fs;
	size_t length;

	path_of_fd(group->cgroup.dir, path, sizeof(path));
	if (!cgroup_fs_open(&fs, NULL)) {
		if (path_of_fd(fs.fd, root, sizeof(root)) > 0 && cgroup_contains(root, path))
			below = path + strlen(root);
		cgroup_fs_close(&fs);
	}
	length = strlen(below);
	if (length < MAZE_GROUP_NAME_LEN)
		memcpy(name, below, length + 1);
	else
		snprintf(name, MAZE_GROUP_NAME_LEN, "...%s",
			 below + length - (MAZE_GROUP_NAME_LEN - 4));
}

static void set_comm(struct poll_group *group)
{
	char name[MAZE_GROUP_NAME_LEN];
	const char *last;

	poll_cgroup_name(group, name);
	last = strrchr(name, '/');
	snprintf(group->comm, sizeof(group->comm), "%.*s", MAZE_COMM_LEN - 1,
		 last ? last + 1 : name);
}

/* ---- open and close ------------------------------------------------------------------- */

static int start_inotify(struct engine *engine)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = POLL_EVENT_CGROUPS };

	if (engine->inotify_fd >= 0)
		return 0;
	engine->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (engine->inotify_fd < 0)
		return -errno;
	return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, engine->inotify_fd, &event) ? -errno : 0;
}

static int observe(const struct engine *engine, const struct poll_group *group, const char *file,
		   uint32_t mask)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", group->cgroup.dir, file);
	return inotify_add_watch(engine->inotify_fd, path, mask);
}

int poll_cgroup_open(struct engine *engine, struct poll_group *group, int dir,
		     struct maze_error *error)
{
	struct poll_cgroup *cgroup = &group->cgroup;
	struct statfs fs;
	struct stat st;
	int err;

	if (fstatfs(dir, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC || fstat(dir, &st) ||
	    !S_ISDIR(st.st_mode))
		return maze_fail(error, -EOPNOTSUPP,
				 "it is not a control group of version 2 (a directory of a cgroup2 "
				 "file system)");
	cgroup->dir = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup->dir < 0)
		return maze_fail(error, -errno, "cannot open its directory: %s", strerror(errno));
	group->cgroup_id = cgroup_id(dir);
	group->uid = st.st_uid;
	cgroup->stat = openat(dir, "cpu.stat", O_RDONLY | O_CLOEXEC);
	if (cgroup->stat < 0)
		return maze_fail(error, -errno, "cannot open its cpu.stat: %s", strerror(errno));
	if (group->policy.hard_signal && faccessat(dir, "cgroup.kill", W_OK, AT_EACCESS))
		return errno == ENOENT
			       ? maze_fail(error, -EOPNOTSUPP,
					   "this kernel cannot kill a control group (cgroup.kill, "
					   "Linux 5.14)")
			       : maze_fail(error, -errno, "its processes cannot be killed: %s",
					   strerror(errno));
	err = start_inotify(engine);
	if (err)
		return maze_fail(error, err, "cannot observe it: %s", strerror(-err));
	/* Without these watches, a removal is noticed at the next check. */
	cgroup->removal = observe(engine, group, ".", IN_DELETE_SELF | IN_ONLYDIR);
	cgroup->events = observe(engine, group, "cgroup.events", IN_MODIFY);
	set_comm(group);
	return 0;
}

void poll_cgroup_close(struct engine *engine, struct poll_group *group)
{
	struct poll_cgroup *cgroup = &group->cgroup;

	if (cgroup->removal >= 0)
		inotify_rm_watch(engine->inotify_fd, cgroup->removal);
	if (cgroup->events >= 0)
		inotify_rm_watch(engine->inotify_fd, cgroup->events);
	if (cgroup->stat >= 0)
		close(cgroup->stat);
	if (cgroup->dir >= 0)
		close(cgroup->dir);
}

static void take_event(struct engine *engine, const struct inotify_event *event)
{
	struct poll_group *group = engine->groups;

	while (group && group->cgroup.removal != event->wd && group->cgroup.events != event->wd)
		group = group->next;
	if (!group || event->wd < 0)
		return;
	if (event->mask & IN_IGNORED) {
		/* The kernel has removed this watch. */
		if (group->cgroup.removal == event->wd)
			group->cgroup.removal = -1;
		else
			group->cgroup.events = -1;
		return;
	}
	/* It has processes again, or none, or is removed: then cpu.stat cannot be read. */
	if (poll_cgroup_read_members(engine, group))
		poll_group_end(engine, group, MAZE_EVENT_UNWATCH);
	else
		poll_group_check(engine, group);
}

void poll_groups_take_events(struct engine *engine)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	const char *at;
	ssize_t got;

	while ((got = read(engine->inotify_fd, buf, sizeof(buf))) > 0) {
		for (at = buf; at < buf + got; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(const void *)at;
			take_event(engine, event);
		}
	}
}
