/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads the programs that record context switches, and reads their events. */
#include "schedule.h"
#include "kernel_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schedule.skel.h"

struct schedule_recorder {
	struct schedule_bpf *skeleton;
	struct ring_buffer *ring;
	int (*on_event)(void *arg, const struct maze_trace_event *event);
	void *arg;
	bool sees_yields;
};

static int take(void *arg, void *data, size_t size)
{
	struct schedule_recorder *recorder = arg;

	if (size != sizeof(struct maze_trace_event))
		return -EPROTO;
	return recorder->on_event(recorder->arg, data);
}

static int load(struct schedule_recorder *recorder)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = kernel_btf_path());
	struct schedule_bpf *skeleton = schedule_bpf__open_opts(&opts);
	int err;

	if (!skeleton)
		return -errno;
	recorder->skeleton = skeleton;
	recorder->sees_yields = kernel_tracepoint_id("syscalls", "sys_enter_sched_yield") > 0;
	bpf_program__set_autoload(skeleton->progs.schedule__sys_enter_sched_yield,
				  recorder->sees_yields);
	err = schedule_bpf__load(skeleton);
	if (err)
		return err;
	recorder->ring =
		ring_buffer__new(bpf_map__fd(skeleton->maps.schedule_events), take, recorder, NULL);
	if (!recorder->ring)
		return -errno;
	return schedule_bpf__attach(skeleton);
}

int bpf_schedule_open(int (*on_event)(void *arg, const struct maze_trace_event *event), void *arg,
		      struct schedule_recorder **ret_recorder, struct maze_error *error)
{
	struct schedule_recorder *recorder = calloc(1, sizeof(*recorder));
	libbpf_print_fn_t print;
	int err;

	if (!recorder)
		return maze_fail(error, -ENOMEM, "out of memory");
	recorder->on_event = on_event;
	recorder->arg = arg;
	print = libbpf_set_print(kernel_print_if_debug);
	err = load(recorder);
	libbpf_set_print(print);
	if (err) {
		bpf_schedule_close(recorder);
		return maze_fail(error, kernel_load_error(err),
				 "cannot load the programs that record context switches: %s; "
				 "MAZE_DEBUG=1 shows the kernel's log",
				 strerror(-err));
	}
	*ret_recorder = recorder;
	return 0;
}

int bpf_schedule_read(struct schedule_recorder *recorder)
{
	int got = ring_buffer__consume(recorder->ring);

	return got < 0 ? got : 0;
}

bool bpf_schedule_sees_yields(const struct schedule_recorder *recorder)
{
	return recorder->sees_yields;
}

void bpf_schedule_stop(struct schedule_recorder *recorder)
{
	schedule_bpf__detach(recorder->skeleton);
}

void bpf_schedule_close(struct schedule_recorder *recorder)
{
	if (!recorder)
		return;
	ring_buffer__free(recorder->ring);
	schedule_bpf__destroy(recorder->skeleton);
	free(recorder);
}
