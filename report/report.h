/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The formats of a report. All write to `out`, which the caller flushes, and return 0,
 * -ENOMEM, or -EIO if the stream failed.
 */
#ifndef MAZE_REPORT_REPORT_H
#define MAZE_REPORT_REPORT_H

#include <stdio.h>

#include "incident.h"
#include "shown.h"
#include "stacks.h"

/* A page of text. `bold`: headings with ANSI sequences. */
int report_text(const struct incident *incident, const struct stacks *stacks,
		const struct shown_terminal *terminal, bool bold, FILE *out);
/*
 * Lines "outermost;...;innermost COUNT" for flame graph tools. In names, ";" and control
 * characters are \xNN. Kernel frames end in _[k].
 */
int report_folded(const struct stacks *stacks, FILE *out);
/* One self-contained HTML file. */
int report_html(const struct incident *incident, const struct stacks *stacks, FILE *out);

#endif
