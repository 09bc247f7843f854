/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The delivery of a signal (core/delivery.h): the rules of signal(7) and
 * pid_namespaces(7), for signals chosen by name and for a warning.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/delivery.h"

#define KNOWN MAZE_DISPOSITION_KNOWN
#define CATCHES (KNOWN | MAZE_DISPOSITION_CAUGHT)
#define IGNORES (KNOWN | MAZE_DISPOSITION_IGNORED)
#define BLOCKS MAZE_DISPOSITION_BLOCKED
#define INIT MAZE_DISPOSITION_INIT

#define SENT MAZE_RECORD_SENT
#define FATAL (MAZE_RECORD_SENT | MAZE_RECORD_FATAL)

static const struct expected {
	int signal;
	unsigned int disposition;
	unsigned int flags, not_sent;
} by_name[] = {
	{ SIGXCPU, CATCHES, SENT, 0 },
	{ SIGXCPU, KNOWN, FATAL, 0 },
	{ SIGXCPU, IGNORES, 0, MAZE_NOT_SENT_IGNORED },
	{ SIGXCPU, KNOWN | BLOCKS, 0, MAZE_NOT_SENT_BLOCKED },
	{ SIGXCPU, CATCHES | BLOCKS, 0, MAZE_NOT_SENT_BLOCKED },
	{ SIGXCPU, IGNORES | BLOCKS, 0, MAZE_NOT_SENT_BLOCKED },
	{ SIGXCPU, KNOWN | INIT, 0, MAZE_NOT_SENT_INIT },
	{ SIGXCPU, CATCHES | INIT, SENT, 0 },
	/* Without information the signal counts as sent. */
	{ SIGXCPU, 0, SENT, 0 },
	/* Default actions. */
	{ SIGTERM, KNOWN, FATAL, 0 },
	{ SIGABRT, KNOWN, FATAL, 0 },
	{ 64, KNOWN, FATAL, 0 },
	{ SIGCHLD, KNOWN, 0, MAZE_NOT_SENT_IGNORED },
	{ SIGCONT, KNOWN, 0, MAZE_NOT_SENT_IGNORED },
	{ SIGURG, KNOWN, 0, MAZE_NOT_SENT_IGNORED },
	{ SIGWINCH, KNOWN, 0, MAZE_NOT_SENT_IGNORED },
	{ SIGURG, CATCHES, SENT, 0 },
	{ SIGTSTP, KNOWN, SENT, 0 },
	{ SIGTTIN, KNOWN, SENT, 0 },
	{ SIGTTOU, KNOWN, SENT, 0 },
	/* Neither blocking nor ignoring stops these. */
	{ SIGSTOP, KNOWN | INIT, SENT, 0 },
	{ SIGKILL, KNOWN, FATAL, 0 },
	{ SIGKILL, KNOWN | INIT, FATAL, 0 },
	{ SIGKILL, 0, FATAL, 0 },
};

/* The same to the process: another thread may take a signal that this thread blocks. */
static const struct expected to_process[] = {
	{ SIGQUIT, KNOWN, FATAL, 0 },
	{ SIGQUIT, CATCHES | BLOCKS, SENT, 0 },
	{ SIGQUIT, KNOWN | BLOCKS, SENT, 0 },
	{ SIGQUIT, IGNORES | BLOCKS, SENT, 0 },
	{ SIGQUIT, KNOWN | INIT | BLOCKS, SENT, 0 },
	{ SIGQUIT, IGNORES, 0, MAZE_NOT_SENT_IGNORED },
	{ SIGQUIT, KNOWN | INIT, 0, MAZE_NOT_SENT_INIT },
	{ SIGKILL, KNOWN | BLOCKS, FATAL, 0 },
};

static const struct expected warnings[] = {
	{ SIGXCPU, CATCHES, SENT, 0 },
	{ SIGXCPU, CATCHES | INIT, SENT, 0 },
	/*
	 * A pending signal would outlive the handler: an execve removes handlers and
	 * keeps the mask.
	 */
	{ SIGXCPU, CATCHES | BLOCKS, 0, MAZE_NOT_SENT_BLOCKED },
	{ SIGXCPU, KNOWN, 0, MAZE_NOT_SENT_NO_HANDLER },
	/* Unblocked later, the pending signal would end the process. */
	{ SIGXCPU, KNOWN | BLOCKS, 0, MAZE_NOT_SENT_NO_HANDLER },
	{ SIGXCPU, KNOWN | INIT, 0, MAZE_NOT_SENT_NO_HANDLER },
	{ SIGXCPU, IGNORES, 0, MAZE_NOT_SENT_IGNORED },
	{ SIGXCPU, IGNORES | BLOCKS, 0, MAZE_NOT_SENT_IGNORED },
	{ SIGXCPU, 0, 0, MAZE_NOT_SENT_OTHER },
};

