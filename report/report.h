/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The formats of a report. All functions write to `out`, which the caller flushes. They
 * return 0, -ENOMEM, or -EIO if the stream failed.
 */
#ifndef MAZE_REPORT_REPORT_H
#define MAZE_REPORT_REPORT_H

#include <stdio.h>

#include "incident.h"
#include "shown.h"
#include "stacks.h"

/* Writes a page of text. With `bold`, headings have ANSI sequences. */
int report_text(const struct incident *incident, const struct stacks *stacks,
		const struct shown_terminal *terminal, bool bold, FILE *out);
/*
 * Writes lines "outermost;...;innermost COUNT" for flame graph tools. In names, \xNN
 * replaces ";" and control characters. The names of kernel functions end in _[k].
 */
int report_folded(const struct stacks *stacks, FILE *out);
/* Writes a profile.proto of pprof, compressed by gzip. */
int report_pprof(const struct incident *incident, const struct stacks *stacks, FILE *out);
/* Writes the schedule as a trace for maze replay; nothing if it is unknown. */
int report_trace(const struct incident *incident, FILE *out);
/* Writes the JSON of speedscope. */
int report_speedscope(const struct incident *incident, const struct stacks *stacks, FILE *out);
/* Writes one self-contained HTML file. */
int report_html(const struct incident *incident, const struct stacks *stacks, FILE *out);

#endif
