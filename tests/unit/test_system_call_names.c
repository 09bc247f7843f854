/* SPDX-License-Identifier: GPL-2.0-only */
/* The names of system calls, and how long their counting may slow down the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../evidence/attach_budget.h"
#include "../../lib/system_calls.h"
#include "skip.h"

#define MS MAZE_NSEC_PER_MSEC

/* ---- names ----------------------------------------------------------------------------- */

static void names_are_those_of_the_headers(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(system_call_name(SYS_read), "read");
	assert_string_equal(system_call_name(SYS_sched_yield), "sched_yield");
	assert_string_equal(system_call_name(SYS_epoll_pwait), "epoll_pwait");
	assert_null(system_call_name(100000));
	assert_null(system_call_name(100000 | CALL_COMPAT));
#if defined(__x86_64__)
	assert_string_equal(system_call_name(3 | CALL_COMPAT), "read");
	assert_string_equal(system_call_name(221 | CALL_COMPAT), "fcntl64");
	assert_true(system_call_has_descriptor(221 | CALL_COMPAT));
	assert_true(system_call_has_descriptor(417 | CALL_COMPAT)); /* recvmmsg_time64 */
#endif
	assert_false(system_call_has_descriptor(SYS_futex));
	assert_true(system_call_returns_bytes(SYS_read));
	assert_false(system_call_returns_bytes(SYS_epoll_pwait));
	assert_string_equal(system_call_error(EAGAIN, buf, sizeof(buf)), "EAGAIN");
	assert_string_equal(system_call_error(512, buf, sizeof(buf)), "ERESTARTSYS");
	assert_string_equal(system_call_error(3000, buf, sizeof(buf)), "3000");
}

/* The first argument as the kernel describes it, such as "unsigned int fd". */
static bool read_description(const char *events, const char *name, char *ret_argument)
{
	char path[512], line[256];
	bool found = false;
	FILE *format;

	snprintf(path, sizeof(path), "%s/sys_enter_%s/format", events, name);
	format = fopen(path, "re");
	while (format && !found && fgets(line, sizeof(line), format))
		found = sscanf(line, " field:%127[^;]; offset:16;", ret_argument) == 1 &&
			strstr(line, "offset:16;");
	if (format)
		fclose(format);
	return found;
}

static void descriptors_are_those_of_the_kernel(void **state)
{
	static const char *const other_names[][2] = { { "fstat", "newfstat" },
						      { "sendfile", "sendfile64" } };
	char directory[] = "/tmp/test-system-calls-XXXXXX", events[64], argument[128];
	int checked = 0, wrong = 0, status;
	bool is_descriptor;
	const char *name;
	maze_u32 number;
	size_t i;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(events, sizeof(events), "%s/events/syscalls", directory);
	pid = fork();
	if (!pid) {
		/* The mount ends with this process. */
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("tracefs", directory, "tracefs", 0, NULL))
			_exit(77);
		for (number = 0; number < CALL_NUMBERS; number++) {
			name = system_call_name(number);
			for (i = 0; name && i < 2; i++)
				if (!strcmp(name, other_names[i][0]))
					name = other_names[i][1];
			if (!name || !read_description(events, name, argument))
				continue;
			is_descriptor = !strchr(argument, '*') &&
					(strstr(argument, "fd") || strstr(argument, "fildes") ||
					 strstr(argument, "mqdes"));
			checked++;
			if (is_descriptor == system_call_has_descriptor(number))
				continue;
			print_message("%s: the kernel has \"%s\"\n", name, argument);
			wrong++;
		}
		print_message("# %d calls compared\n", checked);
		_exit(wrong ? 1 : checked < 100 ? 77 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rmdir(directory);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip_because("the kernel's description of its calls cannot be read");
	assert_int_equal(status, 0);
}

/* ---- the budget ------------------------------------------------------------------------ */

/* A hundred runaways at once, for ever: each turn wants a slice if it may have one. */
static void the_budget_bounds_the_attached_time(void **state)
{
	const maze_u64 turn_ns = 10 * MS, turns = 100000;
	maze_u64 now = 1, attached_ns = 0, used, i;
	struct attach_budget budget;
	bool is_attached = false;

	(void)state;
	attach_budget_init(&budget, now);
	for (i = 0; i < turns; i++) {
		/* Now and then the caller is late. */
		used = i % 1000 ? turn_ns : 50 * turn_ns;
		now += used;
		attached_ns += is_attached ? used : 0;
		attach_budget_step(&budget, now, is_attached ? used : 0);
		if (is_attached && attach_budget_is_spent(&budget))
			is_attached = false;
		else if (!is_attached && attach_budget_may_begin(&budget))
			is_attached = true;
		assert_true((long long)attached_ns <= ATTACH_BURST_NS +
							      (long long)(now / ATTACH_PART) +
							      50 * (long long)turn_ns);
	}
	/* It is not far below either. */
	assert_true(attached_ns > now / ATTACH_PART * 9 / 10);
	/* A pause of a day does not save up more than the burst. */
	attach_budget_step(&budget, now + 86400 * MAZE_NSEC_PER_SEC, 0);
	assert_true(budget.left_ns == ATTACH_BURST_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_the_headers),
		cmocka_unit_test(descriptors_are_those_of_the_kernel),
		cmocka_unit_test(the_budget_bounds_the_attached_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
