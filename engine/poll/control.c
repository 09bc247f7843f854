/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts, ends and lists watches for the callers of the poll engine.
 */
#include "engine_poll.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../../base/pidfd.h"

static int explain(int err, int pidfd, struct maze_error *error)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };

	switch (err) {
	case -ESRCH:
		if (poll(&ended, 1, 0) == 0)
			return maze_fail(error, err,
					 "/proc does not show it to this user (see hidepid in "
					 "proc(5))");
		return maze_fail(error, err, "it has ended");
	case -EAGAIN:
		return maze_fail(error, err,
				 "too many timers; raise the limit on pending signals "
				 "(ulimit -i)");
	case -EPERM:
		return maze_fail(
			error, err,
			"it is a kernel thread, which takes no signals and is never watched");
	case -EEXIST:
		return maze_fail(error, err, "it is already watched by another user or rule");
	case -EMFILE:
		return maze_fail(error, err, "too many open files; raise the limit (ulimit -n)");
	default:
		return maze_fail(error, err, "%s", strerror(-err));
	}
}

/*
 * Finds the process, or adds it and sets *is_new. On failure, returns NULL and sets *err
 * and *error.
 */
static struct poll_process *get_process(struct engine *engine, int pidfd, bool *is_new, int *err,
					struct maze_error *error)
{
	pid_t pid = pidfd_pid(pidfd);
	struct poll_process *process;

	*err = -EPERM;
	if (pid == getpid()) {
		maze_fail(error, *err, "it is maze itself, which is never watched");
		return NULL;
	}
	process = poll_find(engine, pid);
	if (process && poll_process_has_ended(process)) {
		poll_process_ended(engine, process);
		process = NULL;
	}
	*is_new = !process;
	if (!process) {
		*err = -ESRCH;
		process = pid ? poll_process_new(engine, pidfd, pid, false, err) : NULL;
		if (!process)
			explain(*err, pidfd, error);
		if (!process)
			return NULL;
	}
	if (!proc_is_kernel_thread(process->dir, pid))
		return process;
	if (poll_process_is_unused(process))
		poll_process_drop(engine, process);
	*err = -EPERM;
	explain(*err, pidfd, error);
	return NULL;
}

struct watch_request {
	struct engine *engine;
	struct poll_process *process;
	const struct maze_policy *policy;
	const struct engine_claim *claim;
	int done, kept, left, refused, err;
};

/* Returns whether the request leaves this watch unchanged, and counts such watches. */
static bool leave_alone(struct watch_request *request, const struct poll_thread *thread)
{
	const struct engine_claim *claim = request->claim;

	if (!claim->mask || thread->ignored)
		return false;
	if (!poll_claim_reaches(claim, thread->tag)) {
		request->left++;
		return true;
	}
	if (thread->tag == claim->tag &&
	    !memcmp(&thread->policy, request->policy, sizeof(thread->policy))) {
		request->kept++;
		return true;
	}
	return false;
}

static void watch_thread(pid_t tid, void *arg)
{
	struct watch_request *request = arg;
	struct poll_thread *thread = poll_thread_find(request->process, tid);
	int err;

	if (thread && thread->seen)
		return;
	if (thread && leave_alone(request, thread)) {
		thread->seen = true;
		return;
	}
	err = poll_thread_watch(request->engine, request->process, tid, request->policy,
				request->claim->tag, 0);
	if (!err)
		request->done++;
	else if (err == -EPERM)
		request->refused++;
	else if (err != -ESRCH)
		request->err = err;
}

/* Watches all threads, including those that start meanwhile. */
static int watch_process(struct watch_request *request)
{
	struct poll_process *process = request->process;
	struct poll_thread *thread;
	int before, err;

	if (process->whole && !poll_claim_reaches(request->claim, process->tag)) {
		request->left++;
		return 0;
	}
	process->whole = true;
	process->limit_ns = 0;
	process->policy = *request->policy;
	process->tag = request->claim->tag;
	for (thread = process->threads; thread; thread = thread->next)
		thread->seen = false;
	do {
		before = request->done;
		process->links = proc_thread_links(process->dir);
		err = proc_each_thread(process->dir, watch_thread, request);
	} while (!err && request->done > before);
	return err;
}

