/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads the program that reports process events, and reads its events. */
#include "follow.h"
#include "engine_bpf.h"
#include "kernel_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "follow.skel.h"

/* The queue holds as many events as the ring, so one read empties the ring. */
#define QUEUE_LEN (FOLLOW_RING_BYTES / (sizeof(struct maze_process_event) + BPF_RINGBUF_HDR_SZ))

struct engine_follower {
	struct follow_bpf *skeleton;
	struct ring_buffer *ring;
	maze_u64 lost; /* lost events reported so far */
	bool may_miss; /* the kernel skips a handler on a CPU where a preempted task is in it */
	size_t head, tail;
	struct maze_process_event queue[QUEUE_LEN];
};

/* Queues one event. A negative result leaves the event and later ones in the ring. */
static int take(void *arg, void *data, size_t size)
{
	struct engine_follower *follower = arg;

	if (follower->tail == QUEUE_LEN)
		return -EAGAIN;
	if (size == sizeof(follower->queue[0]))
		memcpy(&follower->queue[follower->tail++], data, size);
	return 0;
}

static int load(struct engine *engine, struct engine_follower *follower, unsigned int wants,
		struct maze_error *error)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = kernel_btf_path());
	struct follow_bpf *skeleton = follow_bpf__open_opts(&opts);
	struct follow_config *config;
	struct stat st;
	int err;

	if (!skeleton)
		return maze_fail(error, -errno,
				 "cannot open the program that reports process events: %s",
				 strerror(errno));
	follower->skeleton = skeleton;
	follower->may_miss = engine->config.has_late_inherit;
	config = (struct follow_config *)&skeleton->rodata->follow_config;
	config->wants = wants;
	config->pid_level = engine->state->pid_level;
	if (stat("/proc/self/ns/pid", &st))
		return maze_fail(error, -errno, "cannot read /proc/self/ns/pid: %s",
				 strerror(errno));
	config->pid_namespace = (maze_u32)st.st_ino;
	bpf_program__set_autoload(skeleton->progs.follow__task_rename,
				  wants & (MAZE_FOLLOW_NAMES | MAZE_FOLLOW_THREAD_NAMES));
	err = bpf_map__reuse_fd(skeleton->maps.tasks, engine->fds[OBJECT_TASKS]);
	if (!err)
		err = follow_bpf__load(skeleton);
	if (!err)
		err = follow_bpf__attach(skeleton);
	if (err)
		return maze_fail(error, err,
				 "cannot load the program that reports process events: %s; "
				 "MAZE_DEBUG=1 shows the kernel's log",
				 strerror(-err));
	follower->ring =
		ring_buffer__new(bpf_map__fd(skeleton->maps.process_events), take, follower, NULL);
	if (!follower->ring)
		return maze_fail(error, -errno, "cannot map a ring buffer: %s", strerror(errno));
	return 0;
}

int bpf_follow(struct engine *engine, unsigned int wants, struct engine_follower **ret_follower,
	       struct maze_error *error)
{
	struct engine_follower *follower = calloc(1, sizeof(*follower));
	int err;

	if (!follower)
		return maze_fail(error, -ENOMEM, "out of memory");
	err = load(engine, follower, wants, error);
	if (err) {
		bpf_follower_close(follower);
		return err;
	}
	*ret_follower = follower;
	return 0;
}

int bpf_follower_fd(struct engine_follower *follower)
{
	return ring_buffer__epoll_fd(follower->ring);
}

/* Counts lost events: the ring was full, or the kernel skipped their handler. */
static maze_u64 count_lost(const struct engine_follower *follower)
{
	struct follow_bpf *skeleton = follower->skeleton;
	maze_u64 lost = __atomic_load_n(&skeleton->bss->follow_state.lost, __ATOMIC_RELAXED);
	struct bpf_program *program;

	if (!follower->may_miss)
		return lost;
	bpf_object__for_each_program(program, skeleton->obj)
	{
		struct bpf_prog_info info = { 0 };
		__u32 length = sizeof(info);

		if (bpf_program__fd(program) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length))
			lost += info.recursion_misses;
	}
	return lost;
}

int bpf_follower_next(struct engine_follower *follower, struct maze_process_event *ret_event)
{
	maze_u64 lost = follower->lost;

	if (follower->head == follower->tail) {
		follower->head = follower->tail = 0;
		ring_buffer__consume(follower->ring);
		lost = count_lost(follower);
	}
	if (lost != follower->lost) {
		*ret_event = (struct maze_process_event){ .kind = MAZE_PROCESS_LOST,
							  .lost = lost - follower->lost };
		follower->lost = lost;
		return 1;
	}
	if (follower->head == follower->tail)
		return 0;
	*ret_event = follower->queue[follower->head++];
	return 1;
}

void bpf_follower_close(struct engine_follower *follower)
{
	if (!follower)
		return;
	ring_buffer__free(follower->ring);
	follow_bpf__destroy(follower->skeleton);
	free(follower);
}
