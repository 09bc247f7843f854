/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Begins, ends and lists watches. A request is written to a map, and an iterator program,
 * which runs once for each task, carries it out in the kernel.
 *
 * The caller identifies the process by a pidfd, but the iterator finds tasks by number,
 * which can be reused. So a random ticket is first stored on the process through the pidfd,
 * and the program skips tasks of processes without this ticket.
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

#define TICKET_TRIES 10

/*
 * Carries out *request on the target's tasks (NULL: all). Reads the results into
 * *request.
 */
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
	err = bpf_drain_iterator(fd);
	if (err)
		return err;
	return bpf_map_lookup_elem(map, &zero, request) ? -errno : 0;
}

/*
 * The kernel gives up with -EAGAIN if another engine gives the task its first storage, or
 * takes its last one, at the same time.
 */
static int put_ticket(int tickets, const struct engine_target *target, const maze_u64 *ticket)
{
	int tries, err = -EAGAIN;

	for (tries = 0; err == -EAGAIN && tries < TICKET_TRIES; tries++)
		err = bpf_map_update_elem(tickets, &target->pidfd, ticket, BPF_ANY) ? -errno : 0;
	return err;
}

static int with_ticket(struct engine *engine, struct maze_request *request,
		       const struct engine_target *target, struct maze_error *error)
{
	int tickets = engine->fds[OBJECT_TICKETS], err;

	if (getrandom(&request->ticket, sizeof(request->ticket), 0) != sizeof(request->ticket))
		return maze_fail(error, -errno, "cannot get a random number: %s", strerror(errno));
	err = put_ticket(tickets, target, &request->ticket);
	if (err == -ENOENT || err == -ESRCH)
		return maze_fail(error, -ESRCH, "it has ended");
	if (err)
		return maze_fail(error, err, "cannot mark it: %s", strerror(-err));
	err = carry_out(engine, request, target);
	bpf_map_delete_elem(tickets, &target->pidfd);
	if (err == -ENOENT || err == -ESRCH)
		return maze_fail(error, -ESRCH, "it has ended");
	if (err)
		return maze_fail(error, err, "cannot iterate over its threads: %s", strerror(-err));
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
		return maze_fail(error, -ENOMEM,
				 "the kernel has no memory to watch %u of its threads",
				 request->no_memory);
	if (request->done || request->kept)
		return 0;
	if (request->left)
		return maze_fail(error, -EEXIST, "it is already watched by another user or rule");
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
				 "this kernel has no CONFIG_SCHED_INFO, so sleeping cannot be "
				 "distinguished from waiting for a CPU; use --recovery inf");
	request = calloc(1, sizeof(*request));
	if (!request)
		return maze_fail(error, -ENOMEM, "out of memory");
	request->kind = MAZE_REQUEST_WATCH;
	request->policy = *policy;
	request->tag = claim->tag;
	request->mask = claim->mask;
	err = bpf_lock(engine, &lock, error);
	if (err)
		goto out_free;
	err = with_ticket(engine, request, target, error);
	bpf_unlock(lock);
	if (!err)
		err = explain_watch(request, error);
	if (!err)
		bpf_force_switch(request->running_on, MAZE_CPUS_MAX / 64);
out_free:
	free(request);
	return err;
}

static int end_watches(struct engine *engine, struct maze_request *request,
		       const struct engine_target *target, struct maze_error *error)
{
	int lock, err = bpf_lock(engine, &lock, error);

	if (err)
		return err;
	if (target)
		err = with_ticket(engine, request, target, error);
	else
		err = carry_out(engine, request, NULL);
	bpf_unlock(lock);
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
		maze_fail(error, err, "cannot end the watches: %s", strerror(-err));
	free(request);
	return err;
}

struct listing {
	int (*each)(const struct maze_entry *entry, void *arg);
	void *arg;
};

static int list_one(const void *item, void *arg)
{
	const struct listing *listing = arg;

	return listing->each(item, listing->arg);
}

int bpf_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	     void *arg, struct maze_error *error)
{
	struct listing listing = { each, arg };

	return bpf_iterate_items(engine->fds[OBJECT_PROG_LIST], sizeof(struct maze_entry), list_one,
				 &listing, error);
}

int bpf_allow(struct engine *engine, maze_u64 tag, const struct maze_allowance *allowance,
	      struct maze_error *error)
{
	int map = engine->fds[OBJECT_ALLOWANCES], err = 0;
	struct maze_allowance now;

	if (!allowance) {
		err = bpf_map_delete_elem(map, &tag) && errno != ENOENT ? -errno : 0;
	} else if (bpf_map_lookup_elem(map, &tag, &now) || !maze_allowance_stays(&now, allowance)) {
		err = bpf_map_update_elem(map, &tag, allowance, BPF_ANY) ? -errno : 0;
	}
	return err ? maze_fail(error, err, "cannot set the allowance: %s", strerror(-err)) : 0;
}

static int count_one(const struct maze_entry *entry, void *arg)
{
	(void)entry;
	(*(maze_u64 *)arg)++;
	return 0;
}

int bpf_counts(struct engine *engine, struct maze_counts *ret_counts)
{
	const volatile struct maze_state *state = engine->state;
	struct maze_counts counts = {
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
		return maze_fail(error, -errno, "cannot open a pidfd of maze: %s", strerror(errno));
	if (bpf_map_update_elem(engine->fds[OBJECT_TASKS], &pidfd, &self, BPF_ANY))
		err = maze_fail(error, -errno, "maze cannot exempt itself: %s", strerror(errno));
	close(pidfd);
	return err;
}
