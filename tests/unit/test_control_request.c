/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests on the control socket that name groups: what they become, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/control/control_request.h"

static void accept(const char *line, struct control_request *ret_request)
{
	struct maze_error error = { "" };

	if (control_request_parse(line, strlen(line), ret_request, &error))
		fail_msg("%s: %s", line, error.text);
}

static void refuse(const char *line, const char *because)
{
	struct control_request request;
	struct maze_error error = { "" };
	int err = control_request_parse(line, strlen(line), &request, &error);

	control_request_done(&request);
	if (err != -EINVAL || !strstr(error.text, because))
		fail_msg("%s: %d %s, not %s", line, err, error.text, because);
}

static void groups_are_named_by_pid_or_path(void **state)
{
	struct control_request request;

	(void)state;
	accept("{\"do\":\"watch\",\"pid\":7,\"policy\":{\"scope\":\"tree\",\"share\":\"90%\","
	       "\"soft\":\"1s\",\"kill\":true,\"shadow\":true}}",
	       &request);
	assert_int_equal(maze_policy_scope(request.policy.flags), MAZE_SCOPE_TREE);
	assert_int_equal(request.policy.hard_ns, 2 * MAZE_NSEC_PER_SEC);
	assert_int_equal(request.policy.hard_signal, SIGKILL);
	assert_int_equal(request.policy.soft_signal, 0);
	control_request_done(&request);
	accept("{\"do\":\"watch\",\"cgroup\":\"/a.service\","
	       "\"policy\":{\"share\":\"150%\",\"scope\":\"cgroup\",\"kill\":false}}",
	       &request);
	assert_string_equal(request.cgroup, "/a.service");
	assert_int_equal(request.pid, 0);
	assert_int_equal(request.policy.hard_signal, 0);
	control_request_done(&request);
	accept("{\"do\":\"unwatch\",\"cgroup\":\"/a.service\"}", &request);
	control_request_done(&request);
}

static void contradictions_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"do\":\"watch\",\"policy\":{\"scope\":\"tree\",\"share\":\"90%\"}}",
		  "missing \"pid\"" },
		{ "{\"do\":\"watch\",\"pid\":7,\"policy\":{\"scope\":\"tree\"}}", "needs a share" },
		{ "{\"do\":\"watch\",\"pid\":7,\"policy\":{\"share\":\"90%\"}}", "for groups" },
		{ "{\"do\":\"watch\",\"pid\":7,\"policy\":{\"scope\":\"all\"}}", "invalid scope" },
		{ "{\"do\":\"watch\",\"pid\":7,\"policy\":{\"scope\":1}}", "takes a string" },
		{ "{\"do\":\"watch\",\"pid\":7,\"policy\":{\"kill\":\"yes\"}}", "true or false" },
		{ "{\"do\":\"watch\",\"pid\":7,\"policy\":{\"scope\":\"tree\",\"share\":\"cpus-1\"}"
		  "}",
		  "invalid share" },
		{ "{\"do\":\"watch\",\"pid\":7,\"policy\":{\"scope\":\"tree\",\"share\":\"90%\","
		  "\"soft-signal\":\"TERM\"}}",
		  "give kill" },
		{ "{\"do\":\"watch\",\"pid\":7,\"policy\":{\"scope\":\"cgroup\",\"share\":\"90%\"}"
		  "}",
		  "require each other" },
		{ "{\"do\":\"watch\",\"cgroup\":\"/a\",\"policy\":{\"scope\":\"tree\","
		  "\"share\":\"90%\"}}",
		  "require each other" },
		{ "{\"do\":\"watch\",\"cgroup\":\"/a\"}", "require each other" },
		{ "{\"do\":\"watch\",\"cgroup\":\"/a\",\"pid\":7,\"policy\":{\"scope\":\"cgroup\","
		  "\"share\":\"90%\"}}",
		  "exclude each other" },
		{ "{\"do\":\"unwatch\",\"cgroup\":\"/a\",\"pid\":7}", "exclude each other" },
		{ "{\"do\":\"unwatch\",\"cgroup\":\"a\"}", "the path of a cgroup" },
		{ "{\"do\":\"unwatch\",\"cgroup\":\"/a\",\"tid\":7}", "for scope thread" },
		{ "{\"do\":\"watch\",\"pid\":7,\"tid\":7,\"policy\":{\"scope\":\"process\","
		  "\"share\":\"90%\"}}",
		  "for scope thread" },
		{ "{\"do\":\"unwatch\",\"cgroup\":\"/a\",\"start\":7}", "requires \"pid\"" },
		{ "{\"do\":\"list\",\"cgroup\":\"/a\"}", "takes no \"cgroup\"" },
		{ "{\"do\":\"mode\",\"mode\":\"shadow\"}", "missing \"rule\"" },
		{ "{\"do\":\"mode\",\"rule\":\"a\",\"mode\":true}", "takes \"shadow\"" },
		{ "{\"do\":\"mode\",\"rule\":\"\",\"mode\":\"file\"}", "the name of a rule" },
		{ "{\"do\":\"reset\",\"rule\":\"a\",\"mode\":\"file\"}", "takes no \"mode\"" },
		{ "{\"do\":\"rules\",\"rule\":\"a\"}", "takes no \"rule\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuse(cases[i][0], cases[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_named_by_pid_or_path),
		cmocka_unit_test(contradictions_are_refused),
	};

	return cmocka_run_group_tests_name("control_request", tests, NULL, NULL);
}
