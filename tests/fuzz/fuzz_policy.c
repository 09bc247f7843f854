/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines of "key value": a policy that is reported valid is within its ranges, and an
 * invalid one has an explanation.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/maze.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line, *value, *save = NULL;
	struct maze_error error = { "" };
	struct maze_policy policy;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	maze_policy_default(&policy);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		value = strchr(line, ' ');
		if (value)
			*value++ = '\0';
		error.text[0] = '\0';
		if (maze_policy_set(&policy, line, value, &error) && !error.text[0])
			abort();
	}
	error.text[0] = '\0';
	if (maze_policy_explain(&policy, &error)) {
		if (!error.text[0])
			abort();
	} else if (policy.soft_signal > MAZE_SIGNAL_MAX || policy.soft_ns > MAZE_LIMIT_MAX_NS ||
		   (policy.hard_ns && policy.hard_ns < policy.soft_ns)) {
		abort();
	}
	free(text);
	return 0;
}