static struct maze_policy policy_of(int signal, unsigned int flags)
{
	struct maze_policy policy = { .flags = flags };

	policy.soft_signal = policy.hard_signal = (maze_u16)signal;
	return policy;
}

static void check(const struct expected *row, unsigned int flags, int hard)
{
	struct maze_policy policy = policy_of(row->signal, flags);
	struct maze_delivery delivery = maze_delivery(&policy, hard, row->disposition, 1);

	if (delivery.flags != row->flags || delivery.not_sent != row->not_sent)
		fail_msg("signal %d treated %x: flags %x, not sent %u", row->signal,
			 row->disposition, delivery.flags, delivery.not_sent);
}

static void named_signals_are_sent_as_they_are(void **state)
{
	struct maze_policy policy;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(by_name) / sizeof(by_name[0]); i++) {
		policy = policy_of(by_name[i].signal, 0);
		check(&by_name[i], 0, 0);
		check(&by_name[i], MAZE_POLICY_WARN, 1);
		assert_false(maze_delivery(&policy, 0, by_name[i].disposition, 1).withheld);
	}
}

static void another_thread_may_take_a_signal_to_the_process(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(to_process) / sizeof(to_process[0]); i++)
		check(&to_process[i], MAZE_POLICY_TO_PROCESS, 0);
}

static void a_warning_goes_only_to_a_handler(void **state)
{
	struct maze_policy policy = policy_of(SIGXCPU, MAZE_POLICY_WARN);
	unsigned int disposition;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
		disposition = warnings[i].disposition;
		check(&warnings[i], MAZE_POLICY_WARN, 0);
		assert_int_equal(maze_delivery(&policy, 0, disposition, 1).withheld,
				 !(disposition & MAZE_DISPOSITION_CAUGHT) ||
					 (disposition & BLOCKS));
	}
}

/* A library program that chose another signal and kept the default's flag. */
static void another_signal_is_not_a_warning(void **state)
{
	struct maze_policy policy = policy_of(SIGTERM, MAZE_POLICY_WARN);

	(void)state;
	assert_int_equal(maze_delivery(&policy, 0, KNOWN, 1).flags, FATAL);
}

static void shadow_reports_the_delivery(void **state)
{
	struct maze_policy policy = policy_of(SIGXCPU, MAZE_POLICY_SHADOW);
	struct maze_delivery delivery = maze_delivery(&policy, 0, KNOWN, 1);

	(void)state;
	assert_true(delivery.withheld);
	assert_int_equal(delivery.flags, MAZE_RECORD_SHADOW | MAZE_RECORD_FATAL);
	delivery = maze_delivery(&policy, 0, CATCHES, 1);
	assert_int_equal(delivery.flags, MAZE_RECORD_SHADOW);
	assert_int_equal(delivery.not_sent, MAZE_NOT_SENT_NONE);
	policy.flags |= MAZE_POLICY_WARN;
	delivery = maze_delivery(&policy, 0, KNOWN, 1);
	assert_int_equal(delivery.flags, MAZE_RECORD_SHADOW);
	assert_int_equal(delivery.not_sent, MAZE_NOT_SENT_NO_HANDLER);
}

static void without_a_signal_nothing_is_sent(void **state)
{
	struct maze_policy policy = policy_of(0, MAZE_POLICY_WARN);
	struct maze_delivery delivery = maze_delivery(&policy, 0, CATCHES, 1);

	(void)state;
	assert_true(delivery.withheld);
	assert_int_equal(delivery.flags, 0);
	assert_int_equal(delivery.not_sent, MAZE_NOT_SENT_NONE);
}

static void a_signal_that_the_kernel_refused_has_a_reason(void **state)
{
	struct maze_policy policy = policy_of(SIGKILL, MAZE_POLICY_INHERIT);
	struct maze_delivery delivery = maze_delivery(&policy, 1, KNOWN, 1);

	(void)state;
	maze_delivery_failed(&delivery, MAZE_NOT_SENT_EXITING);
	assert_int_equal(delivery.flags, 0);
	assert_int_equal(delivery.not_sent, MAZE_NOT_SENT_EXITING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named_signals_are_sent_as_they_are),
		cmocka_unit_test(another_thread_may_take_a_signal_to_the_process),
		cmocka_unit_test(a_warning_goes_only_to_a_handler),
		cmocka_unit_test(another_signal_is_not_a_warning),
		cmocka_unit_test(shadow_reports_the_delivery),
		cmocka_unit_test(without_a_signal_nothing_is_sent),
		cmocka_unit_test(a_signal_that_the_kernel_refused_has_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
