/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Defines the table engine_kmod, and the operations open, close, probe, gone and others.
 */
#include "../connector_follow.h"
#include "engine_kmod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int check(struct kmod_stats *ret_stats, struct maze_error *error)
{
	int err = kmod_stats_read(ret_stats);

	if (err)
		return maze_fail(error, -ENOENT,
				 "the kernel module maze is not loaded (no " KMOD_DIR "); build it "
				 "for this kernel (Linux 5.18 or later), then run modprobe maze as "
				 "root");
	if (ret_stats->interface != KMOD_INTERFACE)
		return maze_fail(
			error, -EPROTO,
			"the loaded module has interface version %llu, this maze needs version "
			"%d; rmmod maze, then load the module of this maze's version",
			ret_stats->interface, KMOD_INTERFACE);
	return 0;
}

static int open_entries(struct maze_error *error)
{
	int fd = open(KMOD_DIR "/entries", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return maze_fail(error, errno == EACCES ? -EPERM : -errno,
			 "cannot write " KMOD_DIR "/entries: %s; this needs CAP_SYS_ADMIN in the "
			 "initial user namespace: run maze as root",
			 strerror(errno));
}

static void kmod_close(struct engine *engine)
{
	struct engine_claim claim = { .mask = ~0ULL };
	size_t i;

	if (!engine)
		return;
	for (i = 0; i < engine->tag_count; i++) {
		claim.tag = engine->tags[i];
		kmod_unwatch_all(engine, &claim, NULL);
	}
	if (engine->gone_fd >= 0)
		close(engine->gone_fd);
	if (engine->gone_events >= 0)
		close(engine->gone_events);
	if (engine->entries >= 0)
		close(engine->entries);
	free(engine->tags);
	free(engine);
}

static int kmod_open(enum engine_scope scope, struct engine **ret_engine, struct maze_error *error)
{
	struct engine *engine;
	struct kmod_stats stats;
	int err, fd;

	err = check(&stats, error);
	if (err)
		return err;
	/* A loaded module that was never used does not count as an existing engine. */
	if (scope == ENGINE_EXISTING && !stats.entries && !stats.records)
		return maze_fail(error, -ENOENT,
				 "the kernel module maze has not watched any task yet");
	fd = open_entries(error);
	if (fd < 0)
		return fd;
	engine = calloc(1, sizeof(*engine));
	if (!engine) {
		close(fd);
		return maze_fail(error, -ENOMEM, "out of memory");
	}
	engine->scope = scope;
	engine->entries = fd;
	engine->gone_fd = engine->gone_events = -1;
	engine->loaded_ns = stats.loaded_ns;
	*ret_engine = engine;
	return 0;
}

static void kmod_probe(struct engine_report *ret_report)
{
	struct maze_error error = { "" };
	struct kmod_stats stats;
	int fd;

	memset(ret_report, 0, sizeof(*ret_report));
	ret_report->name = engine_kmod.name;
	fd = check(&stats, &error) ? -1 : open_entries(&error);
	if (fd < 0) {
		snprintf(ret_report->why_not, sizeof(ret_report->why_not), "%s", error.text);
		return;
	}
	close(fd);
	ret_report->usable = true;
	ret_report->pinned = stats.entries > 0;
	snprintf(ret_report->detail, sizeof(ret_report->detail),
		 "clock: the scheduler's own; a timer per CPU, armed only while a watched task "
		 "runs; "
		 "%s",
		 stats.lone_yields_seen ? "yields seen at switches, and by a kprobe"
					: "yields seen at switches only");
	snprintf(ret_report->blind_spots, sizeof(ret_report->blind_spots),
		 "%sLimits are whole milliseconds.\n"
		 "If maze run or maze watch --wait is killed with SIGKILL, its watches stay.\n"
		 "Worker threads of io_uring are not watched.\n",
		 stats.lone_yields_seen
			 ? ""
			 : "A sched_yield that finds nothing else to run is not seen.\n");
}

static maze_u64 kmod_instance(struct engine *engine)
{
	struct kmod_stats stats;

	(void)engine;
	return kmod_stats_read(&stats) ? 0 : stats.loaded_ns;
}

static int kmod_service_fd(struct engine *engine)
{
	(void)engine;
	return -1;
}

static int kmod_service(struct engine *engine)
{
	(void)engine;
	return -1;
}

static int kmod_become_service(struct engine *engine)
{
	(void)engine;
	return 0;
}

/*
 * Returns an epoll descriptor that waits for EPOLLOUT on the events file. While the
 * module is loaded, that file is never writable. After an unload, the file reports every
 * poll event. The function does not return the descriptor of the file itself, because
 * that also becomes readable for new records.
 */
static int kmod_gone_fd(struct engine *engine)
{
	struct epoll_event event = { .events = EPOLLOUT };

	if (engine->gone_fd >= 0)
		return engine->gone_fd;
	if (engine->gone_events < 0)
		engine->gone_events = open(KMOD_DIR "/events", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (engine->gone_events < 0)
		return -1;
	engine->gone_fd = epoll_create1(EPOLL_CLOEXEC);
	if (engine->gone_fd >= 0 &&
	    epoll_ctl(engine->gone_fd, EPOLL_CTL_ADD, engine->gone_events, &event)) {
		close(engine->gone_fd);
		engine->gone_fd = -1;
	}
	return engine->gone_fd;
}

/*
 * Also returns true after a reload, which loses the watches and makes open files invalid.
 */
static bool kmod_gone(struct engine *engine)
{
	struct kmod_stats stats;

	return kmod_stats_read(&stats) || stats.loaded_ns != engine->loaded_ns;
}

const struct engine_ops engine_kmod = {
	.name = "kmod",
	.interface = KMOD_INTERFACE,
	.probe = kmod_probe,
	.open = kmod_open,
	.close = kmod_close,
	.watch = kmod_watch,
	.unwatch = kmod_unwatch,
	.unwatch_all = kmod_unwatch_all,
	.allow = kmod_allow,
	.list = kmod_list,
	.counts = kmod_counts,
	.streaks = kmod_streaks,
	.reader_open = kmod_reader_open,
	.reader_fd = kmod_reader_fd,
	.reader_next = kmod_reader_next,
	.reader_close = kmod_reader_close,
	.instance = kmod_instance,
	.follow = connector_follow,
	.follower_fd = connector_follower_fd,
	.follower_next = connector_follower_next,
	.follower_close = connector_follower_close,
	.service_fd = kmod_service_fd,
	.service = kmod_service,
	.become_service = kmod_become_service,
	.gone_fd = kmod_gone_fd,
	.gone = kmod_gone,
	.unload = kmod_unload,
};
