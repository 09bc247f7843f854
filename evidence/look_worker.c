/* SPDX-License-Identifier: GPL-2.0-only */
#include "look_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "episode/python_reads.h"
#include "episode/siblings.h"

/*
 * With those of the siblings, samples fit in EPISODE_STACKS_MAX even if no two of them
 * have the same stack, as in an interpreter.
 */
#define SAMPLES 120
_Static_assert(SAMPLES + EPISODE_SIBLINGS_MAX * EPISODE_SIBLING_SAMPLES_MAX <= EPISODE_STACKS_MAX,
	       "all stacks have room");
/* The time between two steps. */
#define STEP_MS 5
/* How long to wait for names after the end. Most are known by then. */
#define NAMES_NS (5 * MAZE_NSEC_PER_SEC)

struct look_loop {
	int fd;
	const struct look_subject *subject;
	struct episode *episode;
	struct symbolize_sources sources;
	struct redactor *redactor;
	struct stack_sampler *sampler; /* NULL: none */
	maze_u64 interval_ns, samples;
	bool ended, hurry;
};

/* ---- answers ----------------------------------------------------------------------- */

static void answer(int fd, const struct look_answer *answer)
{
	while (send(fd, answer, sizeof(*answer), MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			_exit(1);
}

static void __attribute__((noreturn, format(printf, 3, 4)))
refuse(int fd, int err, const char *format, ...)
{
	struct look_answer refusal = { .kind = LOOK_REFUSED, .err = err };
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(refusal.text, sizeof(refusal.text), format, arguments);
	va_end(arguments);
	answer(fd, &refusal);
	_exit(0);
}

static void answer_text(int fd, const char *text)
{
	struct look_answer part = { .kind = LOOK_TEXT };
	size_t left = strlen(text);

	for (; left; left -= part.size, text += part.size) {
		part.size = left < sizeof(part.text) ? left : sizeof(part.text);
		memcpy(part.text, text, part.size);
		answer(fd, &part);
	}
	part.kind = LOOK_DONE;
	answer(fd, &part);
}

/* ---- the episode ------------------------------------------------------------------- */

static void open_process(const struct look_loop *loop)
{
	const struct look_subject *subject = loop->subject;
	struct episode *episode = loop->episode;
	char path[64];
	int err, fd;

	/* Without the right to read its memory, the kernel gives neither mappings nor stacks. */
	snprintf(path, sizeof(path), "/proc/%d/maps", subject->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		refuse(loop->fd, -EACCES,
		       "process %d may not be read by this user; run maze as root or as its user",
		       subject->pid);
	if (fd >= 0)
		close(fd);
	err = process_info_open(subject->pid, subject->tid, subject->boot_ns, &episode->live);
	if (err == -ESRCH)
		refuse(loop->fd, err, "process %d has ended", subject->pid);
	if (err)
		refuse(loop->fd, err, "cannot read process %d: %s", subject->pid, strerror(-err));
	episode->has_live = true;
	if (episode->live.maps.cut)
		episode_note(episode, "The process has more mappings than were read");
}

/*
 * The interval of CPU time in which a thread that gets only an eighth of a CPU gives all
 * of its samples. Of a thread that gets more, most samples are dropped.
 */
static maze_u64 interval(maze_u64 for_ns, maze_u64 samples)
{
	maze_u64 interval_ns = for_ns / 8 / samples;

	return interval_ns > MAZE_STACK_INTERVAL_MIN_NS ? interval_ns : MAZE_STACK_INTERVAL_MIN_NS;
}

static void open_samplers(struct look_loop *loop)
{
	const struct look_subject *subject = loop->subject;
	struct episode *episode = loop->episode;
	int err;
	size_t i;

	loop->interval_ns = interval(subject->for_ns, SAMPLES);
	err = stack_sampler_open(subject->tid, loop->interval_ns, &loop->sampler, NULL);
	if (err == -EACCES || err == -EPERM)
		episode_note(episode, "No stack was taken: a perf event of the thread is not "
				      "permitted (CAP_PERFMON; kernel.perf_event_paranoid)");
	else if (err && err != -ESRCH)
		episode_note(episode, "No stack was taken: the kernel gives no perf event");
	if (loop->sampler && !stack_sampler_sees_kernel(loop->sampler))
		episode_note(episode, "Stacks were taken only in user code: those in the kernel "
				      "need CAP_PERFMON (kernel.perf_event_paranoid)");
	for (i = 0; i < subject->siblings_count; i++)
		siblings_add(episode, subject->siblings[i],
			     interval(subject->for_ns, EPISODE_SIBLING_SAMPLES_MAX),
			     subject->for_ns / EPISODE_SIBLING_SAMPLES_MAX);
	if (subject->others_run)
		episode_note(episode, "More threads ran than are shown");
	if (subject->unread)
		episode_note(episode, "The process has more threads than were compared");
}

static void open_episode(struct look_loop *loop)
{
	const struct look_subject *subject = loop->subject;
	struct episode *episode = malloc(sizeof(*episode));

	loop->episode = episode;
	if (!episode || redact_new(NULL, 0, &loop->redactor, NULL) ||
	    modules_new(&loop->sources.modules) || resolver_new(&loop->sources.resolver) ||
	    python_readers_new(&loop->sources.python))
		refuse(loop->fd, -ENOMEM, "out of memory");
	episode_init(episode);
	episode->serial = 1;
	episode->pid = (maze_u32)subject->pid;
	episode->tid = (maze_u32)subject->tid;
	episode->first_ns = subject->boot_ns;
	episode_set_id(episode, geteuid());
	open_process(loop);
	open_samplers(loop);
	episode->unwind_wanted = true;
	python_reads_want(episode);
	machine_info_read(&episode->machine);
	machine_info_origin(&episode->origin);
}

/* ---- steps ------------------------------------------------------------------------- */

static void take_samples(struct look_loop *loop)
{
	const struct look_subject *subject = loop->subject;
	struct maze_stack stack;

	while (loop->sampler && stack_sampler_next(loop->sampler, &stack)) {
		/* Samples are distributed over the time, which can be longer than planned. */
		if (loop->samples == SAMPLES ||
		    loop->samples * subject->for_ns > (stack.boot_ns - subject->boot_ns) * SAMPLES)
			continue;
		stack.count_ns = subject->used_ns + (stack.number + 1ULL) * loop->interval_ns;
		stack.number = (maze_u16)loop->samples++;
		episode_add_stack(loop->episode, &stack);
		python_reads_want(loop->episode);
	}
	if (loop->episode->siblings_open)
		siblings_take(loop->episode);
}

/* Returns true if no name, unwind or read is awaited. */
static bool step(struct look_loop *loop)
{
	bool reads, symbolized;

	resolver_run(loop->sources.resolver);
	reads = python_reads_step(&loop->sources, loop->episode);
	symbolized = symbolize_step(&loop->sources, loop->episode);
	/* Send the queries that this step has collected. */
	resolver_run(loop->sources.resolver);
	return symbolized && !reads;
}

static void take_message(struct look_loop *loop)
{
	struct episode *episode = loop->episode;
	struct look_message message;
	ssize_t got = recv(loop->fd, &message, sizeof(message), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got != sizeof(message))
		_exit(1);
	switch (message.kind) {
	case LOOK_CALLS:
		episode_add_calls(episode, message.missing, &message.slice);
		if (!message.missing)
			episode_read_descriptors(episode, &message.slice);
		return;
	case LOOK_END:
		loop->ended = true;
		episode->look = message.look;
		if (message.ended)
			episode_note(episode, "The thread ended while maze looked at it");
		return;
	case LOOK_HURRY:
		loop->hurry = true;
		return;
	}
}

static void wait_for_message(struct look_loop *loop)
{
	struct pollfd fd = { .fd = loop->fd, .events = POLLIN };

	if (poll(&fd, 1, STEP_MS) > 0)
		take_message(loop);
}

static void finish(struct look_loop *loop)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + NAMES_NS;
	struct episode *episode = loop->episode;

	take_samples(loop);
	siblings_end(episode);
	if (loop->sampler)
		episode->numbers += stack_sampler_lost(loop->sampler);
	stack_sampler_close(loop->sampler);
	/* A thread without CPU time answers no more, so its unwind ends by its own deadline. */
	while (!loop->hurry && (!step(loop) || symbolize_again(episode))) {
		if (now_ns(CLOCK_MONOTONIC) > until) {
			episode_note(episode, "Some functions have no names: they were not found "
					      "in time");
			break;
		}
		wait_for_message(loop);
	}
	python_reads_stop(&loop->sources, episode);
}

void look_worker(int fd, void *arg)
{
	struct look_loop loop = { .fd = fd, .subject = arg };
	char *text;

	open_episode(&loop);
	while (!loop.ended) {
		take_samples(&loop);
		step(&loop);
		wait_for_message(&loop);
	}
	finish(&loop);
	text = episode_json(loop.episode, loop.redactor, NULL);
	if (!text)
		refuse(fd, -ENOMEM, "out of memory");
	answer_text(fd, text);
}
