/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the engine to incidents; see gather.h. All the work is done by evidence/.
 */
#include "session_incidents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../evidence/collector.h"

struct session_incidents {
	const struct command *command;
	const struct options *options;
	struct maze *maze;
	struct maze_evidence *evidence; /* NULL: this engine takes no stacks */
	struct collector *collector;
	maze_u64 tag;
	maze_u64 lost; /* that were said to be */
};

static void say(const struct session_incidents *incidents, const struct incident_messages *messages)
{
	size_t i;

	for (i = 0; i < messages->count; i++)
		if (messages->message[i].trouble)
			complain(incidents->command, "%s", messages->message[i].text);
		else
			complain(incidents->command, "%s is in %s; maze report shows it",
				 messages->message[i].text, incidents->options->incidents);
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
		complain(command, "out of memory");
		return -ENOMEM;
	}
	*incidents = (struct session_incidents){
		.command = command, .options = options, .maze = maze, .tag = tag
	};
	err = collector_open(&wanted, &incidents->collector, &error);
	if (err)
		goto out_complain;
	err = maze_evidence_open(maze, NULL, &incidents->evidence, &error);
	if (err == -EOPNOTSUPP)
		complain(command, "incidents will have no samples: %s", error.text);
	else if (err)
		goto out_complain;
	*ret_incidents = incidents;
	return 0;
out_complain:
	complain(command, "%s", error.text[0] ? error.text : strerror(-err));
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

/* A pinned engine has what others watch, too, and what there was before. */
static void take_evidence(struct session_incidents *incidents)
{
	struct maze_process_info recorded;
	struct maze_stack stack;
	maze_u64 lost;

	if (!incidents->evidence)
		return;
	while (maze_evidence_next_process_info(incidents->evidence, &recorded) == 1)
		if (recorded.tag == incidents->tag)
			collector_process_info(incidents->collector, &recorded);
	while (maze_evidence_next_stack(incidents->evidence, &stack) == 1)
		if (stack.tag == incidents->tag)
			collector_stack(incidents->collector, &stack);
	lost = maze_evidence_lost(incidents->evidence);
	if (lost != incidents->lost)
		complain(incidents->command, "%llu samples or process_infos were lost",
			 lost - incidents->lost);
	incidents->lost = lost;
}

int session_incidents_work(struct session_incidents *incidents)
{
	struct incident_messages messages;
	int ms;

	if (!incidents)
		return -1;
	take_evidence(incidents);
	ms = collector_work(incidents->collector, &messages);
	say(incidents, &messages);
	return ms;
}

void session_incidents_close(struct session_incidents *incidents)
{
	struct incident_messages messages = { 0 };

	if (!incidents)
		return;
	if (incidents->evidence)
		take_evidence(incidents);
	maze_evidence_close(incidents->evidence);
	collector_close(incidents->collector, &messages);
	say(incidents, &messages);
	free(incidents);
}
