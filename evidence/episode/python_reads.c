/* SPDX-License-Identifier: GPL-2.0-only */
#include "python_reads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../lib/record_time.h"

/* A process that reads stacks is ended when it had nothing to do for this time. */
#define IDLE_NS MAZE_NSEC_PER_SEC

/* The maximum of the distinct stacks of an episode, and the size of a frame without names. */
#define STACKS_BYTES_MAX (2U << 20)
#define FRAME_BYTES 256

#define NOT_READ "The Python stack was not read: "
static const char note_busy[] = NOT_READ "too many Python processes were read at the same time";
static const char note_access[] =
	NOT_READ "the memory of the process may not be read (CAP_SYS_PTRACE; "
		 "kernel.yama.ptrace_scope)";
static const char note_silent[] = NOT_READ "the process that reads it did not answer";
static const char note_gone[] = NOT_READ "the process had ended";
/* What a stack needs; without it there is no stack, and the reason is said. */
static const char *const refusals[PYTHON_REFUSALS] = {
	[PYTHON_NO_INTERPRETER] = NOT_READ "the interpreter has neither the symbol _PyRuntime nor "
					   "its section",
	[PYTHON_VERSION] = NOT_READ "the interpreter is not CPython 3.11, 3.12, 3.13 or 3.14",
	[PYTHON_PRERELEASE] = NOT_READ "the interpreter is not a final release",
	[PYTHON_FREE_THREADED] = NOT_READ "the interpreter is a free-threaded build",
	[PYTHON_LAYOUT] = NOT_READ "the interpreter describes its structures in an unknown way",
	[PYTHON_NO_THREAD] = NOT_READ "the thread is not a thread of the interpreter",
	[PYTHON_NO_FRAME] = NOT_READ "the thread was not in Python code",
	[PYTHON_TORN] = NOT_READ "the thread changed its stack during each read",
	[PYTHON_UNREADABLE] = NOT_READ "the memory of the process could not be read",
};

/* ---- the interpreter --------------------------------------------------------------- */

static int start(struct symbolize_sources *sources, maze_u64 owner, const struct process_info *live,
		 pid_t outer_tid, const struct map *map)
{
	const struct modules_scope scope = { .live = live };
	struct module *module = modules_by_map(sources->modules, &scope, map);
	struct python_job job;
	maze_u64 slide;
	pid_t tid;
	int err;

	if (!module || elf_file_slide(module->files.fd, map->offset, &slide))
		return -ENOENT;
	tid = process_info_inner_tid(live, outer_tid);
	if (tid < 0)
		return tid;
	job = (struct python_job){ .files = module->files,
				   .slide = map->start - map->offset - slide,
				   .tid = (maze_u32)tid };
	job.memory_fd = openat(live->proc_fd, "mem", O_RDONLY | O_CLOEXEC);
	if (job.memory_fd < 0)
		return -errno;
	err = python_readers_start(sources->python, owner, &job);
	close(job.memory_fd);
	return err;
}

static const char *start_refusal(int err)
{
	return err == -EACCES || err == -EPERM ? note_access : note_silent;
}

const char *python_reads_check(struct symbolize_sources *sources, const struct process_info *live,
			       pid_t tid, maze_u32 *ret_version)
{
	const struct timespec pause = { .tv_nsec = MAZE_NSEC_PER_MSEC };
	const struct map *map = language_map(&live->maps, LANGUAGE_PYTHON);
	struct python_answer answer;
	int got;

	got = map ? start(sources, 1, live, tid, map) : -ENOENT;
	if (got)
		return map ? start_refusal(got) : refusals[PYTHON_NO_INTERPRETER];
	while (!(got = python_readers_take(sources->python, 1, &answer)))
		nanosleep(&pause, NULL);
	python_readers_stop(sources->python, 1);
	if (got < 0)
		return note_silent;
	*ret_version = answer.version;
	return answer.version ? NULL : refusals[answer.refusal];
}

static void give_up(struct symbolize_sources *sources, struct episode *episode, const char *note)
{
	python_reads_stop(sources, episode);
	episode->python.refused = true;
	/* Earlier stacks are worth more than the reason why there are no more. */
	if (note && !json_array_size(episode->python.reads))
		episode_note(episode, process_info_is_live(&episode->live) ? note : note_gone);
}

