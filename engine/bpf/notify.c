/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A wakeup is a ring buffer of one page, through which the kernel side wakes one reader
 * or one yield-probe service. If the buffer is not empty, there may be something to read.
 * The content of the buffer has no meaning.
 */
#include "engine_bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/proc_files.h"

/* The slot of the second reader of a private engine. */
#define SPARE_SLOT 1

/* Returns the start time in clock ticks since boot; 0: the process does not exist. */
static maze_u64 start_time(pid_t pid)
{
	maze_u64 ticks = 0;
	char path[64];
	int dir;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	(void)proc_start_ticks(dir, &ticks);
	close(dir);
	return ticks;
}

static bool owner_exists(const struct maze_wakeup_owner *owner)
{
	return owner->start_time && start_time((pid_t)owner->pid) == owner->start_time;
}

static int free_slot(struct engine *engine)
{
	unsigned int i;

	for (i = 0; i < MAZE_READERS_MAX; i++)
		if (!owner_exists(&engine->state->owners[i]))
			return (int)i;
	return -ENOSPC;
}

static int ignore(void *context, void *data, size_t size)
{
	(void)context;
	(void)data;
	(void)size;
	return 0;
}

static void clear_bits(struct engine *engine, int index)
{
	maze_u32 others = ~(1U << index);

	__atomic_fetch_and(&engine->state->notify_records, others, __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&engine->state->notify_yield_probe, others, __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&engine->state->notify_evidence, others, __ATOMIC_SEQ_CST);
}

bool bpf_notify_others(struct engine *engine, maze_u32 mask, int index)
{
	int i;

	for (i = 0; i < (int)MAZE_READERS_MAX; i++)
		if (i != index && (mask & (1U << i)) && owner_exists(&engine->state->owners[i]))
			return true;
	return false;
}

static int create_ring(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "maze_wakeup", 0, 0,
				(__u32)sysconf(_SC_PAGESIZE), NULL);

	return fd < 0 ? -errno : fd;
}

/*
 * Puts a new ring into the map, and returns it. The kernel waits for an RCU grace period
 * after each change of the map, 5 to 15 ms. A private engine soon has a second reader, so
 * the first change adds the ring of that one too. Kernels before 5.14 change no such map
 * in batches.
 */
static int put_ring(struct engine *engine, int index)
{
	maze_u32 keys[2] = { (maze_u32)index, SPARE_SLOT }, count = 2;
	int map = engine->fds[OBJECT_WAKEUPS], fds[2] = { create_ring(), -1 }, err;

	if (fds[0] < 0)
		return fds[0];
	if (engine->scope == ENGINE_PRIVATE && index < SPARE_SLOT && engine->spare_ring < 0 &&
	    !owner_exists(&engine->state->owners[SPARE_SLOT]))
		fds[1] = create_ring();
	if (fds[1] >= 0 && !bpf_map_update_batch(map, keys, fds, &count, NULL)) {
		engine->spare_ring = fds[1];
		return fds[0];
	}
	if (fds[1] >= 0)
		close(fds[1]);
	if (!bpf_map_update_elem(map, keys, fds, BPF_ANY))
		return fds[0];
	err = -errno;
	close(fds[0]);
	return err;
}

static int take_ring(struct engine *engine, int index)
{
	int fd = index == SPARE_SLOT ? engine->spare_ring : -1;

	if (fd < 0)
		return put_ring(engine, index);
	engine->spare_ring = -1;
	return fd;
}

static int claim_slot(struct engine *engine, maze_u32 *mask, int *ret_index, void **ret_ring)
{
	struct maze_wakeup_owner *owner;
	int index = free_slot(engine), fd, err;

	if (index < 0)
		return index;
	fd = take_ring(engine, index);
	if (fd < 0)
		return fd;
	*ret_ring = ring_buffer__new(fd, ignore, NULL, NULL);
	err = *ret_ring ? 0 : -errno;
	close(fd); /* the ring and the map hold it */
	if (err)
		return err;
	owner = &engine->state->owners[index];
	owner->pid = (maze_u32)getpid();
	owner->start_time = start_time(getpid());
	/* If the last owner was killed, its bit is still set in one of the masks. */
	clear_bits(engine, index);
	__atomic_fetch_or(mask, 1U << index, __ATOMIC_SEQ_CST);
	*ret_index = index;
	return 0;
}

int bpf_notify_open(struct engine *engine, maze_u32 *mask, int *ret_index, void **ret_ring,
		    struct maze_error *error)
{
	int lock, err = bpf_lock(engine, &lock, error);

	if (err)
		return err;
	err = claim_slot(engine, mask, ret_index, ret_ring);
	bpf_unlock(lock);
	if (err == -ENOSPC)
		return maze_fail(error, err, "all %u readers are in use; close one first",
				 MAZE_READERS_MAX);
	return err ? maze_fail(error, err, "cannot add a reader: %s", strerror(-err)) : 0;
}

/*
 * Drains the ring. While this process stores its new position in the ring, the kernel may
 * add a record but still read the old position. Then it causes no wakeup for that record.
 * So consume again after a full barrier, until nothing is left.
 */
void bpf_notify_drain(void *ring)
{
	while (ring_buffer__consume(ring) > 0)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int bpf_notify_fd(void *ring)
{
	return ring_buffer__epoll_fd(ring);
}

/*
 * Leaves the ring in the map until the next owner replaces it. A removal would wait for
 * an RCU grace period, which a process that spins in the kernel delays for minutes.
 */
void bpf_notify_close(struct engine *engine, int index, void *ring)
{
	if (index >= 0) {
		clear_bits(engine, index);
		engine->state->owners[index].start_time = 0;
	}
	ring_buffer__free(ring);
}
