/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads mazed's log file, or what `maze run --events` has written. */
#include "event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* mazed writes lines of at most 8 KiB. What is longer is no record. */
#define LINE_MAX_BYTES 65536

/* Skips the rest of a line that is too long. */
static void skip_line(FILE *file)
{
	int c;

	while ((c = getc_unlocked(file)) != EOF && c != '\n')
		;
}

static int read_lines(struct event_output *output, FILE *file)
{
	char line[LINE_MAX_BYTES];
	size_t number = 0, first = 0, before;
	int err = 0;

	while (!err && fgets(line, sizeof(line), file)) {
		number++;
		before = output->malformed;
		if (!strchr(line, '\n') && strlen(line) == sizeof(line) - 1)
			skip_line(file);
		/* mazed begins a new line after a torn one. */
		if (line[0] != '\n')
			err = event_output_put_text(output, line);
		if (output->malformed > before && !first)
			first = number;
	}
	if (first)
		print_error(output->command,
			    "%zu of %zu lines are no records; the first of them is line %zu",
			    output->malformed, number, first);
	return err;
}

int events_from_file(struct event_output *output, const char *path)
{
	bool standard = !strcmp(path, "-");
	FILE *file = standard ? stdin : fopen(path, "re");
	int err;

	if (!file) {
		err = -errno;
		print_error(output->command, "cannot open %s: %s", path, strerror(-err));
		return err;
	}
	err = read_lines(output, file);
	if (!err && ferror(file)) {
		err = -errno ?: -EIO;
		print_error(output->command, "cannot read %s: %s", path, strerror(-err));
	}
	if (!standard)
		fclose(file);
	return err ?: output->malformed ? -EBADMSG : 0;
}
