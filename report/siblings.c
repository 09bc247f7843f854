/* SPDX-License-Identifier: GPL-2.0-only */
#include "siblings.h"

#include <stdlib.h>

#include "shown.h"

/* The writer has at most 8. */
#define SIBLINGS_MAX 64

bool siblings_read(struct json_reader *reader, const json_t *root, struct incident *incident)
{
	json_t *array = read_array(reader, root, "siblings"), *object;
	size_t count = json_array_size(array), i;
	struct incident_sibling *sibling;

	reader->where = "siblings";
	if (count > SIBLINGS_MAX) {
		type_error(reader, "", "an array of at most 64");
		return true;
	}
	incident->siblings = calloc(SIBLINGS_MAX, sizeof(*incident->siblings));
	if (!incident->siblings)
		return false;
	for (i = 0; i < count; i++) {
		sibling = &incident->siblings[incident->siblings_count++];
		reader->where = "siblings";
		object = read_element(reader, array, i);
		sibling->comm = read_text(reader, object, "comm");
		sibling->tid = read_number(reader, object, "tid");
		sibling->cpu_ns = read_number(reader, object, "cpu_ns");
		sibling->wall_ns = read_number(reader, object, "wall_ns");
		if (!incident_read_samples(reader, read_array(reader, object, "samples"),
					   incident->stacks_count, &sibling->samples,
					   &sibling->samples_count))
			return false;
	}
	return true;
}

void siblings_free(struct incident *incident)
{
	size_t i;

	for (i = 0; i < incident->siblings_count; i++)
		free(incident->siblings[i].samples);
	free(incident->siblings);
}

int sibling_describe(struct summary *summary, const struct incident *incident,
		     const struct incident_sibling *sibling)
{
	struct incident only = {
		.stacks = incident->stacks,
		.stacks_count = incident->stacks_count,
		.samples = sibling->samples,
		.samples_count = sibling->samples_count,
	};
	struct stacks *stacks;
	char share[SHOWN_LEN];
	int err = stacks_make(&only, &stacks);

	if (err)
		return err;
	if (sibling->comm)
		summary_name(summary, sibling->comm);
	if (sibling->cpu_ns >= 0 && sibling->wall_ns > 0)
		summary_plain(
			summary, "%s%s of a CPU", sibling->comm ? ", " : "",
			shown_share((size_t)sibling->cpu_ns, (size_t)sibling->wall_ns, share));
	if (stacks->place) {
		summary_plain(summary, ", in ");
		summary_frame(summary, stacks->place->frame);
		summary_plain(summary, " in ");
		summary_share(summary, stacks->place->placed, stacks->samples);
	} else {
		summary_plain(summary, ", no stack was taken");
	}
	stacks_free(stacks);
	return 0;
}
