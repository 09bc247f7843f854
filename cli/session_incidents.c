/* SPDX-License-Identifier: GPL-2.0-only */
#include "session_incidents.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../evidence/collector.h"

struct session_incidents {
	const struct command *command;
	const struct options *options;
	struct maze *maze;
	struct collector *collector;
};

static void report(const struct session_incidents *incidents,
		   const struct incident_messages *messages)
{
	size_t i;

	/* The report of an incident has its signature. */
	for (i = 0; i < messages->count; i++)
		if (!messages->message[i].written.again)
			print_error(incidents->command, "%s", messages->message[i].text);
}

int session_incidents_open(const struct command *command, const struct options *options,
			   struct maze *maze, maze_u64 tag,
			   struct session_incidents **ret_incidents)
{
	/*
	 * The tag selects the evidence, because a pinned engine also has evidence of
	 * other watches.
	 */
	const struct incidents_options wanted = {
		.dir = options->incidents,
		.no_unwind = options->no_unwind,
		.java_perf_map = options->java_perf_map,
		.tag = tag,
		.calls_cpu_ns = INCIDENTS_CALLS_CPU_NS,
	};
	struct session_incidents *incidents = calloc(1, sizeof(*incidents));
	struct maze_error error = { "" };
	int err;

	if (!incidents) {
		print_error(command, "out of memory");
		return -ENOMEM;
	}
	incidents->command = command;
	incidents->options = options;
	incidents->maze = maze;
	err = collector_open(&wanted, &incidents->collector, &error);
	if (err)
		goto out_complain;
	err = collector_follow(incidents->collector, maze, NULL, &error);
	if (err && err != -EOPNOTSUPP)
		goto out_complain;
	if (err && notes_wanted(options))
		print_error(command, "incidents will have no samples: %s", error.text);
	*ret_incidents = incidents;
	return 0;
out_complain:
	print_error(command, "%s", error.text[0] ? error.text : strerror(-err));
	session_incidents_close(incidents);
	return err;
}

int session_incidents_fd(const struct session_incidents *incidents)
{
	return incidents ? collector_fd(incidents->collector) : -1;
}

void session_incidents_record(struct session_incidents *incidents, const struct maze_record *record)
{
	if (incidents)
		collector_record(incidents->collector, record, maze_engine_name(incidents->maze),
				 NULL, &incidents->options->policy);
}

int session_incidents_work(struct session_incidents *incidents)
{
	struct incident_messages messages;
	int ms;

	if (!incidents)
		return -1;
	ms = collector_work(incidents->collector, &messages);
	report(incidents, &messages);
	return ms;
}

void session_incidents_close(struct session_incidents *incidents)
{
	struct incident_messages messages = { 0 };

	if (!incidents)
		return;
	collector_close(incidents->collector, &messages);
	report(incidents, &messages);
	free(incidents);
}