static int watch_target(struct watch_request *request, pid_t tid)
{
	struct poll_thread *thread;
	int err = 0;

	if (tid) {
		thread = poll_thread_find(request->process, tid);
		if (thread)
			thread->seen = false;
		watch_thread(tid, request);
	} else {
		err = watch_process(request);
	}
	if (err || request->err)
		return err ? err : request->err;
	if (request->done || request->kept)
		return 0;
	if (request->left)
		return -EEXIST;
	return request->refused ? -EPERM : -ESRCH;
}

int poll_watch(struct engine *engine, const struct engine_target *target,
	       const struct maze_policy *policy, const struct engine_claim *claim,
	       struct maze_error *error)
{
	struct watch_request request = { .engine = engine, .policy = policy, .claim = claim };
	bool is_new = false;
	int err;

	pthread_mutex_lock(&engine->lock);
	err = poll_child_tracker_start(engine);
	if (err) {
		maze_fail(error, err, "cannot follow forks: %s", strerror(-err));
		goto out_unlock;
	}
	request.process = get_process(engine, target->pidfd, &is_new, &err, error);
	if (!request.process)
		goto out_unlock;
	err = watch_target(&request, target->tid);
	if (err) {
		if (is_new)
			poll_process_drop(engine, request.process);
		explain(err, target->pidfd, error);
		goto out_unlock;
	}
	poll_check(engine, request.process);
	poll_worker_wake(engine);
out_unlock:
	pthread_mutex_unlock(&engine->lock);
	return err;
}

static void drop_if_unwatched(struct engine *engine, struct poll_process *process)
{
	if (poll_process_is_unused(process))
		poll_process_drop(engine, process);
}

int poll_unwatch(struct engine *engine, const struct engine_target *target,
		 const struct engine_claim *claim, struct maze_error *error)
{
	struct poll_process *process;
	struct poll_thread *thread, *next;
	int ended = 0;

	pthread_mutex_lock(&engine->lock);
	process = poll_find(engine, pidfd_pid(target->pidfd));
	if (process && !poll_process_has_ended(process)) {
		poll_check(engine, process);
		for (thread = process->threads; thread; thread = next) {
			next = thread->next;
			if (target->tid && thread->tid != target->tid)
				continue;
			if (!poll_claim_reaches(claim, thread->tag))
				continue;
			ended += !thread->ignored;
			if (target->tid && process->whole && !thread->ignored)
				poll_thread_ignore(engine, process, thread);
			else if (!target->tid || !process->whole)
				poll_thread_end(engine, process, thread, MAZE_EVENT_UNWATCH);
		}
		if (!target->tid && poll_claim_reaches(claim, process->tag))
			process->whole = false;
		drop_if_unwatched(engine, process);
	}
	pthread_mutex_unlock(&engine->lock);
	return ended ? 0 : maze_fail(error, -ENOENT, "it is not watched");
}

static void unwatch_threads(struct engine *engine, struct poll_process *process,
			    const struct engine_claim *claim)
{
	struct poll_thread *thread, *next;

	for (thread = process->threads; thread; thread = next) {
		next = thread->next;
		if (poll_claim_reaches(claim, thread->tag))
			poll_thread_end(engine, process, thread, MAZE_EVENT_UNWATCH);
	}
	if (process->whole && poll_claim_reaches(claim, process->tag))
		process->whole = false;
	drop_if_unwatched(engine, process);
}

int poll_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		     struct maze_error *error)
{
	struct poll_process *process, *next;
	int i;

	(void)error;
	pthread_mutex_lock(&engine->lock);
	if (engine->adopts && poll_claim_reaches(claim, engine->adopt_tag))
		engine->adopts = false;
	for (i = 0; i < POLL_CHAINS; i++) {
		for (process = engine->chains[i]; process; process = next) {
			next = process->next;
			unwatch_threads(engine, process, claim);
		}
	}
	poll_groups_unwatch_all(engine, claim);
	pthread_mutex_unlock(&engine->lock);
	return 0;
}

static struct poll_allowance *find_allowance(const struct engine *engine, maze_u64 tag)
{
	size_t i;

	for (i = 0; i < engine->allowance_count; i++)
		if (engine->allowances[i].tag == tag)
			return &engine->allowances[i];
	return NULL;
}

