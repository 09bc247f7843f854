/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An observation that goes on over restarts of mazed and of the machine. Its file is that
 * of an observation, with a further key: "earlier" has the classes of all engines before the
 * one that runs, and says which one that is. An engine keeps its streaks as long as it is
 * loaded. So the sum of "earlier" and the engine's streaks has each streak once, however
 * often it is computed: also if mazed was killed, and its file is old.
 */
#ifndef MAZE_OBSERVE_HISTORY_H
#define MAZE_OBSERVE_HISTORY_H

#include "observation.h"

#define HISTORY_CLASSES_MAX 512

/* Begin with {0}. */
struct history {
	const char *boot_id;
	maze_u64 instance; /* of the engine, within the boot; 0: it ends with this process */
	struct observation earlier;
	struct observation known; /* what the file had: names of classes that the engine has too */
};

/* Reads the file's text. Returns 0, or -errno and a message. */
int history_read(struct history *history, const char *text, size_t size, struct maze_error *error);
/* Adds paths to the engine's classes, if the file had them. */
void history_add_paths(const struct history *history, struct observation *of_engine);
/* 0 or -ENOMEM. */
int history_sum(const struct history *history, const struct observation *of_engine,
		struct observation *ret_sum);
/* Returns the text of the file. NULL: out of memory. */
char *history_text(const struct history *history, const struct observation *of_engine,
		   const char *engine);
void history_free(struct history *history);

#endif
