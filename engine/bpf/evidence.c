/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readers of evidence. A reader has a position in each of the two logs and one wakeup for
 * both. Each reader maps the logs, and the slots of runs (3.3 MB), for itself.
 *
 * Always: the descriptor is readable while either log has something to read. When a
 * reader has read all of one log, it drains the common wakeup. If the other log still has
 * evidence, `rest_fd` is set, so the descriptor stays readable.
 */
#include "engine_bpf.h"
#include "../record_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

struct evidence_log {
	struct record_log log;
	size_t slot_size;
	maze_u64 next; /* number of the next slot to read */
};

struct engine_evidence {
	struct engine *engine;
	struct evidence_log logs[MAZE_EVIDENCE_LOGS];
	const struct maze_runs *runs;
	maze_u64 lost;
	int wakeup;
	void *ring;
	int fd;	     /* epoll on the wakeup and rest_fd */
	int rest_fd; /* eventfd; readable if a log is not empty although the wakeup is drained */
};

#define RUN_LOG_BYTES (MAZE_RUN_LOG_LEN * sizeof(struct maze_runs))

static const size_t log_bytes[MAZE_EVIDENCE_LOGS] = {
	[MAZE_EVIDENCE_STACKS] = MAZE_STACK_LOG_LEN * sizeof(struct maze_stack),
	[MAZE_EVIDENCE_PROCESS_INFOS] =
		MAZE_PROCESS_INFO_LOG_LEN * sizeof(struct maze_process_info),
};

static bool take_next(struct engine_evidence *evidence, struct evidence_log *log, void *ret)
{
	if (!record_log_peek(&log->log, log->slot_size, &log->next, &evidence->lost, ret))
		return false;
	log->next++;
	return true;
}

static void set_rest(struct engine_evidence *evidence, bool rest)
{
	maze_u64 number = 1;

	if (rest)
		(void)!write(evidence->rest_fd, &number, sizeof(number));
	else
		(void)!read(evidence->rest_fd, &number, sizeof(number));
}

static int next_of(struct engine_evidence *evidence, int which, void *ret)
{
	struct evidence_log *other = &evidence->logs[!which];

	if (take_next(evidence, &evidence->logs[which], ret))
		return 1;
	/*
	 * Drain the wakeup, then read again, because a slot may have been filled in
	 * between.
	 */
	set_rest(evidence, false);
	bpf_notify_drain(evidence->ring);
	if (other->next < record_log_start(&other->log, false))
		set_rest(evidence, true);
	return take_next(evidence, &evidence->logs[which], ret);
}

int bpf_evidence_next_process_info(struct engine_evidence *evidence, struct maze_process_info *ret)
{
	if (!next_of(evidence, MAZE_EVIDENCE_PROCESS_INFOS, ret))
		return 0;
	/*
	 * Clear the unused part of `args`, which the kernel side uses as scratch space.
	 */
	if (ret->args_size > sizeof(ret->args))
		ret->args_size = sizeof(ret->args);
	memset(ret->args + ret->args_size, 0, sizeof(ret->args) - ret->args_size);
	ret->exe[sizeof(ret->exe) - 1] = '\0';
	return 1;
}

int bpf_evidence_next_stack(struct engine_evidence *evidence, struct maze_stack *ret)
{
	const struct maze_frame none = { 0 };
	unsigned int i;

	if (!next_of(evidence, MAZE_EVIDENCE_STACKS, ret))
		return 0;
	for (i = ret->kernel_frames; i < MAZE_STACK_KERNEL_MAX; i++)
		ret->kernel[i] = 0;
	for (i = ret->user_frames; i < MAZE_STACK_USER_MAX; i++)
		ret->user[i] = none;
	return 1;
}

/*
 * The slot may be in use meanwhile. Its writer has not overwritten a run of those before
 * `head`, except perhaps the oldest, if `head` is less than one round above.
 */
static bool copy_runs(const struct maze_runs *slot, maze_u64 seq, struct maze_last_runs *ret)
{
	maze_u64 head = __atomic_load_n(&slot->head, __ATOMIC_ACQUIRE), first = 0, at;
	struct maze_run verdict = slot->verdict;

	if (head >= MAZE_RUNS_MAX)
		first = head - MAZE_RUNS_MAX + 1;
	ret->earlier = first;
	ret->count = 0;
	for (at = first; at < head; at++) {
		ret->run[ret->count] = slot->run[at % MAZE_RUNS_MAX];
		/* The run of the verdict has ended, and others have followed. */
		if (ret->run[ret->count].to_ns > verdict.to_ns)
			break;
		ret->count++;
	}
	ret->run[ret->count++] = verdict;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return slot->seq == seq && verdict.to_ns && slot->verdict.to_ns == verdict.to_ns &&
	       slot->head == head;
}

int bpf_evidence_runs(struct engine_evidence *evidence, maze_u32 pid, maze_u32 tid,
		      maze_u32 episode, struct maze_last_runs *ret)
{
	const struct maze_runs *slot = evidence->runs;
	maze_u64 seq;
	int attempt;

	for (; slot < evidence->runs + MAZE_RUN_LOG_LEN; slot++)
		for (attempt = 0; attempt < 8; attempt++) {
			seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);
			if (!seq || slot->tid != tid || slot->pid != pid ||
			    slot->episode != episode)
				break;
			if (copy_runs(slot, seq, ret))
				return 0;
		}
	return -ENOENT;
}

