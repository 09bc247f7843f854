/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asking the engine to begin, end and list watches: a request is written to a
 * map, then an iterator over tasks is read, which carries it out in the kernel.
 *
 * Always: the process is named by its pidfd. The iterator walks tasks by number,
 * so right before that the process is given a ticket through the pidfd, and the
 * program passes over whoever does not hold it.
 */
#include "engine_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

int bpf_iterate(int prog_fd, int pidfd, pid_t tid, int *ret_fd)
{
	union bpf_iter_link_info info = { 0 };
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int link, fd, err = 0;

	/* Parametrised task iterators came with 6.1: one of tid and pid_fd. */
	if (tid)
		info.task.tid = (__u32)tid;
	else if (pidfd >= 0)
		info.task.pid_fd = (__u32)pidfd;
	if (tid || pidfd >= 0) {
		opts.iter_info = &info;
		opts.iter_info_len = sizeof(info);
	}
	link = bpf_link_create(prog_fd, 0, BPF_TRACE_ITER, &opts);
	if (link < 0)
		return -errno;
	fd = bpf_iter_create(link);
	if (fd < 0)
		err = -errno;
	close(link);
	if (!err)
		*ret_fd = fd;
	return err;
}

static int drain(int fd)
{
	char buf[256];
	ssize_t n;

	for (;;) {
		n = read(fd, buf, sizeof(buf));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

/* Carries out *request over the target's tasks and reads the answers back into it. */
static int carry_out(struct engine *engine, struct maze_request *request,
		     const struct engine_target *target)
{
	int prog = engine->fds[OBJECT_PROG_CONTROL], map = engine->fds[OBJECT_REQUEST];
	maze_u32 zero = 0;
	int fd, err;

	if (bpf_map_update_elem(map, &zero, request, BPF_ANY))
		return -errno;
	err = bpf_iterate(prog, target ? target->pidfd : -1, target ? target->tid : 0, &fd);
	if (err)
		return err;
	err = drain(fd);
	close(fd);
	if (err)
		return err;
	return bpf_map_lookup_elem(map, &zero, request) ? -errno : 0;
}

/* Only a pinned engine is shared; a private one has no one to keep out. */
static int lock_control(struct engine *engine, struct maze_error *error)
{
	return engine->scope == ENGINE_PRIVATE ? 0 : bpf_pins_lock(error);
}

static void unlock_control(struct engine *engine, int lock)
{
	if (engine->scope != ENGINE_PRIVATE)
		close(lock);
}

static int with_ticket(struct engine *engine, struct maze_request *request,
		       const struct engine_target *target, struct maze_error *error)
{
	int tickets = engine->fds[OBJECT_TICKETS], err;

	if (getrandom(&request->ticket, sizeof(request->ticket), 0) != sizeof(request->ticket))
		return maze_fail(error, -errno, "the kernel gives no random number: %s",
				 strerror(errno));
	if (bpf_map_update_elem(tickets, &target->pidfd, &request->ticket, BPF_ANY)) {
		err = -errno;
		if (err == -ENOENT || err == -ESRCH)
			return maze_fail(error, -ESRCH, "it has ended");
		return maze_fail(error, err, "the kernel refuses to mark it: %s", strerror(-err));
	}
	err = carry_out(engine, request, target);
	bpf_map_delete_elem(tickets, &target->pidfd);
	if (err == -ENOENT || err == -ESRCH)
		return maze_fail(error, -ESRCH, "it has ended");
	if (err)
		return maze_fail(error, err, "the kernel refuses to walk its threads: %s",
				 strerror(-err));
	return 0;
}

static int explain_watch(const struct maze_request *request, struct maze_error *error)
{
	if (request->refused_init)
		return maze_fail(error, -EPERM,
				 "it is PID 1, the init process, which is never watched");
	if (request->refused_self)
		return maze_fail(error, -EPERM, "it is maze itself, which is never watched");
	if (request->no_memory)
		return maze_fail(error, -ENOMEM, "the kernel has no memory for %u of its threads",
				 request->no_memory);
	if (request->done || request->kept)
		return 0;
	if (request->left)
		return maze_fail(error, -EEXIST, "it is watched for somebody else already");
	if (request->refused_kernel)
		return maze_fail(
			error, -EPERM,
			"it is a kernel thread, which takes no signals and is never watched");
	return maze_fail(error, -ESRCH, "it has ended");
}

int bpf_watch(struct engine *engine, const struct engine_target *target,
	      const struct maze_policy *policy, const struct engine_claim *claim,
	      struct maze_error *error)
{
	struct maze_request *request;
	int lock, err;

	if (!maze_sleep_resets(policy, MAZE_SLEEPS) && !engine->config.has_sched_info)
		return maze_fail(error, -EOPNOTSUPP,
				 "this kernel keeps no scheduling information (CONFIG_SCHED_INFO), "
				 "without which sleeping cannot be told from waiting: only "
				 "--recovery inf can be had");
	request = calloc(1, sizeof(*request));
	if (!request)
		return maze_fail(error, -ENOMEM, "out of memory");
	request->kind = MAZE_REQUEST_WATCH;
	request->policy = *policy;
	request->tag = claim->tag;
	request->mask = claim->mask;
	lock = lock_control(engine, error);
	if (lock < 0) {
		err = lock;
		goto out_free;
	}
	err = with_ticket(engine, request, target, error);
	unlock_control(engine, lock);
	if (!err)
		err = explain_watch(request, error);
	if (!err)
		bpf_kick(request->running_on, MAZE_CPUS_MAX / 64);
out_free:
	free(request);
	return err;
}

static int end_watches(struct engine *engine, struct maze_request *request,
		       const struct engine_target *target, struct maze_error *error)
{
	int lock = lock_control(engine, error), err;

	if (lock < 0)
		return lock;
	if (target)
		err = with_ticket(engine, request, target, error);
	else
		err = carry_out(engine, request, NULL);
	unlock_control(engine, lock);
	return err;
}

int bpf_unwatch(struct engine *engine, const struct engine_target *target,
		const struct engine_claim *claim, struct maze_error *error)
{
	struct maze_request *request = calloc(1, sizeof(*request));
	int err;

	if (!request)
		return maze_fail(error, -ENOMEM, "out of memory");
	request->kind = MAZE_REQUEST_UNWATCH;
	request->tag = claim->tag;
	request->mask = claim->mask;
	err = end_watches(engine, request, target, error);
	if (!err && !request->done)
		err = maze_fail(error, -ENOENT, "it is not watched");
	free(request);
	return err;
}

int bpf_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		    struct maze_error *error)
{
	struct maze_request *request = calloc(1, sizeof(*request));
	int err;

	if (!request)
		return maze_fail(error, -ENOMEM, "out of memory");
	request->kind = MAZE_REQUEST_UNWATCH_ALL;
	request->tag = claim->tag;
	request->mask = claim->mask;
	err = end_watches(engine, request, NULL, error);
	if (err)
		maze_fail(error, err, "watches cannot be ended: %s", strerror(-err));
	free(request);
	return err;
}

int bpf_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	     void *arg, struct maze_error *error)
{
	struct maze_entry entries[64];
	size_t have = 0, i;
	ssize_t n;
	int fd, err;

	err = bpf_iterate(engine->fds[OBJECT_PROG_LIST], -1, 0, &fd);
	if (err)
		return maze_fail(error, err, "the kernel refuses an iterator over tasks: %s",
				 strerror(-err));
	for (;;) {
		n = read(fd, (char *)entries + have, sizeof(entries) - have);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			err = n ? maze_fail(error, -errno, "reading the list: %s", strerror(errno))
				: 0;
			break;
		}
		have += (size_t)n;
		for (i = 0; i < have / sizeof(entries[0]) && !err; i++)
			err = each(&entries[i], arg);
		if (err)
			break;
		/* A read may end inside an entry: keep the rest for the next one. */
		memmove(entries, (char *)entries + i * sizeof(entries[0]),
			have % sizeof(entries[0]));
		have %= sizeof(entries[0]);
	}
	close(fd);
	return err;
}

