/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The progress of the thread from its first verdict on. A reading counts only if it
 * belongs to the episode: there is new evidence of it, or the thread has not slept since
 * the first reading.
 */
#include <errno.h>
#include <time.h>

#include "../../base/clock.h"
#include "../../lib/record_time.h"
#include "episode.h"

/*
 * The least time between two readings. A reading takes 60 us. Over a shorter time, a CPU
 * time that is a tick old says little. Older evidence is not new.
 */
#define PAUSE_NS (100 * MAZE_NSEC_PER_MSEC)
/* A hundred open incidents cost less than one percent of a CPU. */
#define PAUSE_MAX_NS MAZE_NSEC_PER_SEC

static const char note_ended[] =
	"The progress of the thread was not counted: its episode ended before the second "
	"reading";

static void note_io_error(struct episode *episode, int error)
{
	if (error == -EACCES || error == -EPERM)
		episode_note(episode, "The bytes that the thread read and wrote were not counted: "
				      "this needs the right to trace it (CAP_SYS_PTRACE)");
	else if (error == -ENOENT)
		episode_note(episode, "The bytes that the thread read and wrote were not counted: "
				      "the kernel does not support it");
}

static bool has_slept(const struct episode_progress *progress, const struct progress *now)
{
	long long sleeps = progress->first.number[PROGRESS_VOLUNTARY_SWITCHES];

	return sleeps < 0 || sleeps != now->number[PROGRESS_VOLUNTARY_SWITCHES];
}

/* An eighth of the time so far, so that the last reading covers most of a short episode. */
static bool is_due(const struct episode_progress *progress, maze_u64 boot_ns)
{
	maze_u64 pause_ns = (boot_ns - progress->first.boot_ns) / 8;

	if (pause_ns < PAUSE_NS)
		pause_ns = PAUSE_NS;
	else if (pause_ns > PAUSE_MAX_NS)
		pause_ns = PAUSE_MAX_NS;
	return boot_ns - progress->tried_ns >= pause_ns;
}

void episode_read_progress(struct episode *episode, maze_u64 evidence_ns)
{
	struct episode_progress *progress = &episode->progress;
	maze_u64 boot_ns = now_ns(CLOCK_BOOTTIME);
	struct progress now;

	/* That of one thread says nothing about a group. */
	if (episode->group || !episode->has_live || episode->has_exit || !is_due(progress, boot_ns))
		return;
	progress->tried_ns = boot_ns;
	if (progress_read(episode->live.proc_fd, (pid_t)episode->tid, &now))
		return;
	if (!progress->first.boot_ns) {
		progress->first = now;
		note_io_error(episode, now.io_error);
		return;
	}
	if (now.start_ticks != progress->first.start_ticks ||
	    (boot_ns > evidence_ns + PAUSE_NS && has_slept(progress, &now)))
		return;
	episode_unnote(episode, note_ended);
	progress->last = now;
	progress->unsaved = true;
}

bool episode_end_progress(struct episode *episode)
{
	struct episode_progress *progress = &episode->progress;
	bool unsaved = progress->unsaved;

	if (progress->first.boot_ns && !progress->last.boot_ns && !progress->ended) {
		episode_note(episode, note_ended);
		unsaved = true;
	}
	progress->ended = true;
	progress->unsaved = false;
	return unsaved;
}

/* ---- JSON -------------------------------------------------------------------------- */

static void set_number(json_t *object, enum progress_number number, long long value)
{
	if (value >= 0)
		json_object_set_new(object, progress_keys[number], json_integer(value));
}

json_t *episode_progress_json(const struct episode *episode)
{
	const struct progress *first = &episode->progress.first, *last = &episode->progress.last;
	char time[RFC3339_LEN];
	json_t *object;
	int i;

	if (!last->boot_ns)
		return json_null();
	object = json_object();
	json_object_set_new(object, "from", json_string(record_time_format(first->boot_ns, time)));
	json_object_set_new(object, "to", json_string(record_time_format(last->boot_ns, time)));
	for (i = 0; i < PROGRESS_COUNTERS_; i++)
		if (first->number[i] >= 0)
			set_number(object, i, last->number[i] - first->number[i]);
	set_number(object, PROGRESS_RESIDENT_BEFORE_BYTES, first->resident_bytes);
	set_number(object, PROGRESS_RESIDENT_BYTES, last->resident_bytes);
	return object;
}
