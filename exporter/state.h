/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live state of this machine, as the page / shows it: the watches nearest to their
 * limits, the last verdicts, and whether mazed answers. Its size is bounded however many
 * watches and records there are.
 */
#ifndef MAZE_EXPORTER_STATE_H
#define MAZE_EXPORTER_STATE_H

#include <jansson.h>

#include "incident_index.h"

struct state;

/* `index` finds the incidents of verdicts. Returns NULL without memory. */
struct state *state_new(const struct incident_index *index);
void state_free(struct state *state);

/*
 * A list of watches: state_begin_list(), state_add() for each entry and group, and
 * state_end_list(), which replaces the last list.
 */
void state_begin_list(struct state *state);
void state_add(struct state *state, json_t *entry);
void state_end_list(struct state *state);
/* The answer to "status". */
void state_set_status(struct state *state, json_t *status);
/* Keeps a verdict, and counts lost records. Other records are ignored. */
void state_add_record(struct state *state, json_t *record);
/* mazed sends the records that the engine keeps again. */
void state_forget_records(struct state *state);
/* mazed does not answer. Its watches are unknown then, but not its last verdicts. */
void state_set_failure(struct state *state, const char *why);

/* Returns JSON, which the caller frees. NULL: out of memory. */
char *state_text(struct state *state);

#endif
