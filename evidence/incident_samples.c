/* SPDX-License-Identifier: GPL-2.0-only */
#include "incident_samples.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/proc_files.h"
#include "../core/step.h"
#include "episode/sampler_notes.h"

/* Stands until the first sample. */
static const char note_none[] =
	"No sample was taken: after its verdict the thread ran for less than the time between two "
	"samples, or not in code that may be sampled";

/* ---- begin and end ----------------------------------------------------------------- */

/* Whether the number still is that of the thread that had the verdict. */
static bool is_the_thread(int proc_fd, pid_t tid, maze_u64 verdict_ns)
{
	char name[32];
	maze_u64 start_ns;
	int fd;

	snprintf(name, sizeof(name), "task/%d", tid);
	fd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	start_ns = proc_start_ns(fd);
	close(fd);
	return start_ns && start_ns <= verdict_ns;
}

static int open_sampler(struct incidents *incidents, struct incident *incident,
			const struct maze_record *record)
{
	struct incident_samples *samples = &incident->samples;
	int proc_fd = incident->episode.live.proc_fd, err;
	pid_t tid = (pid_t)record->tid;
	maze_u64 now = now_ns(CLOCK_BOOTTIME);
	struct thread_status status;
	struct thread_times times;

	if (incidents->samplers_open == INCIDENT_SAMPLERS_MAX)
		return -EDQUOT;
	/* Before the event exists: no sleep is missed, but CPU time until then counts as one. */
	if (proc_thread_status(proc_fd, tid, &status) ||
	    proc_thread_times(proc_fd, tid, &(int){ -1 }, false, &times))
		return -ESRCH;
	*samples = (struct incident_samples){ .began = true,
					      .count_ns = record->count_ns,
					      .began_ns = now,
					      .waited_ns = times.waited_ns,
					      .sleeps = status.sleeps };
	err = stack_sampler_open(tid, incidents->samples.interval_ns, &samples->sampler, NULL);
	if (err)
		return err;
	incidents->samplers_open++;
	if (is_the_thread(proc_fd, tid, record->boot_ns))
		return 0;
	incident_samples_end(incidents, incident);
	return -ESRCH;
}

void incident_samples_begin(struct incidents *incidents, struct incident *incident,
			    const struct maze_record *record)
{
	struct episode *episode = &incident->episode;
	int err;

	/* A process that is not read has a note of its own. */
	if (!incidents->samples.stacks_max || incident->samples.began || !episode->has_live)
		return;
	err = open_sampler(incidents, incident, record);
	incident->samples.began = true;
	episode_note(episode, err ? sampler_note_refusal(err) : note_none);
	if (!err && !stack_sampler_sees_kernel(incident->samples.sampler))
		episode_note(episode, sampler_note_user);
}

void incident_samples_end(struct incidents *incidents, struct incident *incident)
{
	if (!incident->samples.sampler)
		return;
	stack_sampler_close(incident->samples.sampler);
	incident->samples.sampler = NULL;
	incidents->samplers_open--;
}

/* ---- stacks ------------------------------------------------------------------------ */

/*
 * Whether a sleep can leave the episode open. The poll engine does not tell a wait for a
 * lock from another sleep. kmod does; then any sleep is taken here for a wait.
 */
static bool survives_sleep(const struct episode *episode)
{
	maze_u32 recovery = episode->policy.recovery;

	return episode->has_policy && recovery != MAZE_RECOVERY_INF &&
	       (!maze_recovery_is_for_locks(recovery) ||
		strcmp(episode->origin.text[ORIGIN_ENGINE], "poll") != 0);
}

/* Reads whether the thread has slept by now. The end of a thread counts as one sleep. */
static void read_sleeps(struct incident *incident)
{
	struct incident_samples *samples = &incident->samples;
	const struct episode *episode = &incident->episode;
	struct thread_status status;
	struct thread_times times;

	samples->checked_ns = now_ns(CLOCK_BOOTTIME);
	if (proc_thread_status(episode->live.proc_fd, (pid_t)episode->tid, &status))
		return;
	samples->slept =
		status.sleeps > samples->sleeps + stack_sampler_has_ended(samples->sampler);
	if (samples->slept && !proc_thread_times(episode->live.proc_fd, (pid_t)episode->tid,
						 &(int){ -1 }, false, &times))
		samples->wait_ns = times.waited_ns - samples->waited_ns;
}

/*
 * Whether the stack is of the episode. Sets its count_ns, which is the CPU time since the
 * sampler was opened, to the maze count. A yield is not seen here.
 */
static bool is_of_episode(struct incident *incident, struct maze_stack *stack)
{
	struct incident_samples *samples = &incident->samples;
	struct maze_account account = { .count_ns = samples->count_ns + stack->count_ns };
	maze_u64 awake_ns;

	if (stack->boot_ns > samples->checked_ns)
		read_sleeps(incident);
	/* The time of the stack if the thread had not slept. */
	awake_ns = samples->began_ns + stack->count_ns + samples->wait_ns;
	if (samples->slept &&
	    (!survives_sleep(&incident->episode) ||
	     maze_recover(&incident->episode.policy, &account,
			  stack->boot_ns > awake_ns ? stack->boot_ns - awake_ns : 0)))
		return false;
	stack->count_ns = account.count_ns;
	return true;
}

void incident_samples_step(struct incidents *incidents, struct incident *incident)
{
	struct incident_samples *samples = &incident->samples;
	struct episode *episode = &incident->episode;
	struct maze_stack stack;
	bool ended = !samples->sampler || stack_sampler_has_ended(samples->sampler);

	while (samples->sampler && stack_sampler_next(samples->sampler, &stack)) {
		if (!is_of_episode(incident, &stack)) {
			ended = true;
			break;
		}
		stack.pid = episode->pid;
		stack.tid = episode->tid;
		stack.episode = episode->episode;
		episode_unnote(episode, note_none);
		incidents_stack(incidents, &stack);
		if (stack.number + 1U >= incidents->samples.stacks_max) {
			ended = true;
			break;
		}
	}
	if (ended || episode->has_exit || incident->over)
		incident_samples_end(incidents, incident);
}

size_t incident_samples_fds(const struct incidents *incidents,
			    struct pollfd ret_fds[INCIDENT_SAMPLERS_MAX])
{
	size_t count = 0, i;

	for (i = 0; i < INCIDENTS_OPEN_MAX; i++)
		if (incidents->open[i] && incidents->open[i]->samples.sampler)
			ret_fds[count++] = (struct pollfd){
				.fd = stack_sampler_fd(incidents->open[i]->samples.sampler),
				.events = POLLIN,
			};
	return count;
}

void incidents_take_samples(struct incidents *incidents, const struct maze_evidence_wants *wants)
{
	incidents->samples = *wants;
}
