/* SPDX-License-Identifier: GPL-2.0-only */
#include "episode_group.h"

#include <errno.h>
#include <stdlib.h>

#include "../../base/clock.h"
#include "python_reads.h"
#include "sampler_notes.h"

/* The time between the two readings of the members. */
#define COMPARE_NS (500 * MAZE_NSEC_PER_MSEC)
/* How long the consumers are sampled, and the maximum if one of them gives no sample. */
#define SAMPLE_NS (500 * MAZE_NSEC_PER_MSEC)
#define SAMPLE_MAX_NS MAZE_NSEC_PER_SEC
/* All stacks have room in the incident. */
#define SAMPLES_MAX 60
_Static_assert(GROUP_CONSUMERS_MAX *SAMPLES_MAX <= EPISODE_STACKS_MAX, "all stacks have room");

/* Stands until the members were compared. */
static const char note_early[] = "The members of the group had ended, or maze ended, before their "
				 "CPU time was compared";

bool episode_group_init(struct episode *episode, const struct episode_key *key, maze_u64 boot_ns)
{
	struct episode_group *group = calloc(1, sizeof(*group));

	if (!group)
		return false;
	episode->group = group;
	group->subject = (struct group_subject){
		.scope = key->scope,
		.pid = (pid_t)key->pid,
		.cgroup_id = key->cgroup_id,
		.verdict_ns = boot_ns,
	};
	episode->cgroup = machine_info_cgroup_path(key->cgroup_id);
	return true;
}

void episode_group_done(struct episode *episode)
{
	struct episode_group *group = episode->group;
	size_t i;

	for (i = 0; group && i < group->consumers_count; i++) {
		stack_sampler_close(group->consumers[i].sampler);
		episode_done(group->consumers[i].episode);
		free(group->consumers[i].episode);
	}
	if (group)
		group_times_done(&group->from);
	free(group);
}

/* ---- members ----------------------------------------------------------------------- */

static void note_reading(struct episode *episode, int err, const struct group_times *times)
{
	const struct group_subject *subject = &episode->group->subject;

	if (err)
		episode_note(episode, err == -ENOENT
					      ? "The control group was removed, or was not found"
					      : "The members of the group could not be read");
	else if (!times->processes_count && !times->cut)
		episode_note(episode, "The members of the group had ended before they were read");
	else if (!times->threads_count && !times->cut)
		episode_note(episode, "The kernel gives no CPU times of threads "
				      "(/proc/PID/schedstat)");
	else if (times->cut)
		episode_note(episode, "The group has more members than were read in time");
	if (!err && subject->scope == MAZE_SCOPE_TREE && !subject->reaper)
		episode_note(episode, "Processes of the tree whose parents have ended were not "
				      "found");
}

void episode_group_begin(struct episode *episode, pid_t reaper, maze_u64 serial, bool unwinds,
			 bool crowded)
{
	struct episode_group *group = episode->group;
	int err;

	if (crowded) {
		episode_note(episode, "The members were not read: too many groups were read at "
				      "the same time");
		return;
	}
	group->serial = serial;
	group->unwinds = unwinds;
	group->subject.reaper = reaper;
	group->subject.cgroup = episode->cgroup;
	err = group_times_read(&group->subject, &group->from);
	note_reading(episode, err, &group->from);
	group->members = group->from.processes_count;
	group->open = !err && group->from.threads_count;
	if (group->open)
		episode_note(episode, note_early);
}

/* ---- consumers --------------------------------------------------------------------- */

static int open_process(const struct group_consumer *consumer, struct episode *of)
{
	int err =
		process_info_open(consumer->pid, (pid_t)of->tid, now_ns(CLOCK_BOOTTIME), &of->live);

	if (!err && of->live.start_ns != proc_ticks_to_ns(consumer->start_ticks)) {
		process_info_done(&of->live);
		err = -ESRCH;
	}
	of->has_live = !err;
	return err;
}

