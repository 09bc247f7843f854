/* SPDX-License-Identifier: GPL-2.0-only */
#include "incident_line.h"
#include "incident_dir.h"
#include "python.h"
#include "shown.h"
#include "stacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
	return text ? strndup(text, SHOWN_NAME_MAX) : NULL;
}

/* Describes both signals ("sent SIGXCPU, SIGKILL"), or else only the last action. */
static char *describe_action(const struct incident *incident)
{
	const struct incident_record *soft = shown_record(incident, "soft");
	const struct incident_record *hard = shown_record(incident, "hard");
	char *action = shown_act(hard ? hard : soft ? soft : &incident->records[0]), *both = NULL;

	if (soft && hard && soft->sent && hard->sent && soft->signal && hard->signal &&
	    asprintf(&both, "sent %s, %s", soft->signal, hard->signal) >= 0) {
		free(action);
		return both;
	}
	return action;
}

bool incident_line_fill(const struct incident *incident, struct incident_line *line)
{
	const struct incident_frame *frame = NULL;
	const struct stacks *code;
	struct stacks *stacks;

	if (stacks_make(incident, &stacks))
		return false;
	/* The code of a group is that of its largest consumer. */
	code = stacks->consumers_count ? stacks->consumers[0] : stacks;
	line->scope = incident->group ? copy(incident->group->scope ?: "group") : NULL;
	line->began = incident_began(incident, line->id);
	line->pid = shown_pid(incident);
	line->tid = shown_tid(incident);
	line->count_ns = shown_count(incident);
	line->process = copy(shown_process(incident));
	line->stage = copy(shown_verdict(incident)->event);
	line->action = describe_action(incident);
	if (python_place(code->python, &frame, &line->self)) {
		line->samples = code->python->samples;
	} else if (code->place) {
		frame = code->place->frame;
		line->self = code->place->placed;
		line->samples = code->samples;
	} else if (incident->unwound.count) {
		frame = &incident->unwound.frames[0];
	}
	line->function = frame ? shown_frame(frame) : NULL;
	line->signature = incident->signature[0] ? copy(incident->signature) : NULL;
	stacks_free(stacks);
	return true;
}

int incident_line_compare(const void *left, const void *right)
{
	const struct incident_line *a = left, *b = right;

	if (a->began != b->began)
		return a->began < b->began ? -1 : 1;
	return strcmp(a->id, b->id);
}

void incident_line_done(struct incident_line *line)
{
	free(line->process);
	free(line->scope);
	free(line->stage);
	free(line->function);
	free(line->action);
	free(line->signature);
}
