/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows one thread of each class, and measures how long it is hardly ever asleep. An
 * endless loop has short streaks if its thread sleeps at times without having come to an
 * end, such as for a garbage collector. Then the streaks do not tell that it is a loop.
 */
#include "observation.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"

/*
 * Such a thread is asleep for at most an eighth of a window, and has at least 2 ms of CPU
 * time for each sleep. A server that is always busy sleeps more often. A loop of Java beside
 * requests that keep the collector busy was asleep for a 13th, after 8 ms at a time.
 */
#define WINDOW_NS (60 * MAZE_NSEC_PER_SEC)
#define ASLEEP_PART 8
#define RUN_NS (2 * MAZE_NSEC_PER_MSEC)

/* Returns false if no such thread is of the class, or if the kernel does not tell enough. */
static bool read_facts(struct observed *observed, maze_u32 pid, maze_u32 tid,
		       struct followed *ret_facts, char *ret_comm)
{
	struct followed facts = { .pid = pid, .tid = tid, .at_ns = now_ns(CLOCK_MONOTONIC) };
	struct thread_status status;
	char path[32];
	bool known;
	int dir;

	/* By the TID this has the start time of the thread, and task/ of its process. */
	snprintf(path, sizeof(path), "/proc/%u", tid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	known = observed_read_exe(observed, dir) && !proc_start_ticks(dir, &facts.start_ticks) &&
		!proc_thread_times(dir, (pid_t)tid, &(int){ -1 }, false, &facts.times) &&
		!proc_thread_status(dir, (pid_t)tid, &status);
	if (known) {
		facts.sleeps = status.sleeps;
		proc_thread_comm(dir, (pid_t)tid, ret_comm);
		*ret_facts = facts;
	}
	close(dir);
	return known;
}

static bool was_awake(const struct followed *from, const struct followed *to)
{
	maze_u64 passed_ns = to->at_ns - from->at_ns;
	maze_u64 run_ns = to->times.runtime_ns - from->times.runtime_ns;
	maze_u64 awake_ns = run_ns + (to->times.waited_ns - from->times.waited_ns);

	return to->start_ticks == from->start_ticks &&
	       awake_ns >= passed_ns - passed_ns / ASLEEP_PART &&
	       (to->sleeps - from->sleeps) * RUN_NS <= run_ns;
}

void observed_follow(struct observed *observed)
{
	const struct maze_streaks *streaks = &observed->streaks;
	struct followed *followed = &observed->followed, now;
	struct awake awake = { .ns = 0 };

	if (followed->tid && now_ns(CLOCK_MONOTONIC) - followed->at_ns < WINDOW_NS)
		return;
	if (followed->tid && read_facts(observed, followed->pid, followed->tid, &now, awake.comm) &&
	    was_awake(followed, &now)) {
		now.awake_ns = followed->awake_ns + (now.at_ns - followed->at_ns);
		awake.ns = now.awake_ns;
		awake.pid = now.pid;
		*followed = now;
		observed->awake = awake;
		return;
	}
	/* The thread that has run for longest now is the likeliest one. */
	observed->awake.ns = followed->tid = 0;
	if (streaks->running_pid)
		read_facts(observed, streaks->running_pid, streaks->running_tid, followed,
			   awake.comm);
}