static void open_sampler(struct episode_consumer *consumer)
{
	struct episode *of = consumer->episode;
	int err = open_process(&consumer->is, of);

	if (consumer->is.kind != GROUP_THREAD)
		return;
	/* Also if there will be no samples, next to which the others are read. */
	python_reads_want(of);
	if (!err)
		err = stack_sampler_open((pid_t)of->tid, EPISODE_GROUP_INTERVAL_NS,
					 &consumer->sampler, NULL);
	if (err)
		episode_note(of, sampler_note_refusal(err));
	else if (!stack_sampler_sees_kernel(consumer->sampler))
		episode_note(of, sampler_note_user);
}

static void open_consumers(struct episode *episode, const struct group_consumer *found,
			   size_t count)
{
	struct episode_group *group = episode->group;
	struct episode_consumer *consumer;
	size_t i;

	for (i = 0; i < count; i++) {
		consumer = &group->consumers[i];
		consumer->is = found[i];
		consumer->episode = malloc(sizeof(*consumer->episode));
		if (!consumer->episode)
			break;
		group->consumers_count++;
		episode_init(consumer->episode);
		consumer->episode->serial = group->serial + i;
		consumer->episode->pid = (maze_u32)found[i].pid;
		consumer->episode->tid = (maze_u32)(found[i].tid ?: found[i].pid);
		if (!group->wall_ns)
			continue;
		open_sampler(consumer);
		consumer->episode->unwind_wanted = consumer->sampler && group->unwinds;
	}
}

/* Without members, the CPU time of their life says which used the most. */
static void compare(struct episode *episode)
{
	struct episode_group *group = episode->group;
	struct group_consumer found[GROUP_CONSUMERS_MAX];
	struct group_times none = { 0 }, to;
	int err = group_times_read(&group->subject, &to);
	size_t count;

	group->compared = true;
	if (!err && to.threads_count) {
		episode_unnote(episode, note_early);
		note_reading(episode, 0, &to);
		group->members = to.processes_count;
		group->wall_ns = to.mono_ns - group->from.mono_ns;
		count = group_times_compare(&group->from, &to, found, &group->cpu_ns);
	} else {
		count = group_times_compare(&none, &group->from, found, &group->cpu_ns);
	}
	open_consumers(episode, found, count);
	group_times_done(&group->from);
	group_times_done(&to);
	group->sampled_ns = now_ns(CLOCK_MONOTONIC);
}

/* ---- samples ----------------------------------------------------------------------- */

/* Returns true if each sampled consumer has a sample, or has ended. */
static bool take_samples(struct episode_group *group)
{
	struct episode_consumer *consumer;
	struct maze_stack stack;
	bool all = true;
	size_t i;

	for (i = 0; i < group->consumers_count; i++) {
		consumer = &group->consumers[i];
		while (consumer->sampler && consumer->episode->samples_count < SAMPLES_MAX &&
		       stack_sampler_next(consumer->sampler, &stack)) {
			episode_add_stack(consumer->episode, &stack);
			python_reads_want(consumer->episode);
		}
		all &= !consumer->sampler || consumer->episode->samples_count ||
		       stack_sampler_has_ended(consumer->sampler);
	}
	return all;
}

void episode_group_end(struct episode *episode)
{
	struct episode_group *group = episode->group;
	struct episode_consumer *consumer;
	size_t i;

	if (!group || !group->open)
		return;
	group->open = false;
	if (!group->compared)
		compare(episode);
	take_samples(group);
	for (i = 0; i < group->consumers_count; i++) {
		consumer = &group->consumers[i];
		if (consumer->sampler && !consumer->episode->samples_count)
			episode_note(
				consumer->episode,
				"A consumer has no sample: it did not run, or not in code that "
				"may be sampled, while samples were taken");
		stack_sampler_close(consumer->sampler);
		consumer->sampler = NULL;
	}
}

bool episode_group_step(struct episode *episode)
{
	struct episode_group *group = episode->group;
	maze_u64 now = now_ns(CLOCK_MONOTONIC);
	bool all;

	if (!group || !group->open)
		return false;
	if (!group->compared) {
		if (now - group->from.mono_ns >= COMPARE_NS)
			compare(episode);
		return true;
	}
	all = take_samples(group);
	if (now - group->sampled_ns >= (all ? SAMPLE_NS : SAMPLE_MAX_NS))
		episode_group_end(episode);
	return group->open;
}
