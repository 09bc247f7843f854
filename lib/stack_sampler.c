/* SPDX-License-Identifier: GPL-2.0-only */
#include "stack_sampler.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../base/error.h"

/* A power of two. The largest stack has 127 frames by default (kernel.perf_event_max_stack). */
#define RING_SIZE 32768U

struct stack_sampler {
	int fd;
	bool sees_kernel;
	maze_u16 number;
	maze_u64 lost;
	maze_u64 tail; /* bytes read since the start */
	size_t page;
	unsigned char *mapped; /* the control page, then the ring */
};

/* The fixed part of a sample, in the kernel's order. The frames follow. */
struct sample {
	maze_u32 pid, tid;
	maze_u64 time;
	maze_u32 cpu, reserved;
	maze_u64 count_ns;
	maze_u64 frames;
};

static int open_event(pid_t tid, maze_u64 interval_ns, bool kernel)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = interval_ns,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
			       PERF_SAMPLE_READ | PERF_SAMPLE_CALLCHAIN,
		.wakeup_events = 1,
		.use_clockid = 1,
		.clockid = CLOCK_BOOTTIME,
		.exclude_kernel = !kernel,
		.exclude_hv = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int refuse(struct maze_error *error, pid_t tid, int err)
{
	const char *remedy = "";

	if (err == -EACCES || err == -EPERM)
		remedy = "; this needs CAP_PERFMON, or kernel.perf_event_paranoid of at most 2 and "
			 "a thread of this user";
	return maze_fail(error, err, "cannot take stacks of thread %d by a perf event: %s%s", tid,
			 strerror(-err), remedy);
}

int stack_sampler_open(pid_t tid, maze_u64 interval_ns, struct stack_sampler **ret_sampler,
		       struct maze_error *error)
{
	struct stack_sampler *sampler = calloc(1, sizeof(*sampler));
	int err;

	if (!sampler)
		return maze_fail(error, -ENOMEM, "out of memory");
	sampler->page = (size_t)sysconf(_SC_PAGESIZE);
	sampler->fd = open_event(tid, interval_ns, true);
	sampler->sees_kernel = sampler->fd >= 0;
	if (sampler->fd == -EACCES || sampler->fd == -EPERM)
		sampler->fd = open_event(tid, interval_ns, false);
	err = sampler->fd < 0 ? sampler->fd : 0;
	if (!err) {
		sampler->mapped = mmap(NULL, sampler->page + RING_SIZE, PROT_READ | PROT_WRITE,
				       MAP_SHARED, sampler->fd, 0);
		err = sampler->mapped == MAP_FAILED ? -errno : 0;
		/* The kernel's error for too much locked memory of the user. */
		if (err == -EPERM)
			err = -ENOBUFS;
		if (err)
			close(sampler->fd);
	}
	if (err) {
		free(sampler);
		return refuse(error, tid, err);
	}
	*ret_sampler = sampler;
	return 0;
}

int stack_sampler_fd(const struct stack_sampler *sampler)
{
	return sampler->fd;
}

/* ---- the ring ---------------------------------------------------------------------- */

static struct perf_event_mmap_page *control(const struct stack_sampler *sampler)
{
	return (struct perf_event_mmap_page *)sampler->mapped;
}

/* Copies bytes from the ring, which wraps. */
static void copy(const struct stack_sampler *sampler, maze_u64 from, void *to, size_t size)
{
	const unsigned char *ring = sampler->mapped + sampler->page;
	size_t at = from % RING_SIZE, first = RING_SIZE - at < size ? RING_SIZE - at : size;

	memcpy(to, ring + at, first);
	memcpy((unsigned char *)to + first, ring, size - first);
}

static void add_frame(struct maze_stack *stack, maze_u64 context, maze_u64 address)
{
	if (context == (maze_u64)PERF_CONTEXT_KERNEL) {
		if (stack->kernel_frames == MAZE_STACK_KERNEL_MAX)
			stack->flags |= MAZE_STACK_KERNEL_CUT;
		else
			stack->kernel[stack->kernel_frames++] = address;
	} else if (context == (maze_u64)PERF_CONTEXT_USER) {
		if (stack->user_frames == MAZE_STACK_USER_MAX)
			stack->flags |= MAZE_STACK_USER_CUT;
		else
			stack->user[stack->user_frames++] =
				(struct maze_frame){ .kind = MAZE_FRAME_ADDRESS, .at = address };
	}
}

/* Returns whether the sample has a frame. A thread that is about to end may give none. */
static bool read_sample(struct stack_sampler *sampler, maze_u64 from, size_t size,
			struct maze_stack *ret_stack)
{
	maze_u64 context = 0, frame, i;
	struct sample sample;

	if (size < sizeof(sample))
		return false;
	copy(sampler, from, &sample, sizeof(sample));
	if (sample.frames > (size - sizeof(sample)) / sizeof(frame))
		return false;
	memset(ret_stack, 0, sizeof(*ret_stack));
	for (i = 0; i < sample.frames; i++) {
		copy(sampler, from + sizeof(sample) + i * sizeof(frame), &frame, sizeof(frame));
		if (frame >= (maze_u64)PERF_CONTEXT_MAX)
			context = frame;
		else
			add_frame(ret_stack, context, frame);
	}
	if (!ret_stack->kernel_frames && !ret_stack->user_frames)
		return false;
	ret_stack->boot_ns = sample.time;
	ret_stack->count_ns = sample.count_ns;
	ret_stack->cpu = sample.cpu;
	if (ret_stack->kernel_frames)
		ret_stack->flags |= MAZE_STACK_IN_KERNEL;
	return true;
}

int stack_sampler_next(struct stack_sampler *sampler, struct maze_stack *ret_stack)
{
	maze_u64 head = __atomic_load_n(&control(sampler)->data_head, __ATOMIC_ACQUIRE);
	struct perf_event_header header;
	struct {
		maze_u64 id, lost;
	} loss;
	maze_u64 body;
	bool found = false;

	while (!found && head - sampler->tail >= sizeof(header)) {
		copy(sampler, sampler->tail, &header, sizeof(header));
		if (header.size < sizeof(header) || header.size > head - sampler->tail) {
			sampler->tail = head;
			break;
		}
		body = sampler->tail + sizeof(header);
		if (header.type == PERF_RECORD_SAMPLE) {
			found = read_sample(sampler, body, header.size - sizeof(header), ret_stack);
		} else if (header.type == PERF_RECORD_LOST &&
			   header.size >= sizeof(header) + sizeof(loss)) {
			copy(sampler, body, &loss, sizeof(loss));
			sampler->lost += loss.lost;
			sampler->number += (maze_u16)loss.lost;
		}
		sampler->tail += header.size;
	}
	__atomic_store_n(&control(sampler)->data_tail, sampler->tail, __ATOMIC_RELEASE);
	if (found)
		ret_stack->number = sampler->number++;
	return found;
}

bool stack_sampler_has_ended(const struct stack_sampler *sampler)
{
	struct pollfd fd = { .fd = sampler->fd };

	return poll(&fd, 1, 0) > 0 && (fd.revents & POLLHUP);
}

bool stack_sampler_sees_kernel(const struct stack_sampler *sampler)
{
	return sampler->sees_kernel;
}

maze_u64 stack_sampler_lost(const struct stack_sampler *sampler)
{
	return sampler->lost;
}

void stack_sampler_close(struct stack_sampler *sampler)
{
	if (!sampler)
		return;
	munmap(sampler->mapped, sampler->page + RING_SIZE);
	close(sampler->fd);
	free(sampler);
}
