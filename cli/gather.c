/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the engine to incidents; see gather.h. All the work is done by evidence/.
 */
#include "gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../evidence/collector.h"

struct gather {
	const struct command *command;
	const struct options *options;
	struct maze *maze;
	struct maze_evidence *evidence; /* NULL: this engine takes no stacks */
	struct collector *collector;
	maze_u64 tag;
	maze_u64 lost; /* that were said to be */
};

static void say(const struct gather *gather, const struct incidents_said *said)
{
	size_t i;

	for (i = 0; i < said->count; i++)
		if (said->line[i].trouble)
			complain(gather->command, "%s", said->line[i].text);
		else
			complain(gather->command, "%s is in %s; maze report shows it",
				 said->line[i].text, gather->options->incidents);
}

int gather_open(const struct command *command, const struct options *options, struct maze *maze,
		maze_u64 tag, struct gather **ret_gather)
{
	const struct incidents_options wanted = {
		.dir = options->incidents,
		.no_unwind = options->no_unwind,
	};
	struct maze_error error = { "" };
	struct gather *gather = calloc(1, sizeof(*gather));
	int err;

	if (!gather) {
		complain(command, "out of memory");
		return -ENOMEM;
	}
	*gather =
		(struct gather){ .command = command, .options = options, .maze = maze, .tag = tag };
	err = collector_open(&wanted, &gather->collector, &error);
	if (err)
		goto out_complain;
	err = maze_evidence_open(maze, NULL, &gather->evidence, &error);
	if (err == -EOPNOTSUPP)
		complain(command, "incidents will have no samples: %s", error.text);
	else if (err)
		goto out_complain;
	*ret_gather = gather;
	return 0;
out_complain:
	complain(command, "%s", error.text[0] ? error.text : strerror(-err));
	gather_close(gather);
	return err;
}

int gather_fd(const struct gather *gather)
{
	return gather && gather->evidence ? maze_evidence_fd(gather->evidence) : -1;
}

int gather_workers_fd(const struct gather *gather)
{
	return gather ? collector_fd(gather->collector) : -1;
}

void gather_record(struct gather *gather, const struct maze_record *record)
{
	if (gather && record->tag == gather->tag)
		collector_record(gather->collector, record, maze_engine_name(gather->maze), NULL,
				 &gather->options->policy);
}

/* A pinned engine has what others watch, too, and what there was before. */
static void take_evidence(struct gather *gather)
{
	struct maze_process_info process_info;
	struct maze_stack stack;
	maze_u64 lost;

	if (!gather->evidence)
		return;
	while (maze_evidence_next_process_info(gather->evidence, &process_info) == 1)
		if (process_info.tag == gather->tag)
			collector_process_info(gather->collector, &process_info);
	while (maze_evidence_next_stack(gather->evidence, &stack) == 1)
		if (stack.tag == gather->tag)
			collector_stack(gather->collector, &stack);
	lost = maze_evidence_lost(gather->evidence);
	if (lost != gather->lost)
		complain(gather->command, "%llu samples or process_infos were lost",
			 lost - gather->lost);
	gather->lost = lost;
}

int gather_work(struct gather *gather)
{
	struct incidents_said said;
	int ms;

	if (!gather)
		return -1;
	take_evidence(gather);
	ms = collector_work(gather->collector, &said);
	say(gather, &said);
	return ms;
}

void gather_close(struct gather *gather)
{
	struct incidents_said said = { 0 };

	if (!gather)
		return;
	if (gather->evidence)
		take_evidence(gather);
	maze_evidence_close(gather->evidence);
	collector_close(gather->collector, &said);
	say(gather, &said);
	free(gather);
}
