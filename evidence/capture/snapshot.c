/* SPDX-License-Identifier: GPL-2.0-only */
#include "snapshot.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__aarch64__)
#include <asm/perf_regs.h>
#endif

#include "../../base/clock.h"

/* The kernel's register numbers in DWARF order, the instruction pointer last. */
static const unsigned char numbers[] = {
#if defined(__x86_64__)
	PERF_REG_X86_AX,  PERF_REG_X86_DX,  PERF_REG_X86_CX,  PERF_REG_X86_BX,	PERF_REG_X86_SI,
	PERF_REG_X86_DI,  PERF_REG_X86_BP,  PERF_REG_X86_SP,  PERF_REG_X86_R8,	PERF_REG_X86_R9,
	PERF_REG_X86_R10, PERF_REG_X86_R11, PERF_REG_X86_R12, PERF_REG_X86_R13, PERF_REG_X86_R14,
	PERF_REG_X86_R15, PERF_REG_X86_IP,
#define STACK_POINTER 7
#define WHOLE_ABI PERF_SAMPLE_REGS_ABI_64
#elif defined(__aarch64__)
	/* x0 to x30, sp, pc: the kernel and DWARF use the same numbers. */
	0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
#define STACK_POINTER 31
#define WHOLE_ABI PERF_SAMPLE_REGS_ABI_64
#else
	0,
#define STACK_POINTER 0
#define WHOLE_ABI PERF_SAMPLE_REGS_ABI_NONE
#endif
};
#define COUNT (sizeof(numbers) / sizeof(numbers[0]))

/* The CPU time until the first sample. Later samples are ignored. */
#define PERIOD_NS MAZE_NSEC_PER_MSEC
/* The size must be a power of two. The ring has room for two samples. */
#define RING_SIZE (2 * 65536)

struct snapshot_event {
	int fd;
	size_t page;
	unsigned char *mapped; /* the control page, then the ring */
	maze_u64 asked_ns;
};

unsigned int snapshot_registers(void)
{
	return COUNT - 1;
}

static int open_event(struct perf_event_attr *attributes, pid_t tid)
{
	return (int)syscall(SYS_perf_event_open, attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

int snapshot_ask(pid_t tid, struct snapshot_event **ret_event)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = PERIOD_NS,
		.sample_type = PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
		.sample_stack_user = SNAPSHOT_STACK_MAX - 8, /* a multiple of 8, and below 64 KiB */
		.exclude_hv = 1,
	};
	struct snapshot_event *event;
	size_t i;
	int err;

	if (WHOLE_ABI == PERF_SAMPLE_REGS_ABI_NONE)
		return -EOPNOTSUPP;
	for (i = 0; i < COUNT; i++)
		attributes.sample_regs_user |= 1ULL << numbers[i];
	event = calloc(1, sizeof(*event));
	if (!event)
		return -ENOMEM;
	event->page = (size_t)sysconf(_SC_PAGESIZE);
	event->asked_ns = now_ns(CLOCK_MONOTONIC);
	event->fd = open_event(&attributes, tid);
	/* Without privileges only samples in user code are permitted. */
	attributes.exclude_kernel = event->fd < 0;
	if (event->fd < 0)
		event->fd = open_event(&attributes, tid);
	if (event->fd < 0)
		goto out_free;
	event->mapped = mmap(NULL, event->page + RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			     event->fd, 0);
	if (event->mapped == MAP_FAILED)
		goto out_close;
	*ret_event = event;
	return 0;
out_close:
	err = -errno;
	close(event->fd);
	free(event);
	return err;
out_free:
	err = -errno;
	free(event);
	return err;
}

/* The first sample does not wrap, because a sample is smaller than the ring. */
static bool take(const unsigned char **at, const unsigned char *end, void *ret, size_t size)
{
	if ((size_t)(end - *at) < size)
		return false;
	memcpy(ret, *at, size);
	*at += size;
	return true;
}

/* A sample has the registers in the order of the kernel's numbers, then the stack. */
static bool read_sample(const unsigned char *at, const unsigned char *end,
			struct snapshot *snapshot)
{
	maze_u64 abi, value, mask = 0, size, dynamic;
	unsigned int number;
	size_t i;

	for (i = 0; i < COUNT; i++)
		mask |= 1ULL << numbers[i];
	if (!take(&at, end, &abi, sizeof(abi)) || abi != WHOLE_ABI)
		return false;
	for (number = 0; number < 64; number++) {
		if (!(mask & 1ULL << number))
			continue;
		if (!take(&at, end, &value, sizeof(value)))
			return false;
		for (i = 0; i < COUNT; i++)
			if (numbers[i] == number)
				snapshot->registers[i] = value;
	}
	if (!take(&at, end, &size, sizeof(size)) || size > SNAPSHOT_STACK_MAX ||
	    !take(&at, end, snapshot->stack, size) || !take(&at, end, &dynamic, sizeof(dynamic)))
		return false;
	snapshot->stack_at = snapshot->registers[STACK_POINTER];
	snapshot->stack_size = dynamic < size ? dynamic : size;
	return snapshot->stack_size > 0;
}

int snapshot_get(struct snapshot_event *event, struct snapshot **ret_snapshot)
{
	const struct perf_event_mmap_page *control = (const void *)event->mapped;
	maze_u64 head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE), at = 0;
	struct perf_event_header header;
	struct snapshot *snapshot;
	const unsigned char *ring = event->mapped + event->page;

	if (head > RING_SIZE)
		head = RING_SIZE;
	for (; head - at >= sizeof(header); at += header.size) {
		memcpy(&header, ring + at, sizeof(header));
		if (header.size < sizeof(header) || header.size > head - at)
			return -ENODATA;
		if (header.type == PERF_RECORD_SAMPLE)
			break;
	}
	if (head - at < sizeof(header))
		return 0;
	snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return -ENOMEM;
	if (!read_sample(ring + at + sizeof(header), ring + at + header.size, snapshot)) {
		free(snapshot);
		return -ENODATA;
	}
	snapshot->took_ns = now_ns(CLOCK_MONOTONIC) - event->asked_ns;
	*ret_snapshot = snapshot;
	return 1;
}

maze_u64 snapshot_asked_ns(const struct snapshot_event *event)
{
	return event->asked_ns;
}

void snapshot_drop(struct snapshot_event *event)
{
	if (!event)
		return;
	munmap(event->mapped, event->page + RING_SIZE);
	close(event->fd);
	free(event);
}
