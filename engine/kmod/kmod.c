/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kmod engine behind engine.h: opening, closing, and what it says of itself.
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
				 "the kernel module maze is not loaded (there is no " KMOD_DIR
				 "); as root: modprobe maze, once it is built for this kernel, "
				 "which has to be Linux 5.18 or later");
	if (ret_stats->interface != KMOD_INTERFACE)
		return maze_fail(
			error, -EPROTO,
			"the module that is loaded speaks version %llu of its files, this "
			"maze %d; rmmod maze, and load the module that came with this maze",
			ret_stats->interface, KMOD_INTERFACE);
	return 0;
}

static int open_entries(struct maze_error *error)
{
	int fd = open(KMOD_DIR "/entries", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return maze_fail(error, errno == EACCES ? -EPERM : -errno,
			 KMOD_DIR "/entries cannot be written: %s; it takes CAP_SYS_ADMIN in the "
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
	/* A module that nobody has used is not what `existing` is after. */
	if (scope == ENGINE_EXISTING && !stats.entries && !stats.records)
		return maze_fail(error, -ENOENT, "the kernel module maze has watched nothing yet");
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
		 stats.lone_yields_seen ? "yields at switches, and by a kprobe on the call"
					: "yields at switches only");
	snprintf(ret_report->blind_spots, sizeof(ret_report->blind_spots),
		 "%sLimits are whole milliseconds.\n"
		 "What maze run or maze watch --wait watches stays watched if maze is killed with "
		 "SIGKILL.\n"
		 "Threads that io_uring makes for itself are not watched.\n",
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
 * An epoll that holds the events, and asks for what they never are while the module is
 * there, writable: a file whose module has gone is all that poll(2) can ask for. The
 * events alone would say it too, but also that there are records.
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

/* Also when it has come again: what was watched is not, and the open files are dead. */
static bool kmod_gone(struct engine *engine)
{
	struct kmod_stats stats;

	return kmod_stats_read(&stats) || stats.loaded_ns != engine->loaded_ns;
}

const struct engine_ops engine_kmod = {
	.name = "kmod",
	.probe = kmod_probe,
	.open = kmod_open,
	.close = kmod_close,
	.watch = kmod_watch,
	.unwatch = kmod_unwatch,
	.unwatch_all = kmod_unwatch_all,
	.list = kmod_list,
	.counts = kmod_counts,
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
