/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records the context switches of the machine in the events of core/trace_event.h. The BPF
 * object is private to this process and independent of the engine.
 */
#ifndef MAZE_BPF_SCHEDULE_H
#define MAZE_BPF_SCHEDULE_H

#include "../../core/trace_event.h"

/* Room for 400,000 events of 40 bytes: some seconds of a busy machine. */
#define SCHEDULE_RING_BYTES (16U << 20)

#ifndef __bpf__
#include <stdbool.h>
#include <stddef.h>

#include "../../base/maze_error.h"

struct schedule_recorder;

/*
 * Loads and attaches the programs. `on_event` gets each event, and returns 0 or a negative
 * errno, which ends schedule_read(). -EPERM: this process may not load them. -EOPNOTSUPP:
 * this kernel lacks something.
 */
int bpf_schedule_open(int (*on_event)(void *arg, const struct maze_trace_event *event), void *arg,
		      struct schedule_recorder **ret_recorder, struct maze_error *error);
/* Passes the events that there are now. Returns 0 or the error of on_event(). */
int bpf_schedule_read(struct schedule_recorder *recorder);
/* Whether yields that find no other task are recorded. */
bool bpf_schedule_sees_yields(const struct schedule_recorder *recorder);
/* Ends the recording; bpf_schedule_read() passes what is left. */
void bpf_schedule_stop(struct schedule_recorder *recorder);
/* Ignores NULL. */
void bpf_schedule_close(struct schedule_recorder *recorder);
#endif

#endif
