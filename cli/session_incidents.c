/* SPDX-License-Identifier: GPL-2.0-only */
#include "session_incidents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../evidence/collector.h"

struct session_incidents {
	const struct command *command;
	const struct options *options;
	struct maze *maze;
	struct maze_evidence *evidence; /* NULL: the engine takes no stacks */
	struct collector *collector;
	maze_u64 tag;
	maze_u64 lost; /* already reported */
};

static void report(const struct session_incidents *incidents, const struct incidents_said *said)
{
	size_t i;

	for (i = 0; i < said->count; i++)
		if (said->line[i].trouble)
			print_error(incidents->command, "%s", said->line[i].text);
		else
			print_error(incidents->command, "%s is in %s; maze report shows it",
				    said->line[i].text, incidents->options->incidents);
}

int session_incidents_open(const struct command *command, const struct options *options,
			   struct maze *maze, maze_u64 tag,
			   struct session_incidents **ret_incidents)
{
	const struct incidents_options wanted = {
		.dir = options->incidents,
		.no_unwind = options->no_unwind,
	};
	struct maze_error error = { "" };
	struct session_incidents *incidents = calloc(1, sizeof(*incidents));
	int err;

	if (!incidents) {
		print_error(command, "out of memory");
		return -ENOMEM;
	}
	*incidents = (struct session_incidents){
		.command = command, .options = options, .maze = maze, .tag = tag
	};
	err = collector_open(&wanted, &incidents->collector, &error);
	if (err)
		goto out_error;
	err = maze_evidence_open(maze, NULL, &incidents->evidence, &error);
	if (err == -EOPNOTSUPP)
		print_error(command, "incidents will have no samples: %s", error.text);
	else if (err)
		goto out_error;
	*ret_incidents = incidents;
	return 0;
out_error:
	print_error(command, "%s", error.text[0] ? error.text : strerror(-err));
	session_incidents_close(incidents);
	return err;
}

int session_incidents_fd(const struct session_incidents *incidents)
{
	return incidents && incidents->evidence ? maze_evidence_fd(incidents->evidence) : -1;
}

int session_incidents_workers_fd(const struct session_incidents *incidents)
{
	return incidents ? collector_fd(incidents->collector) : -1;
}

void session_incidents_record(struct session_incidents *incidents, const struct maze_record *record)
{
	if (incidents && record->tag == incidents->tag)
		collector_record(incidents->collector, record, maze_engine_name(incidents->maze),
				 NULL, &incidents->options->policy);
}

/* A pinned engine also has evidence of other watches, and of earlier ones. */
static void read_evidence(struct session_incidents *incidents)
{
	struct maze_process_info process_info;
	struct maze_stack stack;
	maze_u64 lost;

	if (!incidents->evidence)
		return;
	while (maze_evidence_next_process_info(incidents->evidence, &process_info) == 1)
		if (process_info.tag == incidents->tag)
			collector_process_info(incidents->collector, &process_info);
	while (maze_evidence_next_stack(incidents->evidence, &stack) == 1)
		if (stack.tag == incidents->tag)
			collector_stack(incidents->collector, &stack);
	lost = maze_evidence_lost(incidents->evidence);
	if (lost != incidents->lost)
		print_error(incidents->command, "samples or process infos lost: %llu",
			    lost - incidents->lost);
	incidents->lost = lost;
}

int session_incidents_work(struct session_incidents *incidents)
{
	struct incidents_said said;
	int ms;

	if (!incidents)
		return -1;
	read_evidence(incidents);
	ms = collector_work(incidents->collector, &said);
	report(incidents, &said);
	return ms;
}

void session_incidents_close(struct session_incidents *incidents)
{
	struct incidents_said said = { 0 };

	if (!incidents)
		return;
	if (incidents->evidence)
		read_evidence(incidents);
	maze_evidence_close(incidents->evidence);
	collector_close(incidents->collector, &said);
	report(incidents, &said);
	free(incidents);
}