/* A hash of the path is as good as the ID. 0: unknown, or the root. */
static maze_u64 cgroup_hash(int dir)
{
	char path[PROC_CGROUP_SIZE];
	maze_u64 hash = 14695981039346656037ULL;
	const char *at = path;

	if (proc_cgroup(dir, path) || !path[0] || !path[1])
		return 0;
	for (; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211ULL;
	return hash;
}

bool poll_permits(const struct engine *engine, maze_u64 tag, const struct maze_policy *policy,
		  bool hard, maze_u64 id, int dir)
{
	struct poll_allowance *found = find_allowance(engine, tag);
	struct maze_allowance *allowance = found ? &found->allowance : NULL;
	maze_u64 started_ns = 0;

	if (allowance && allowance->by_cgroup) {
		id = maze_allowance_key(allowance, id, dir < 0 ? id : cgroup_hash(dir));
		/* A control group has one verdict in an episode, so each takes an entry. */
		started_ns = dir < 0 ? now_ns(CLOCK_BOOTTIME) : proc_start_ns(dir);
	}
	return maze_allowance_permits(allowance, policy, hard, id, started_ns,
				      now_ns(CLOCK_BOOTTIME));
}

static int set_allowance(struct engine *engine, maze_u64 tag,
			 const struct maze_allowance *allowance)
{
	struct poll_allowance *found = find_allowance(engine, tag), *grown;

	if (!allowance && found)
		*found = engine->allowances[--engine->allowance_count];
	if (!allowance || (found && maze_allowance_stays(&found->allowance, allowance)))
		return 0;
	if (!found) {
		if (engine->allowance_count == MAZE_ALLOWANCES_MAX)
			return -E2BIG;
		grown = reallocarray(engine->allowances, engine->allowance_count + 1,
				     sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		engine->allowances = grown;
		found = &grown[engine->allowance_count++];
	}
	*found = (struct poll_allowance){ .tag = tag, .allowance = *allowance };
	return 0;
}

int poll_allow(struct engine *engine, maze_u64 tag, const struct maze_allowance *allowance,
	       struct maze_error *error)
{
	int err;

	pthread_mutex_lock(&engine->lock);
	err = set_allowance(engine, tag, allowance);
	pthread_mutex_unlock(&engine->lock);
	return err ? maze_fail(error, err, "cannot set the allowance: %s", strerror(-err)) : 0;
}

static void fill_entry(const struct poll_process *process, const struct poll_thread *thread,
		       struct maze_entry *entry)
{
	*entry = (struct maze_entry){
		.count_ns = poll_count(thread),
		.soft_ns = thread->policy.soft_ns,
		.hard_ns = thread->policy.hard_ns,
		.tag = thread->tag,
		.pid = (maze_u32)process->pid,
		.tid = (maze_u32)thread->tid,
		.uid = thread->uid,
		.recovery = thread->policy.recovery,
		.flags = thread->policy.flags,
		.soft_signal = thread->policy.soft_signal,
		.hard_signal = thread->policy.hard_signal,
		.fired = thread->account.fired,
		.episode = thread->account.episode,
	};
	memcpy(entry->comm, thread->comm, sizeof(entry->comm));
	/* The stored name of a sleeping thread may be old, so read the name now. */
	proc_thread_comm(process->dir, thread->tid, entry->comm);
}

int poll_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	      void *arg, struct maze_error *error)
{
	const struct poll_process *process;
	const struct poll_thread *thread;
	struct maze_entry entry;
	int i, err = 0;

	(void)error;
	pthread_mutex_lock(&engine->lock);
	poll_processes_notice_ends(engine);
	for (i = 0; i < POLL_CHAINS; i++) {
		for (process = engine->chains[i]; process && !err; process = process->next) {
			for (thread = process->threads; thread && !err; thread = thread->next) {
				if (thread->ignored)
					continue;
				fill_entry(process, thread, &entry);
				err = each(&entry, arg);
			}
		}
	}
	pthread_mutex_unlock(&engine->lock);
	return err;
}

int poll_counts(struct engine *engine, struct maze_counts *ret_counts)
{
	pthread_mutex_lock(&engine->lock);
	*ret_counts = engine->counts;
	pthread_mutex_unlock(&engine->lock);
	return 0;
}

int poll_adopt(struct engine *engine, const struct maze_policy *policy, maze_u64 tag)
{
	/* With fork events the engine finds a child even if the parent ended early. */
	if (poll_child_tracker_has_events(engine) || !(policy->flags & MAZE_POLICY_INHERIT))
		return 0;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	pthread_mutex_lock(&engine->lock);
	engine->adopts = true;
	engine->adopt_policy = *policy;
	engine->adopt_tag = tag;
	pthread_mutex_unlock(&engine->lock);
	return 1;
}
