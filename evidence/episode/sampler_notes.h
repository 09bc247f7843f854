/* SPDX-License-Identifier: GPL-2.0-only */
/* Notes about stacks that a perf event takes (lib/stack_sampler.h). */
#ifndef MAZE_EVIDENCE_SAMPLER_NOTES_H
#define MAZE_EVIDENCE_SAMPLER_NOTES_H

/* Why stack_sampler_open() failed with this -errno. -EDQUOT: too many are open. */
const char *sampler_note_refusal(int err);
/* Samples were taken in user code only. */
extern const char sampler_note_user[];

#endif
