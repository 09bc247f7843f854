/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests the perf map of a Java virtual machine, once for each process. This does what
 * "jcmd PID Compiler.perfmap" does: HotSpot opens a socket when it gets SIGQUIT and finds a
 * file in /tmp, and takes commands there.
 *
 * SIGQUIT ends a process that does not expect it. So it is sent only to a process that
 * catches it and has a mapped libjvm.so and HotSpot's thread for signals. The sender is a
 * process of its own, with a deadline, without privileges, and with the user and the group
 * of the virtual machine. A virtual machine of root gets no request.
 */
#ifndef MAZE_EVIDENCE_JAVA_MAPS_H
#define MAZE_EVIDENCE_JAVA_MAPS_H

#include "../capture/process_info.h"

struct java_maps;

int java_maps_new(struct java_maps **ret_maps);
void java_maps_free(struct java_maps *maps);
/*
 * Starts a request for a live process that had none. Never waits. Returns true while the
 * request runs. Then sets *ret_note to a note if the map is missing or old, else to NULL.
 * `owner` is the episode, which counts from 1.
 */
bool java_maps_step(struct java_maps *maps, maze_u64 owner, const struct process_info *live,
		    const char **ret_note);

#endif
