/* SPDX-License-Identifier: GPL-2.0-only */
#include "report.h"

#include <errno.h>
#include <stdlib.h>

#include "../base/escape.h"

static void put_name(FILE *out, const char *name)
{
	char shown[ESCAPE_MAX];

	while (*name) {
		if (escape_next(&name, shown) == ';')
			fputs("\\x3b", out);
		else
			fputs(shown, out);
	}
}

int report_folded(const struct stacks *stacks, FILE *out)
{
	const struct incident_frame *frame;
	const struct stacks_fold *fold;
	char *name;
	size_t i, j;

	for (i = 0; i < stacks->folds_count; i++) {
		fold = &stacks->folds[i];
		for (j = 0; j < fold->depth; j++) {
			frame = stacks->functions[fold->functions[j]].frame;
			name = shown_frame(frame);
			if (!name)
				return -ENOMEM;
			if (j)
				fputc(';', out);
			put_name(out, name);
			if (frame->kernel)
				fputs("_[k]", out);
			free(name);
		}
		fprintf(out, " %zu\n", fold->samples);
	}
	return ferror(out) ? -EIO : 0;
}