static int count_one(const struct maze_entry *entry, void *arg)
{
	(void)entry;
	(*(maze_u64 *)arg)++;
	return 0;
}

int bpf_counts(struct engine *engine, struct engine_counts *ret_counts)
{
	const volatile struct maze_state *state = engine->state;
	struct engine_counts counts = {
		.verdicts = state->verdicts,
		.signals = state->signals,
		.inherit_failures = state->inherit_failures,
	};
	struct maze_cpu cpu;
	maze_u32 i;
	int err;

	for (i = 0; i < engine->config.cpus; i++)
		if (!bpf_map_lookup_elem(engine->fds[OBJECT_CPUS], &i, &cpu))
			counts.timer_expiries += cpu.expiries;
	err = bpf_list(engine, count_one, &counts.watched, NULL);
	if (!err)
		*ret_counts = counts;
	return err;
}

int bpf_mark_self(struct engine *engine, struct maze_error *error)
{
	struct maze_task self = { .role = MAZE_ROLE_SELF };
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0), err = 0;

	if (pidfd < 0)
		return maze_fail(error, -errno, "cannot open a pidfd of maze itself: %s",
				 strerror(errno));
	if (bpf_map_update_elem(engine->fds[OBJECT_TASKS], &pidfd, &self, BPF_ANY))
		err = maze_fail(error, -errno, "maze cannot exempt itself: %s", strerror(errno));
	close(pidfd);
	return err;
}
