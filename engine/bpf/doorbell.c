/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doorbells: how the kernel side wakes those who wait for records or attend. A
 * doorbell is a one-page ring buffer of the waiter's own; what is in it means
 * nothing, that there is something means "look".
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

/* In clock ticks since boot; 0: there is no such process. */
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

static bool owner_lives(const struct maze_doorbell_owner *owner)
{
	return owner->start_time && start_time((pid_t)owner->pid) == owner->start_time;
}

static int free_slot(struct engine *engine)
{
	unsigned int i;

	for (i = 0; i < MAZE_READERS_MAX; i++)
		if (!owner_lives(&engine->state->owners[i]))
			return (int)i;
	return -ENOSPC;
}

static int nothing(void *context, void *data, size_t size)
{
	(void)context;
	(void)data;
	(void)size;
	return 0;
}

static void silence(struct engine *engine, int index)
{
	maze_u32 others = ~(1U << index);

	__atomic_fetch_and(&engine->state->record_bells, others, __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&engine->state->near_bells, others, __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&engine->state->evidence_bells, others, __ATOMIC_SEQ_CST);
}

bool bpf_doorbell_others(struct engine *engine, maze_u32 mask, int index)
{
	int i;

	for (i = 0; i < (int)MAZE_READERS_MAX; i++)
		if (i != index && (mask & (1U << i)) && owner_lives(&engine->state->owners[i]))
			return true;
	return false;
}

static int claim_slot(struct engine *engine, maze_u32 *mask, int ring_fd, int *ret_index)
{
	struct maze_doorbell_owner *owner;
	int index = free_slot(engine);
	maze_u32 key = (maze_u32)index;

	if (index < 0)
		return index;
	if (bpf_map_update_elem(engine->fds[OBJECT_DOORBELLS], &key, &ring_fd, BPF_ANY))
		return -errno;
	owner = &engine->state->owners[index];
	owner->pid = (maze_u32)getpid();
	owner->start_time = start_time(getpid());
	/* A dead owner of this slot may have left its bit in another mask. */
	silence(engine, index);
	__atomic_fetch_or(mask, 1U << index, __ATOMIC_SEQ_CST);
	*ret_index = index;
	return 0;
}

int bpf_doorbell_open(struct engine *engine, maze_u32 *mask, int *ret_index, void **ret_ring,
		      struct maze_error *error)
{
	int fd, lock = -1, index = -1, err;
	struct ring_buffer *ring;

	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "maze_doorbell", 0, 0,
			    (__u32)sysconf(_SC_PAGESIZE), NULL);
	if (fd < 0)
		return maze_fail(error, -errno, "the kernel refuses a ring buffer: %s",
				 strerror(errno));
	ring = ring_buffer__new(fd, nothing, NULL, NULL);
	if (!ring) {
		err = maze_fail(error, -errno, "a ring buffer cannot be mapped: %s",
				strerror(errno));
		goto out_fd;
	}
	if (engine->scope != ENGINE_PRIVATE) {
		lock = bpf_pins_lock(error);
		if (lock < 0) {
			err = lock;
			goto out_ring;
		}
	}
	err = claim_slot(engine, mask, fd, &index);
	if (lock >= 0)
		close(lock);
	if (err == -ENOSPC) {
		maze_fail(error, err, "%u readers follow the records already; end one of them",
			  MAZE_READERS_MAX);
		goto out_ring;
	}
	if (err) {
		maze_fail(error, err, "the kernel refuses a reader: %s", strerror(-err));
		goto out_ring;
	}
	close(fd); /* the ring and the map hold it */
	*ret_index = index;
	*ret_ring = ring;
	return 0;
out_ring:
	ring_buffer__free(ring);
out_fd:
	close(fd);
	return err;
}

/*
 * A record written while the consumer position is being stored causes no wakeup, because the
 * kernel read the old position. So after consuming, look once more behind a full barrier.
 */
void bpf_doorbell_drain(void *ring)
{
	while (ring_buffer__consume(ring) > 0)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int bpf_doorbell_fd(void *ring)
{
	return ring_buffer__epoll_fd(ring);
}

/*
 * Its ring stays in the map until another owner's takes its place: to take it out would wait
 * for all CPUs' RCU readers, which a process that spins in the kernel holds up for minutes.
 */
void bpf_doorbell_close(struct engine *engine, int index, void *ring)
{
	if (index >= 0) {
		silence(engine, index);
		engine->state->owners[index].start_time = 0;
	}
	ring_buffer__free(ring);
}
