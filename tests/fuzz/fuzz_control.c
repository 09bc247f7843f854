/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a line on the control socket: a valid request or an error message.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/control/control_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request request;
	struct maze_error error = { "" };
	int err = control_request_parse((const char *)data, size, &request, &error);

	if (!err != !error.text[0] || error.text[sizeof(error.text) - 1])
		abort();
	if (request.id && !json_is_integer(request.id) && !json_is_string(request.id))
		abort();
	if (!err) {
		if (request.pid < 0 || request.tid < 0 || (request.start && !request.pid))
			abort();
		if (maze_policy_explain(&request.policy, NULL))
			abort();
		if (request.policy.flags & (MAZE_POLICY_OWNED | MAZE_POLICY_QUIET) ||
		    request.policy.owner)
			abort();
		if (request.cgroup && (request.pid || request.cgroup[0] != '/'))
			abort();
		if (request.verb == CONTROL_WATCH && (maze_policy_scope(request.policy.flags) ==
						      MAZE_SCOPE_CGROUP) != !!request.cgroup)
			abort();
	}
	control_request_done(&request);
	return 0;
}
