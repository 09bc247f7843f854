/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads, observes and kills control groups of version 2. Their CPU time is in cpu.stat,
 * which has that of ended processes and of the control groups below too. So the members
 * only serve to notice that the group uses CPU time.
 */
#include "group.h"

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

struct joining {
	struct engine *engine;
	struct poll_group *group;
	bool incomplete; /* not all processes could be read */
};

static bool join(pid_t pid, void *arg)
{
	struct joining *joining = arg;
	struct poll_member *member;
	int err = pid > 0 ? poll_group_join_pid(joining->engine, joining->group, pid, 0) : -EPERM;

	joining->incomplete |= err && err != -ESRCH;
	member = poll_member_find(joining->group, poll_find(joining->engine, pid));
	if (member)
		member->seen = true;
	return true;
}

void poll_cgroup_read_members(struct engine *engine, struct poll_group *group)
{
	struct joining joining = { engine, group, false };
	struct poll_member *member, *next;

	for (member = group->members; member; member = member->next)
		member->seen = false;
	joining.incomplete |= !cgroup_each_process(group->cgroup.dir, join, &joining);
	group->misses_members |= joining.incomplete;
	for (member = group->members; member && !joining.incomplete; member = next) {
		next = member->next;
		if (!member->seen)
			poll_group_leave(engine, member);
	}
}

int poll_cgroup_kill(const struct poll_group *group)
{
	/* Processes can have moved since it was watched. */
	return poll_cgroup_is_protected(group)
		       ? -EPERM
		       : cgroup_write(group->cgroup.dir, "cgroup.kill", "1");
}

/* ---- names --------------------------------------------------------------------------- */

/* Reads its path, as in /proc/PID/cgroup. False: unknown. */
static bool read_path(const struct poll_group *group, char path[PATH_MAX])
{
	struct cgroup_fs fs;
	bool found;

	if (cgroup_fs_open(&fs, NULL))
		return false;
	found = cgroup_path(&fs, group->cgroup.dir, path);
	cgroup_fs_close(&fs);
	return found;
}

static bool contains(const char *path, const char *process)
{
	char other[PROC_CGROUP_SIZE];

	return proc_cgroup_of(process, other) || (other[0] && cgroup_contains(path, other));
}

bool poll_cgroup_is_protected(const struct poll_group *group)
{
	char path[PATH_MAX];

	return !read_path(group, path) || !strcmp(path, "/") || contains(path, "self") ||
	       contains(path, "1");
}

/* A control group keeps its name. */
static void set_names(struct poll_group *group)
{
	char path[PATH_MAX];
	const char *last;
	size_t length;

	if (!read_path(group, path))
		path[0] = '\0';
	length = strlen(path);
	if (length < MAZE_GROUP_NAME_LEN)
		memcpy(group->name, path, length + 1);
	else
		snprintf(group->name, sizeof(group->name), "...%s",
			 path + length - (MAZE_GROUP_NAME_LEN - 4));
	last = strrchr(group->name, '/');
	snprintf(group->comm, sizeof(group->comm), "%.*s", MAZE_COMM_LEN - 1,
		 last ? last + 1 : group->name);
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
	if (poll_cgroup_is_protected(group))
		return maze_fail(error, -EPERM,
				 "process 1 or maze itself is in it, which are never watched");
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
	/*
	 * Without these watches, a removal is noticed at the next check. The open directory
	 * keeps the inode, so its removal is an event of its parent.
	 */
	cgroup->removal = observe(engine, group, "..", IN_DELETE | IN_ONLYDIR);
	cgroup->events = observe(engine, group, "cgroup.events", IN_MODIFY);
	set_names(group);
	return 0;
}

/* The groups in one directory have one watch of it. */
static void stop_observing(const struct engine *engine, const struct poll_group *group, int watch)
{
	const struct poll_group *other = engine->groups;

	while (other && (other == group || other->cgroup.removal != watch))
		other = other->next;
	if (watch >= 0 && !other)
		inotify_rm_watch(engine->inotify_fd, watch);
}

void poll_cgroup_close(struct engine *engine, struct poll_group *group)
{
	struct poll_cgroup *cgroup = &group->cgroup;

	stop_observing(engine, group, cgroup->removal);
	stop_observing(engine, group, cgroup->events);
	if (cgroup->stat >= 0)
		close(cgroup->stat);
	if (cgroup->dir >= 0)
		close(cgroup->dir);
}

/*
 * A control group is empty, has processes again, or may be removed: then cpu.stat cannot
 * be read. The check finds out.
 */
static void take_event(struct engine *engine, const struct inotify_event *event)
{
	struct poll_group *group;

	for (group = engine->groups; group; group = group->next) {
		if (event->mask & IN_Q_OVERFLOW || group->cgroup.events == event->wd) {
			if (group->cgroup.dir >= 0)
				poll_cgroup_read_members(engine, group);
			group->check_at = 0;
		} else if (group->cgroup.removal == event->wd && event->len &&
			   !strncmp(event->name, group->comm, MAZE_COMM_LEN - 1)) {
			group->check_at = 0;
		}
		if (!(event->mask & IN_IGNORED))
			continue;
		/* The kernel has removed this watch. */
		if (group->cgroup.removal == event->wd)
			group->cgroup.removal = -1;
		if (group->cgroup.events == event->wd)
			group->cgroup.events = -1;
	}
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
