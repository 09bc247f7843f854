/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a trace, a text or the compact format: replayed, or refused with a message.
 * No verdict is early, and the verdicts of a thread do not go back in its episodes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct replay_watch *choose(void *arg, const struct replay_subject *subject)
{
	static const struct replay_watch watches[2] = {
		{ { .soft_ns = MAZE_LIMIT_MIN_NS,
		    .hard_ns = 2 * MAZE_LIMIT_MIN_NS,
		    .recovery = MAZE_RECOVERY_ONE,
		    .flags = MAZE_POLICY_INHERIT },
		  1 },
		{ { .hard_ns = MAZE_LIMIT_MIN_NS, .recovery = MAZE_RECOVERY_INF }, 2 },
	};

	(void)arg;
	if (strlen(subject->name) >= MAZE_COMM_LEN)
		abort();
	return subject->name[0] == '-' ? NULL : &watches[subject->tid & 1];
}

static int check(void *arg, const struct maze_record *record)
{
	(void)arg;
	if (record->count_ns < record->limit_ns || !record->limit_ns || !record->tid ||
	    record->used_ns < record->count_ns)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replay_calls calls = { .choose = choose, .on_record = check };
	struct replay *replay = replay_new(&calls);
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct maze_error error = { "" };
	struct trace_event event;
	struct trace trace;
	int got;

	if (!replay || fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	got = trace_open(fd, &trace, &error);
	if (!got) {
		while ((got = trace_next(&trace, &event, &error)) > 0)
			if (replay_event(replay, &event))
				abort();
		if (replay_end(replay))
			abort();
		trace_close(&trace);
	}
	if (got && !error.text[0])
		abort();
	replay_free(replay);
	close(fd);
	return 0;
}
