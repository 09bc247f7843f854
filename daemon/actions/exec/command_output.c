/* SPDX-License-Identifier: GPL-2.0-only */
#include "command_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* The part of the output that is logged. It is enough for an error message. */
#define KEPT_BYTES 2048
#define LINES_MAX 16
/* The default size of a pipe, so one read can empty it. */
#define READ_BYTES 65536
/* Limits the output to 2 MiB a second, which is little work for mazed. */
#define READS_PER_SECOND 32U

struct command_output {
	struct log *log;
	const char *name;
	int fd;
	sd_event_source *source;
	char text[KEPT_BYTES + 1];
	size_t length;
	maze_u64 more;
};

/* Returns false if there is no output now. *ret_end is true if the output has ended. */
static bool read_some(struct command_output *output, bool *ret_end)
{
	static char bytes[READ_BYTES];
	ssize_t length = read(output->fd, bytes, sizeof(bytes));
	size_t stored;

	*ret_end = !length || (length < 0 && errno != EAGAIN && errno != EINTR);
	if (length <= 0)
		return false;
	stored = KEPT_BYTES - output->length;
	if (stored > (size_t)length)
		stored = (size_t)length;
	memcpy(output->text + output->length, bytes, stored);
	output->length += stored;
	output->more += (size_t)length - stored;
	return true;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct command_output *output = userdata;
	bool end;

	(void)fd;
	(void)events;
	read_some(output, &end);
	/* The command has closed its output, but it may still run. */
	if (end)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

int command_output_new(sd_event *event, struct log *log, int fd, const char *name,
		       struct command_output **ret_output)
{
	struct command_output *output = calloc(1, sizeof(*output));
	int err;

	if (!output)
		return -ENOMEM;
	output->log = log;
	output->name = name;
	output->fd = fd;
	err = sd_event_add_io(event, &output->source, fd, EPOLLIN, on_output, output);
	if (err >= 0)
		err = sd_event_source_set_ratelimit(output->source, 1000000, READS_PER_SECOND);
	if (err < 0) {
		sd_event_source_disable_unref(output->source);
		free(output);
		return err;
	}
	*ret_output = output;
	return 0;
}

static void log_output(const struct command_output *output, char *text)
{
	maze_u64 more = output->more;
	char *line = text, *next;
	int lines;

	for (lines = 0; line && *line && lines < LINES_MAX; lines++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (*line)
			log_printf(output->log, LOG_INFO, "exec: %.256s: %s", output->name, line);
		line = next;
	}
	if (line)
		more += strlen(line);
	if (more)
		log_printf(output->log, LOG_INFO, "exec: %.256s: %llu more byte%s not shown",
			   output->name, more, more == 1 ? "" : "s");
}

void command_output_finish(struct command_output *output, bool quiet)
{
	unsigned int i;
	size_t at;
	bool end;

	if (!output)
		return;
	/*
	 * Do not wait for the end of the output. If the command has no cgroup, a process
	 * that left the command's process group may still write to the pipe.
	 */
	for (i = 0; i < READS_PER_SECOND && read_some(output, &end); i++)
		;
	for (at = 0; at < output->length; at++)
		if (!output->text[at])
			output->text[at] = ' ';
	if (!quiet)
		log_output(output, output->text);
	command_output_free(output);
}

void command_output_free(struct command_output *output)
{
	if (!output)
		return;
	sd_event_source_disable_unref(output->source);
	close(output->fd);
	free(output);
}