maze_u64 bpf_evidence_lost(const struct engine_evidence *evidence)
{
	return evidence->lost;
}

int bpf_evidence_fd(struct engine_evidence *evidence)
{
	return evidence->fd;
}

/* Switches evidence on. The bit of `wakeup` in state->notify_evidence is already set. */
static int switch_on(struct engine *engine, const struct maze_evidence_wants *wants, int wakeup,
		     struct maze_error *error)
{
	struct maze_state *state = engine->state;
	struct maze_evidence_wants now = *wants;
	int lock, err = bpf_lock(engine, &lock, error);

	if (err)
		return err;
	if (bpf_notify_others(engine, state->notify_evidence, wakeup)) {
		if (state->stacks_max > now.stacks_max)
			now.stacks_max = state->stacks_max;
		if (state->stack_interval_ns && state->stack_interval_ns < now.interval_ns)
			now.interval_ns = state->stack_interval_ns;
	}
	/* Store stacks_max last, because the kernel side tests it first. */
	__atomic_store_n(&state->stack_interval_ns, now.interval_ns, __ATOMIC_SEQ_CST);
	__atomic_store_n(&state->stacks_max, now.stacks_max, __ATOMIC_SEQ_CST);
	bpf_unlock(lock);
	return 0;
}

static int map_log(struct engine_evidence *evidence, int which, int map_fd, size_t slot_size,
		   maze_u64 len, struct maze_error *error)
{
	struct evidence_log *log = &evidence->logs[which];

	log->log.head = &evidence->engine->state->evidence_heads[which];
	log->log.slots = bpf_map_fd(map_fd, log_bytes[which], PROT_READ);
	log->log.len = len;
	log->slot_size = slot_size;
	if (!log->log.slots)
		return maze_fail(error, -errno, "cannot map the engine's evidence: %s",
				 strerror(errno));
	log->next = record_log_start(&log->log, true);
	return 0;
}

static int map_logs(struct engine_evidence *evidence, struct maze_error *error)
{
	const int *fds = evidence->engine->fds;
	int err;

	err = map_log(evidence, MAZE_EVIDENCE_STACKS, fds[OBJECT_STACK_LOG],
		      sizeof(struct maze_stack), MAZE_STACK_LOG_LEN, error);
	if (err)
		return err;
	evidence->runs = bpf_map_fd(fds[OBJECT_RUN_LOG], RUN_LOG_BYTES, PROT_READ);
	if (!evidence->runs)
		return maze_fail(error, -errno, "cannot map the engine's runs: %s",
				 strerror(errno));
	return map_log(evidence, MAZE_EVIDENCE_PROCESS_INFOS, fds[OBJECT_PROCESS_INFO_LOG],
		       sizeof(struct maze_process_info), MAZE_PROCESS_INFO_LOG_LEN, error);
}

/* The eventfd starts at 1, so the descriptor is readable at first. */
static int join_fds(struct engine_evidence *evidence, struct maze_error *error)
{
	struct epoll_event event = { .events = EPOLLIN };

	evidence->rest_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	evidence->fd = epoll_create1(EPOLL_CLOEXEC);
	if (evidence->rest_fd < 0 || evidence->fd < 0 ||
	    epoll_ctl(evidence->fd, EPOLL_CTL_ADD, evidence->rest_fd, &event) ||
	    epoll_ctl(evidence->fd, EPOLL_CTL_ADD, bpf_notify_fd(evidence->ring), &event))
		return maze_fail(error, -errno, "cannot create descriptors for evidence: %s",
				 strerror(errno));
	return 0;
}

int bpf_evidence_open(struct engine *engine, const struct maze_evidence_wants *wants,
		      struct engine_evidence **ret_evidence, struct maze_error *error)
{
	struct engine_evidence *evidence = calloc(1, sizeof(*evidence));
	int err;

	if (!evidence)
		return maze_fail(error, -ENOMEM, "out of memory");
	evidence->engine = engine;
	evidence->wakeup = evidence->fd = evidence->rest_fd = -1;
	err = map_logs(evidence, error);
	if (!err)
		err = bpf_notify_open(engine, &engine->state->notify_evidence, &evidence->wakeup,
				      &evidence->ring, error);
	if (!err)
		err = join_fds(evidence, error);
	if (!err)
		err = switch_on(engine, wants, evidence->wakeup, error);
	if (err) {
		bpf_evidence_close(evidence);
		return err;
	}
	*ret_evidence = evidence;
	return 0;
}

void bpf_evidence_close(struct engine_evidence *evidence)
{
	int i;

	if (!evidence)
		return;
	if (evidence->fd >= 0)
		close(evidence->fd);
	if (evidence->rest_fd >= 0)
		close(evidence->rest_fd);
	if (evidence->ring)
		bpf_notify_close(evidence->engine, evidence->wakeup, evidence->ring);
	for (i = 0; i < MAZE_EVIDENCE_LOGS; i++)
		bpf_unmap_fd(evidence->logs[i].log.slots, log_bytes[i]);
	bpf_unmap_fd(evidence->runs, RUN_LOG_BYTES);
	free(evidence);
}
