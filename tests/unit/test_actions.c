/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The actions on a thread: renice and idle, on real processes; and what holds for all
 * actions: they act on no other process, do nothing in shadow, and log their result.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <sys/resource.h>

#include "acting.h"

static struct stage_actions stage_of(bool renices, int nice, bool idle)
{
	return (struct stage_actions){ .renices = renices, .renice = nice, .idle = idle };
}

static void the_thread_is_reniced_and_no_other(void **state)
{
	struct stage_actions stage = stage_of(true, 19, false);
	struct acting *acting = *state;
	struct victim victim;
	struct maze_record record;
	int of_thread, of_main;

	start_victim(&victim);
	record = record_of(victim.pid, victim.tid);
	act(acting, &record, &stage, victim.pidfd);
	of_thread = getpriority(PRIO_PROCESS, (id_t)victim.tid);
	of_main = getpriority(PRIO_PROCESS, (id_t)victim.pid);
	end_victim(&victim);
	assert_int_equal(of_thread, 19);
	assert_int_equal(of_main, getpriority(PRIO_PROCESS, 0));
	assert_logged(acting, "\"action\":\"renice\",\"tried\":true,\"applied\":true");
	assert_logged(acting, "has the nice value 19, had ");
}

static void the_thread_is_made_idle_and_no_other(void **state)
{
	struct stage_actions stage = stage_of(false, 0, true);
	struct acting *acting = *state;
	struct victim victim;
	struct maze_record record;
	int of_thread, of_main;

	start_victim(&victim);
	record = record_of(victim.pid, victim.tid);
	act(acting, &record, &stage, victim.pidfd);
	of_thread = sched_getscheduler(victim.tid);
	of_main = sched_getscheduler(victim.pid);
	end_victim(&victim);
	assert_int_equal(of_thread, SCHED_IDLE);
	assert_int_equal(of_main, sched_getscheduler(0));
	assert_logged(acting, "\"action\":\"idle\",\"tried\":true,\"applied\":true");
	assert_logged(acting, "has SCHED_IDLE, had SCHED_");
}

static void an_ended_process_is_skipped_and_logged(void **state)
{
	struct stage_actions stage = stage_of(true, 19, true);
	struct acting *acting = *state;
	struct victim victim;
	struct maze_record record;

	start_victim(&victim);
	record = record_of(victim.pid, victim.pid);
	end_victim_but_pidfd(&victim);
	act(acting, &record, &stage, victim.pidfd);
	act(acting, &record, &stage, -1);
	close(victim.pidfd);
	assert_int_equal(count_logged(acting, "nothing done: the thread has ended"), 2);
	assert_int_equal(count_logged(acting, "nothing done: the process has ended"), 2);
	assert_int_equal(count_logged(acting, "\"tried\":false,\"applied\":false"), 4);
}

/* The number is in use, but by a process that began after the record. */
static void a_thread_with_a_reused_number_is_skipped(void **state)
{
	struct stage_actions stage = stage_of(true, 19, true);
	struct acting *acting = *state;
	struct victim victim;
	struct maze_record record;
	int nice, policy;

	start_victim(&victim);
	record = record_of(victim.pid, victim.tid);
	/* A second is longer than the tick in which start times are counted. */
	record.boot_ns -= boot_now_ns() - victim.began_ns + MAZE_NSEC_PER_SEC;
	act(acting, &record, &stage, victim.pidfd);
	nice = getpriority(PRIO_PROCESS, (id_t)victim.tid);
	policy = sched_getscheduler(victim.tid);
	end_victim(&victim);
	assert_int_equal(nice, getpriority(PRIO_PROCESS, 0));
	assert_int_equal(policy, sched_getscheduler(0));
	assert_int_equal(count_logged(acting, "its TID is reused"), 2);
}

static void an_ended_thread_is_skipped(void **state)
{
	struct stage_actions stage = stage_of(true, 19, false);
	struct acting *acting = *state;
	struct victim victim;
	struct maze_record record;

	start_victim(&victim);
	/* The process exists, but that thread number is not in it. */
	record = record_of(victim.pid, getpid());
	act(acting, &record, &stage, victim.pidfd);
	end_victim(&victim);
	assert_int_not_equal(getpriority(PRIO_PROCESS, 0), 19);
	assert_logged(acting, "nothing done: the thread has ended");
}

static void shadow_does_nothing_and_logs_the_action(void **state)
{
	char *words[] = { (char *)"/bin/true", NULL };
	char *no_words[] = { (char *)"/nonexistent/command", NULL };
	struct stage_actions stage = stage_of(true, 19, true);
	struct acting *acting = *state;
	unsigned int running, waiting;
	struct victim victim;
	struct maze_record record;
	int nice, policy;

	stage.exec = (struct string_list){ .items = words, .count = 1 };
	start_victim(&victim);
	record = record_of(victim.pid, victim.tid);
	record.flags = MAZE_RECORD_SHADOW;
	act(acting, &record, &stage, victim.pidfd);
	stage = (struct stage_actions){ .exec = { .items = no_words, .count = 1 } };
	act(acting, &record, &stage, victim.pidfd);
	nice = getpriority(PRIO_PROCESS, (id_t)victim.tid);
	policy = sched_getscheduler(victim.tid);
	end_victim(&victim);
	actions_commands(acting->actions, &running, &waiting);
	assert_int_equal(running + waiting, 0);
	assert_int_equal(nice, getpriority(PRIO_PROCESS, 0));
	assert_int_equal(policy, sched_getscheduler(0));
	assert_logged(acting, "shadow: would have set the nice value 19, it is ");
	assert_logged(acting, "shadow: would have set SCHED_IDLE, it has SCHED_");
	assert_logged(acting, "shadow: would have run /bin/true");
	assert_logged(acting, "shadow: could not have run /nonexistent/command: No such file");
	assert_int_equal(count_logged(acting, "\"tried\":false,\"applied\":false"), 4);
}

static void an_action_of_a_hidden_record_is_not_logged(void **state)
{
	struct stage_actions stage = stage_of(true, 19, false);
	struct acting *acting = *state;
	struct victim victim;
	struct maze_record record;
	struct act_on on;
	int nice;

	start_victim(&victim);
	record = record_of(victim.pid, victim.tid);
	on = act_on_of(&record, &stage, victim.pidfd);
	on.quiet = true;
	actions_perform(acting->actions, &on);
	nice = getpriority(PRIO_PROCESS, (id_t)victim.tid);
	end_victim(&victim);
	/* The action runs all the same. */
	assert_int_equal(nice, 19);
	assert_int_equal(count_logged(acting, "action"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_thread_is_reniced_and_no_other, start_acting,
						stop_acting),
		cmocka_unit_test_setup_teardown(the_thread_is_made_idle_and_no_other, start_acting,
						stop_acting),
		cmocka_unit_test_setup_teardown(an_ended_process_is_skipped_and_logged,
						start_acting, stop_acting),
		cmocka_unit_test_setup_teardown(a_thread_with_a_reused_number_is_skipped,
						start_acting, stop_acting),
		cmocka_unit_test_setup_teardown(an_ended_thread_is_skipped, start_acting,
						stop_acting),
		cmocka_unit_test_setup_teardown(shadow_does_nothing_and_logs_the_action,
						start_acting, stop_acting),
		cmocka_unit_test_setup_teardown(an_action_of_a_hidden_record_is_not_logged,
						start_acting, stop_acting),
	};

	alarm(240);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
