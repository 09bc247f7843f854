/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads and attaches the program that counts system calls. */
#include "system_calls.h"
#include "engine_bpf.h"
#include "kernel_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "system_calls.skel.h"

/* A handler is in a slot for a microsecond, unless its CPU is paused. */
#define BUSY_MAX_NS (100 * MAZE_NSEC_PER_MSEC)

struct call_counter {
	struct system_calls_bpf *skeleton;
	maze_u32 used;		      /* bit i: slot i has a slice */
	maze_u64 over_ns[CALL_SLOTS]; /* see bpf_calls_is_over() */
	int enter_fd, exit_fd;	      /* the attached programs; -1: not attached */
	maze_u64 attached_since_ns;   /* 0: not attached */
	maze_u64 attached_ns;	      /* before that */
};

static int load(struct call_counter *counter, const struct call_descriptors *descriptors)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = kernel_btf_path());

	counter->skeleton = system_calls_bpf__open_opts(&opts);
	if (!counter->skeleton)
		return -errno;
	memcpy((void *)&counter->skeleton->rodata->call_descriptors, descriptors,
	       sizeof(*descriptors));
	return system_calls_bpf__load(counter->skeleton);
}

int bpf_calls_open(const struct call_descriptors *descriptors, struct call_counter **ret_counter,
		   struct maze_error *error)
{
	struct call_counter *counter = calloc(1, sizeof(*counter));
	libbpf_print_fn_t print;
	int err;

	if (!counter)
		return maze_fail(error, -ENOMEM, "out of memory");
	counter->enter_fd = counter->exit_fd = -1;
	print = libbpf_set_print(kernel_print_if_debug);
	err = load(counter, descriptors);
	libbpf_set_print(print);
	if (err) {
		bpf_calls_close(counter);
		return maze_fail(error, kernel_load_error(err),
				 "cannot load the program that counts system calls: %s; "
				 "MAZE_DEBUG=1 shows the kernel's log",
				 strerror(-err));
	}
	*ret_counter = counter;
	return 0;
}

int bpf_calls_find(struct call_counter *counter, pid_t tid, maze_u64 born_by_ns,
		   struct call_thread *ret_thread)
{
	struct call_thread *thread = &counter->skeleton->bss->call_thread;
	int fd, err;

	*thread = (struct call_thread){ .born_by_ns = born_by_ns };
	err = bpf_iterate(bpf_program__fd(counter->skeleton->progs.calls__find), -1, tid, &fd);
	if (!err)
		err = bpf_drain_iterator(fd);
	if (err)
		return err;
	*ret_thread = *(volatile struct call_thread *)thread;
	/* Before 6.1 the kernel ignores `tid` and iterates over all tasks. */
	if (ret_thread->tasks > 1)
		return -EOPNOTSUPP;
	return ret_thread->number ? 0 : -ESRCH;
}

/* ---- attachment -------------------------------------------------------------------- */

static void detach(struct call_counter *counter)
{
	if (counter->enter_fd >= 0)
		close(counter->enter_fd);
	if (counter->exit_fd >= 0)
		close(counter->exit_fd);
	counter->enter_fd = counter->exit_fd = -1;
	if (counter->attached_since_ns)
		counter->attached_ns += now_ns(CLOCK_MONOTONIC) - counter->attached_since_ns;
	counter->attached_since_ns = 0;
}

static int attach(struct call_counter *counter, struct maze_error *error)
{
	struct system_calls_bpf *skeleton = counter->skeleton;
	int err = 0;

	if (counter->attached_since_ns)
		return 0;
	counter->attached_since_ns = now_ns(CLOCK_MONOTONIC);
	counter->exit_fd =
		bpf_raw_tracepoint_open(NULL, bpf_program__fd(skeleton->progs.calls__sys_exit));
	if (counter->exit_fd >= 0)
		counter->enter_fd = bpf_raw_tracepoint_open(
			NULL, bpf_program__fd(skeleton->progs.calls__sys_enter));
	if (counter->enter_fd < 0)
		err = maze_fail(error, -errno,
				"cannot attach the program that counts system calls: %s",
				strerror(errno));
	if (err)
		detach(counter);
	return err;
}

