/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the program that reports process events and its loader. */
#ifndef MAZE_BPF_FOLLOW_H
#define MAZE_BPF_FOLLOW_H

#include "../../core/process_event.h"

/*
 * Room for 6,553 events of 40 bytes. A few CPUs that fork at full speed fill it in 0.5 s.
 */
#define FOLLOW_RING_BYTES (256U * 1024)

/* The values do not change after the load. */
struct follow_config {
	maze_u32 wants;		/* MAZE_FOLLOW_* */
	maze_u32 pid_level;	/* as in struct maze_state */
	maze_u32 pid_namespace; /* its inode number in /proc/self/ns */
	maze_u32 reserved;
};

struct follow_state {
	maze_u64 lost; /* events that did not fit into the ring */
};

#endif
