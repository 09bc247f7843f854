/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the runtime and the sleeps of a watched thread from /proc.
 */
#include "engine_poll.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * At most this number of files stay open between reads. Others are opened for each read.
 */
#define KEPT_OPEN_MAX 256

maze_u64 poll_count(const struct poll_thread *thread)
{
	const struct maze_account *account = &thread->account;

	/*
	 * Runtime after unbroken_ns may belong to another episode, so it does not count.
	 */
	if (thread->unbroken_ns <= account->runtime_ns)
		return account->count_ns;
	return account->count_ns + thread->unbroken_ns - account->runtime_ns;
}

/* Returns a wall time that includes suspend and is not slewed by NTP. */
static maze_u64 elapsed_ns(void)
{
	return now_ns(CLOCK_MONOTONIC_RAW) + (now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC));
}

/*
 * Returns the sleep that recovery has not used yet. The sleep is the time since the watch
 * began, minus the time on a CPU and the time waiting for a CPU. /proc adds a wait for a
 * CPU only when the wait ends. So part of a wait may first count as sleep, and later
 * samples correct that. Steal time counts as sleep, which may make a verdict late but not
 * early.
 */
maze_u64 poll_sample_asleep_ns(struct poll_thread *thread, const struct thread_times *times)
{
	maze_u64 passed = elapsed_ns() - thread->first_ns;
	maze_u64 busy = times->runtime_ns - thread->first.runtime_ns +
			(times->waited_ns - thread->first.waited_ns);
	maze_u64 asleep = passed > busy ? passed - busy : 0, fresh;

	if (asleep <= thread->forgiven_ns)
		return 0;
	fresh = asleep - thread->forgiven_ns;
	thread->forgiven_ns = asleep;
	return fresh;
}

int poll_sample_begin(struct poll_process *process, struct poll_thread *thread, bool inherited)
{
	struct maze_sample sample = { .act = MAZE_RUNS };
	struct thread_status status;
	struct maze_verdict verdict;
	int err;

	err = proc_thread_status(process->dir, thread->tid, &status);
	if (!err)
		err = proc_thread_times(process->dir, thread->tid, &thread->times_fd,
					thread->times_fd >= 0, &thread->times);
	if (err)
		return err;
	proc_thread_comm(process->dir, thread->tid, thread->comm);
	thread->sleeps = status.sleeps;
	thread->sleeps_read_ns = thread->unbroken_ns = thread->times.runtime_ns;
	/* The thread may have slept between the two reads, so arrivals is unknown. */
	thread->arrivals = POLL_NEVER;
	thread->uid = status.uid;
	thread->sampled_ns = now_ns(CLOCK_MONOTONIC);
	thread->ran_ns = 0;
	thread->first = thread->times;
	thread->first_ns = elapsed_ns();
	thread->forgiven_ns = 0;
	memset(&thread->account, 0, sizeof(thread->account));
	/* A thread watched from its start that never slept is in its first episode. */
	sample.runtime_ns = inherited && !status.sleeps ? 0 : thread->times.runtime_ns;
	verdict = maze_step(&thread->policy, &thread->account, &sample);
	thread->next_ns = verdict.next_ns;
	return 0;
}

/*
 * The exit counts as one voluntary switch. A thread with more switches has also slept
 * since the last sample, so the count of that sample stays.
 */
void poll_sample_last(const struct poll_process *process, struct poll_thread *thread)
{
	struct thread_times times;
	struct thread_status status;

	if (!proc_thread_times(process->dir, thread->tid, &thread->times_fd, thread->times_fd >= 0,
			       &times) &&
	    !proc_thread_status(process->dir, thread->tid, &status) &&
	    status.sleeps <= thread->sleeps + 1)
		thread->unbroken_ns = times.runtime_ns;
}

void poll_sample_close(struct engine *engine, struct poll_thread *thread)
{
	engine->open_fds -= (thread->times_fd >= 0) + (thread->status_fd >= 0);
	if (thread->times_fd >= 0)
		close(thread->times_fd);
	if (thread->status_fd >= 0)
		close(thread->status_fd);
	thread->times_fd = thread->status_fd = -1;
}

/* Whether the file stays open after this read. */
static bool keeps(const struct engine *engine, const struct poll_thread *thread, int fd)
{
	return fd >= 0 ||
	       (engine->open_fds < KEPT_OPEN_MAX && thread->sampled_ns == thread->ran_ns);
}

int poll_sample_times(struct engine *engine, const struct poll_process *process,
		      struct poll_thread *thread, struct thread_times *ret_times)
{
	bool kept = thread->times_fd >= 0;
	int err = proc_thread_times(process->dir, thread->tid, &thread->times_fd,
				    keeps(engine, thread, thread->times_fd), ret_times);

	engine->open_fds += !kept && thread->times_fd >= 0;
	return err;
}

int poll_sample_status(struct engine *engine, const struct poll_process *process,
		       struct poll_thread *thread, struct thread_status *ret_status)
{
	bool kept = thread->status_fd >= 0;
	int err = proc_thread_status_kept(process->dir, thread->tid, &thread->status_fd,
					  keeps(engine, thread, thread->status_fd), ret_status);

	engine->open_fds += !kept && thread->status_fd >= 0;
	return err;
}
