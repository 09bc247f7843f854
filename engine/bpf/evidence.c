/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readers of evidence: a position in each of the two mapped logs, and one wakeup for both.
 * The logs (2.8 MB) are mapped only for a reader.
 *
 * Always: the descriptor is readable while either log has something to read. Draining the
 * wakeup for one log would hide what is in the other, so `rest_fd` is set in that case.
 */
#include "engine_bpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* A ring of numbered slots whose first member is the number; see record_log.h. */
struct evidence_log {
	const maze_u64 *head;
	const unsigned char *slots;
	size_t slot_size;
	maze_u64 len;
	maze_u64 next; /* number of the slot to read next */
};

struct engine_evidence {
	struct engine *engine;
	struct evidence_log logs[MAZE_EVIDENCE_LOGS];
	maze_u64 lost;
	int wakeup;
	void *ring;
	int fd;	     /* epoll of the wakeup and rest_fd */
	int rest_fd; /* eventfd: a log is not empty although the wakeup was drained */
};

static const size_t log_bytes[MAZE_EVIDENCE_LOGS] = {
	[MAZE_EVIDENCE_STACKS] = MAZE_STACK_LOG_LEN * sizeof(struct maze_stack),
	[MAZE_EVIDENCE_PROCESS_INFOS] =
		MAZE_PROCESS_INFO_LOG_LEN * sizeof(struct maze_process_info),
};

static maze_u64 load_number(const void *number)
{
	return __atomic_load_n((const maze_u64 *)number, __ATOMIC_ACQUIRE);
}

/* Copies the next slot if it is complete; counts slots that were overwritten. */
static bool take_next(struct engine_evidence *evidence, struct evidence_log *log, void *ret)
{
	const unsigned char *slot;
	maze_u64 head, oldest;

	for (;;) {
		head = load_number(log->head);
		if (log->next > head)
			return false;
		slot = log->slots + (log->next - 1) % log->len * log->slot_size;
		if (load_number(slot) == log->next) {
			memcpy(ret, slot, log->slot_size);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (load_number(slot) == log->next) {
				log->next++;
				return true;
			}
			continue;
		}
		/* Being written, and a wakeup follows; or overwritten. */
		head = load_number(log->head);
		if (head < log->next + log->len)
			return false;
		oldest = head - log->len + 1;
		evidence->lost += oldest - log->next;
		log->next = oldest;
	}
}

static bool has_next(const struct evidence_log *log)
{
	return log->next <= load_number(log->head);
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
	/* Drain the wakeup, then read again: a slot may have been filled in between. */
	set_rest(evidence, false);
	bpf_notify_drain(evidence->ring);
	if (has_next(other))
		set_rest(evidence, true);
	return take_next(evidence, &evidence->logs[which], ret);
}

int bpf_evidence_next_process_info(struct engine_evidence *evidence, struct maze_process_info *ret)
{
	if (!next_of(evidence, MAZE_EVIDENCE_PROCESS_INFOS, ret))
		return 0;
	/* The kernel side uses `args` as scratch space: clear what it left there. */
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

maze_u64 bpf_evidence_lost(const struct engine_evidence *evidence)
{
	return evidence->lost;
}

int bpf_evidence_fd(struct engine_evidence *evidence)
{
	return evidence->fd;
}

/* The caller's wakeup is in the mask already. */
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
	/* stacks_max last: the kernel side tests it first. */
	__atomic_store_n(&state->stack_interval_ns, now.interval_ns, __ATOMIC_SEQ_CST);
	__atomic_store_n(&state->stacks_max, now.stacks_max, __ATOMIC_SEQ_CST);
	bpf_unlock(lock);
	return 0;
}

static int map_log(struct engine_evidence *evidence, int which, int map_fd, size_t slot_size,
		   maze_u64 len, struct maze_error *error)
{
	struct evidence_log *log = &evidence->logs[which];
	maze_u64 head;

	log->head = &evidence->engine->state->evidence_heads[which];
	log->slots = bpf_map_fd(map_fd, log_bytes[which], PROT_READ);
	log->slot_size = slot_size;
	log->len = len;
	if (!log->slots)
		return maze_fail(error, -errno, "cannot map the engine's evidence: %s",
				 strerror(errno));
	head = load_number(log->head);
	log->next = head > len ? head - len + 1 : 1;
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
		bpf_unmap_fd(evidence->logs[i].slots, log_bytes[i]);
	free(evidence);
}