static void try_start(struct symbolize_sources *sources, struct episode *episode)
{
	const struct map *map = language_map(&episode->live.maps, LANGUAGE_PYTHON);
	int err;

	if (!map) {
		give_up(sources, episode, NULL);
		return;
	}
	err = start(sources, episode->serial, &episode->live, (pid_t)episode->tid, map);
	if (err == -EAGAIN) {
		episode_note(episode, note_busy);
		return;
	}
	episode_unnote(episode, note_busy);
	if (err)
		give_up(sources, episode, start_refusal(err));
	episode->python.running = episode->python.asked = !err;
}

/* ---- answers ----------------------------------------------------------------------- */

static size_t bytes_of(const json_t *stack)
{
	const json_t *frames = json_object_get(stack, "frames"), *frame;
	size_t bytes = 0, i;

	for (i = 0; (frame = json_array_get(frames, i)); i++)
		bytes += FRAME_BYTES + json_string_length(json_object_get(frame, "function")) +
			 json_string_length(json_object_get(frame, "file"));
	return bytes;
}

int python_reads_index(struct episode_python *python, json_t *stack)
{
	size_t count = json_array_size(python->stacks), bytes = bytes_of(stack), i;

	for (i = 0; i < count; i++)
		if (json_equal(json_array_get(python->stacks, i), stack))
			return (int)i;
	if (i == EPISODE_STACKS_MAX || python->bytes + bytes > STACKS_BYTES_MAX ||
	    json_array_append(python->stacks, stack))
		return -1;
	python->bytes += bytes;
	return (int)i;
}

static void add_stack(struct episode *episode, const struct python_answer *answer)
{
	struct episode_python *python = &episode->python;
	char time[RFC3339_LEN];
	size_t i;
	int index;

	if (!python->reads) {
		python->reads = json_array();
		python->stacks = json_array();
		episode_unnote(episode, language_hint(LANGUAGE_PYTHON));
		episode_unnote(episode, note_gone);
		for (i = 0; i < PYTHON_REFUSALS; i++)
			episode_unnote(episode, refusals[i]);
	}
	index = python_reads_index(python, answer->stack);
	if (index < 0)
		python->failed++;
	else
		json_array_append_new(python->reads,
				      json_pack("{s:s, s:i}", "time",
						record_time_format(answer->boot_ns, time), "stack",
						index));
	json_decref(answer->stack);
}

static void take(struct symbolize_sources *sources, struct episode *episode)
{
	struct episode_python *python = &episode->python;
	struct python_answer answer;
	int got = python_readers_take(sources->python, episode->serial, &answer);

	if (!got)
		return;
	python->asked = false;
	if (got < 0) {
		give_up(sources, episode, note_silent);
		return;
	}
	if (answer.version) {
		python->version = answer.version;
	} else if (answer.stack) {
		python->refusal = NULL;
		add_stack(episode, &answer);
	} else if (!python->version) {
		give_up(sources, episode, refusals[answer.refusal]);
	} else {
		python->failed++;
		python->refusal =
			process_info_is_live(&episode->live) ? refusals[answer.refusal] : note_gone;
	}
}

/* ---- one step ---------------------------------------------------------------------- */

void python_reads_want(struct episode *episode)
{
	episode->python.wanted = true;
}

/* Says why an episode of an interpreter has no Python stack. */
static void note_missing(struct episode *episode)
{
	const struct episode_python *python = &episode->python;
	static const struct maps none;

	if (json_array_size(python->reads) || python->wanted || python->asked)
		return;
	if (python->refusal)
		episode_note(episode, python->refusal);
	if (language_of(&none, episode_exe(episode)) == LANGUAGE_PYTHON && episode->frames_count &&
	    !episode->frames_open && !symbolize_has_jit_name(episode))
		episode_note(episode, language_hint(LANGUAGE_PYTHON));
}

bool python_reads_step(struct symbolize_sources *sources, struct episode *episode)
{
	struct episode_python *python = &episode->python;
	maze_u64 now = now_ns(CLOCK_MONOTONIC);

	if (python->asked)
		take(sources, episode);
	if (python->refused || sources->blind || !episode->has_live)
		python->wanted = false;
	if (python->wanted && !python->running)
		try_start(sources, episode);
	if (python->wanted && python->running && !python->asked) {
		python->wanted = false;
		python->asked = !python_readers_request(sources->python, episode->serial);
		python->asked_ns = now;
		if (!python->asked)
			give_up(sources, episode, note_silent);
	}
	if (python->running && !python->asked && now - python->asked_ns > IDLE_NS)
		python_reads_stop(sources, episode);
	note_missing(episode);
	return python->asked;
}

void python_reads_stop(struct symbolize_sources *sources, struct episode *episode)
{
	python_readers_stop(sources->python, episode->serial);
	episode->python.running = episode->python.asked = false;
}
