/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forms in which an incident is shown. All write to `out` and return 0, -ENOMEM, or
 * -EIO when the stream failed; flushing it is the caller's.
 */
#ifndef MAZE_REPORT_REPORT_H
#define MAZE_REPORT_REPORT_H

#include <stdio.h>

#include "incident.h"
#include "shown.h"
#include "stacks.h"

/* A page of text to be read in ten seconds. `bold`: headings by ANSI sequences. */
int report_text(const struct incident *incident, const struct stacks *stacks,
		const struct shown_terminal *terminal, bool bold, FILE *out);
/*
 * "outermost;...;innermost COUNT" a line, for tools that draw flame graphs. In names, ";"
 * and control characters are \xNN; frames of the kernel end in _[k], as is the custom.
 */
int report_folded(const struct stacks *stacks, FILE *out);
/* One self-contained HTML file. */
int report_html(const struct incident *incident, const struct stacks *stacks, FILE *out);

#endif
