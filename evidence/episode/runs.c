/* SPDX-License-Identifier: GPL-2.0-only */
/* The last runs of an episode on CPUs: the key schedule of maze-incident(5). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/record_time.h"
#include "../../lib/utf8_json.h"
#include "episode.h"

#define MISSING                                                                                    \
	"The schedule is unknown: more threads were near their limits than are recorded, or the "  \
	"kernel does not tell it"

void episode_add_runs(struct episode *episode, const struct maze_last_runs *runs)
{
	if (!runs->count) {
		if (!episode->runs)
			episode_note(episode, MISSING);
		return;
	}
	if (!episode->runs)
		episode->runs = malloc(sizeof(*episode->runs));
	if (!episode->runs)
		return;
	episode_unnote(episode, MISSING);
	memcpy(episode->runs, runs, maze_last_runs_size(runs->count));
}

/* `before` is NULL for the first run. */
static json_t *run_json(const struct maze_run *run, const struct maze_run *before)
{
	static const char *const ends[MAZE_RUN_ENDS_] = {
		[MAZE_RUN_PREEMPTED] = "preempted", [MAZE_RUN_YIELDED] = "yielded",
		[MAZE_RUN_SLEPT] = "slept",	    [MAZE_RUN_LOCK] = "lock",
		[MAZE_RUN_STOPPED] = "stopped",
	};
	json_t *object = json_object();
	char time[RFC3339_LEN];

	json_object_set_new(object, "time", json_string(record_time_format(run->from_ns, time)));
	json_object_set_new(object, "wall_ns",
			    json_integer((json_int_t)(run->to_ns - run->from_ns)));
	json_object_set_new(object, "cpu", json_integer(run->cpu));
	json_object_set_new(object, "runtime_ns", json_integer((json_int_t)run->runtime_ns));
	if (before)
		json_object_set_new(object, "waited_ns",
				    json_integer((json_int_t)(run->waited_ns - before->waited_ns)));
	if (run->end >= MAZE_RUN_ENDS_ || !ends[run->end])
		return object;
	json_object_set_new(object, "end", json_string(ends[run->end]));
	if (run->other) {
		json_object_set_new(object, "other_tid", json_integer(run->other));
		json_object_set_new(object, "other_comm",
				    utf8_json(run->comm, strnlen(run->comm, sizeof(run->comm))));
	}
	return object;
}

/* The runs that the thread's own switches have and `runs` lacks. The last one goes on. */
static maze_u32 missed(const struct maze_last_runs *runs)
{
	const struct maze_run *first = runs->run, *ended = first + runs->count - 2;
	maze_u32 switches;

	if (runs->count < 2)
		return 0;
	switches = ended->nvcsw + ended->nivcsw - first->nvcsw - first->nivcsw;
	return switches - (maze_u32)(ended - first);
}

json_t *episode_runs_json(const struct episode *episode)
{
	const struct maze_last_runs *runs = episode->runs;
	const struct maze_run *last;
	json_t *object, *array;
	size_t i;

	if (!runs)
		return json_null();
	object = json_object();
	array = json_array();
	last = &runs->run[runs->count - 1];
	for (i = 0; i < runs->count; i++)
		json_array_append_new(array, run_json(&runs->run[i], i ? &runs->run[i - 1] : NULL));
	json_object_set_new(object, "runs", array);
	json_object_set_new(object, "runs_lost", json_integer((json_int_t)runs->earlier));
	json_object_set_new(object, "runs_missed", json_integer(missed(runs)));
	json_object_set_new(object, "nvcsw", json_integer(last->nvcsw));
	json_object_set_new(object, "nivcsw", json_integer(last->nivcsw));
	return object;
}
