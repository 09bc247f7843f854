/* SPDX-License-Identifier: GPL-2.0-only */
#include "siblings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../lib/record_time.h"
#include "../../lib/utf8_json.h"

/* How long an incident samples them, and the maximum if one of them gets no CPU. */
#define INCIDENT_WALL_NS (200 * MAZE_NSEC_PER_MSEC)
#define INCIDENT_WALL_MAX_NS MAZE_NSEC_PER_SEC
/* A thread that gets a quarter of a CPU still gives all samples. */
#define INCIDENT_INTERVAL_NS (INCIDENT_WALL_NS / EPISODE_SIBLING_SAMPLES_MAX / 4)

bool sibling_runs(const struct thread_times *from, const struct thread_times *to, maze_u64 wall_ns)
{
	maze_u64 busy_ns = to->runtime_ns - from->runtime_ns + to->waited_ns - from->waited_ns;

	return to->runtime_ns > from->runtime_ns && busy_ns >= wall_ns / SIBLING_RUNS;
}

/* ---- begin ------------------------------------------------------------------------- */

void siblings_add(struct episode *episode, pid_t tid, maze_u64 interval_ns, maze_u64 pause_ns)
{
	struct episode_sibling *sibling = &episode->siblings[episode->siblings_count];
	int fd = -1;

	if (episode->siblings_count == EPISODE_SIBLINGS_MAX)
		return;
	*sibling = (struct episode_sibling){ .tid = tid,
					     .began_ns = now_ns(CLOCK_MONOTONIC),
					     .pause_ns = pause_ns };
	if (proc_thread_times(episode->live.proc_fd, tid, &fd, false, &sibling->from))
		return;
	sibling->to = sibling->from;
	proc_thread_comm(episode->live.proc_fd, tid, sibling->comm);
	/* Without a sampler, the thread is listed with its CPU time only. */
	(void)stack_sampler_open(tid, interval_ns, &sibling->sampler, NULL);
	episode->siblings_count++;
	episode->siblings_open = true;
}

static int by_cpu_time(const void *a, const void *b)
{
	const struct process_info_thread *one = a, *other = b;

	return (one->cpu_ns < other->cpu_ns) - (one->cpu_ns > other->cpu_ns);
}

size_t siblings_begin(struct episode *episode, bool crowded)
{
	struct process_info_thread running[PROCESS_INFO_THREADS_MAX];
	const struct process_info *live = &episode->live;
	size_t count = 0, i;

	for (i = 0; i < live->threads_count; i++)
		if (live->threads[i].state == 'R' && live->threads[i].tid != (pid_t)episode->tid)
			running[count++] = live->threads[i];
	if (count && crowded)
		episode_note(episode, "Other threads that ran were not sampled: too many threads "
				      "were sampled at the same time");
	if (crowded)
		return 0;
	qsort(running, count, sizeof(running[0]), by_cpu_time);
	for (i = 0; i < count && i < EPISODE_SIBLINGS_MAX; i++)
		siblings_add(episode, running[i].tid, INCIDENT_INTERVAL_NS,
			     INCIDENT_WALL_NS / EPISODE_SIBLING_SAMPLES_MAX);
	return episode->siblings_count;
}

/* ---- samples ----------------------------------------------------------------------- */

static void take_samples(struct episode *episode, struct episode_sibling *sibling)
{
	maze_u64 passed_ns = now_ns(CLOCK_MONOTONIC) - sibling->began_ns;
	struct maze_stack stack;
	int index;

	while (sibling->samples_count < EPISODE_SIBLING_SAMPLES_MAX &&
	       stack_sampler_next(sibling->sampler, &stack)) {
		if (sibling->samples_count * sibling->pause_ns > passed_ns)
			continue;
		index = episode_stack_index(episode, &stack);
		if (index >= 0)
			sibling->samples[sibling->samples_count++] =
				(struct episode_sample){ .boot_ns = stack.boot_ns,
							 .cpu = stack.cpu,
							 .stack = (unsigned int)index };
	}
}

void siblings_take(struct episode *episode)
{
	struct episode_sibling *sibling;
	struct thread_times times;
	int fd = -1;
	size_t i;

	for (i = 0; i < episode->siblings_count; i++) {
		sibling = &episode->siblings[i];
		if (sibling->sampler)
			take_samples(episode, sibling);
		/* A thread that has ended keeps its last times. */
		if (!proc_thread_times(episode->live.proc_fd, sibling->tid, &fd, false, &times)) {
			sibling->to = times;
			sibling->wall_ns = now_ns(CLOCK_MONOTONIC) - sibling->began_ns;
		}
	}
}

void siblings_end(struct episode *episode)
{
	struct episode_sibling *sibling;
	size_t i, kept = 0;

	siblings_take(episode);
	for (i = 0; i < episode->siblings_count; i++) {
		sibling = &episode->siblings[i];
		stack_sampler_close(sibling->sampler);
		sibling->sampler = NULL;
		if (sibling_runs(&sibling->from, &sibling->to, sibling->wall_ns))
			episode->siblings[kept++] = *sibling;
	}
	episode->siblings_count = kept;
	episode->siblings_open = false;
}

bool siblings_step(struct episode *episode)
{
	maze_u64 for_ns = INCIDENT_WALL_NS;
	size_t i;

	if (!episode->siblings_open)
		return false;
	siblings_take(episode);
	for (i = 0; i < episode->siblings_count; i++)
		if (episode->siblings[i].sampler && !episode->siblings[i].samples_count)
			for_ns = INCIDENT_WALL_MAX_NS;
	if (now_ns(CLOCK_MONOTONIC) - episode->siblings[0].began_ns >= for_ns)
		siblings_end(episode);
	return episode->siblings_open;
}

/* ---- JSON -------------------------------------------------------------------------- */

static json_t *samples_json(const struct episode_sibling *sibling)
{
	json_t *samples = json_array();
	char time[RFC3339_LEN];
	size_t i;

	for (i = 0; i < sibling->samples_count; i++)
		json_array_append_new(
			samples, json_pack("{s:s, s:i, s:i}", "time",
					   record_time_format(sibling->samples[i].boot_ns, time),
					   "cpu", (int)sibling->samples[i].cpu, "stack",
					   (int)sibling->samples[i].stack));
	return samples;
}

json_t *episode_siblings_json(const struct episode *episode)
{
	const struct episode_sibling *sibling;
	json_t *siblings = json_array();
	size_t i;

	for (i = 0; i < episode->siblings_count; i++) {
		sibling = &episode->siblings[i];
		json_array_append_new(
			siblings,
			json_pack("{s:i, s:o, s:I, s:I, s:o}", "tid", (int)sibling->tid, "comm",
				  utf8_json(sibling->comm, strlen(sibling->comm)), "cpu_ns",
				  (json_int_t)(sibling->to.runtime_ns - sibling->from.runtime_ns),
				  "wall_ns", (json_int_t)sibling->wall_ns, "samples",
				  samples_json(sibling)));
	}
	return siblings;
}