maze_u64 bpf_calls_attached_ns(const struct call_counter *counter)
{
	maze_u64 now = counter->attached_since_ns ? now_ns(CLOCK_MONOTONIC) : 0;

	return counter->attached_ns + now - counter->attached_since_ns;
}

/* ---- slices ------------------------------------------------------------------------ */

int bpf_calls_begin(struct call_counter *counter, pid_t tid, maze_u64 born_by_ns, maze_u64 limit_ns,
		    struct maze_error *error)
{
	struct call_slot *slot;
	struct call_thread thread;
	int i, err;

	for (i = 0; i < CALL_SLOTS && counter->used & 1U << i; i++)
		;
	if (i == CALL_SLOTS)
		return maze_fail(error, -EBUSY, "the system calls of %d threads are being counted",
				 CALL_SLOTS);
	err = bpf_calls_find(counter, tid, born_by_ns, &thread);
	if (err)
		return maze_fail(error, err, "cannot count the system calls of thread %d: %s", tid,
				 strerror(-err));
	err = attach(counter, error);
	if (err)
		return err;
	/* The attachment may have waited for long, and the thread's runtime went on. */
	if (bpf_calls_find(counter, tid, born_by_ns, &thread)) {
		if (!counter->used)
			detach(counter);
		return maze_fail(error, -ESRCH, "thread %d has ended", tid);
	}
	slot = &counter->skeleton->bss->call_slots[i];
	memset(slot, 0, sizeof(*slot));
	slot->limit_ns = limit_ns;
	slot->armed_ns = now_ns(CLOCK_BOOTTIME);
	slot->from_ns = slot->booked_ns = thread.runtime_ns;
	counter->used |= 1U << i;
	counter->over_ns[i] = 0;
	__atomic_store_n(&counter->skeleton->bss->call_numbers[i], thread.number, __ATOMIC_SEQ_CST);
	return i;
}

const struct call_slot *bpf_calls_slot(const struct call_counter *counter, int slot)
{
	return &counter->skeleton->bss->call_slots[slot];
}

/*
 * The machine can pause while the thread is in a short call, and the thread's runtime can
 * contain the pause. After it, the call returns, and ends the slice.
 */
bool bpf_calls_is_over(struct call_counter *counter, int slot, maze_u64 runtime_ns)
{
	const struct call_slot *running = bpf_calls_slot(counter, slot);
	maze_u64 *over_ns = &counter->over_ns[slot];

	if (runtime_ns < running->from_ns + running->limit_ns)
		return false;
	if (!*over_ns)
		*over_ns = runtime_ns;
	return runtime_ns > *over_ns;
}

void bpf_calls_end(struct call_counter *counter, int slot, struct call_slot *ret_slot)
{
	const struct timespec pause = { .tv_nsec = 20000 };
	struct call_slot *ended = &counter->skeleton->bss->call_slots[slot];
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + BUSY_MAX_NS, end_ns;

	__atomic_store_n(&counter->skeleton->bss->call_numbers[slot], 0, __ATOMIC_SEQ_CST);
	/* From here on no call is counted, and a detachment takes some ms. */
	end_ns = now_ns(CLOCK_BOOTTIME);
	while (__atomic_load_n(&ended->busy, __ATOMIC_SEQ_CST) && now_ns(CLOCK_MONOTONIC) < until)
		nanosleep(&pause, NULL);
	*ret_slot = *ended;
	/* A handler that was in the slot may have had a later event. */
	if (!ret_slot->done && end_ns > ret_slot->ended_ns)
		ret_slot->ended_ns = end_ns;
	counter->used &= ~(1U << slot);
	if (!counter->used)
		detach(counter);
}

void bpf_calls_close(struct call_counter *counter)
{
	if (!counter)
		return;
	detach(counter);
	system_calls_bpf__destroy(counter->skeleton);
	free(counter);
}
