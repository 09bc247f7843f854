/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The facts of running processes, compared with the known facts of this test's children;
 * and no process is mistaken for another, whenever it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/rules/decide.h"
#include "daemon/rules/explain.h"
#include "ring.h"
#include "daemon/rules/subject.h"

/* A child that waits to be killed; it ends with this test in any case. */
static pid_t start_child(const char *comm)
{
	int ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, comm);
		if (write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void the_facts_of_a_process_are_read(void **state)
{
	struct subject_source source;
	char self[PATH_MAX] = "", comm[16] = "";
	struct subject subject;
	pid_t child = start_child("na me\n");
	int err;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	prctl(PR_GET_NAME, comm);
	err = subject_open(child, 0, &source, &subject, NULL);
	if (!err) {
		assert_int_equal(subject.known, 0);
		err = subject_read(&source, FACT_ALL, &subject, NULL);
		subject_close(&source);
	}
	end_child(child);
	assert_int_equal(err, 0);
	assert_int_equal(subject.known, FACT_ALL);
	assert_int_equal(subject.pid, child);
	assert_true(subject.is_main);
	assert_int_equal(subject.uid, getuid());
	assert_int_equal(subject.gid, getgid());
	assert_int_equal(subject.ppid, getpid());
	assert_string_equal(subject.comm, "na me\n");
	assert_string_equal(subject.thread_comm, "na me\n");
	assert_string_equal(subject.parent_comm, comm);
	assert_string_equal(subject.exe, self);
	assert_non_null(strstr(subject.cmdline, "test_subject"));
	/* A kernel without control groups has none. */
	assert_true(!subject.cgroup[0] || subject.cgroup[0] == '/');
}

static void only_requested_facts_become_known(void **state)
{
	struct subject_source source;
	struct subject subject;

	(void)state;
	assert_int_equal(subject_open(getpid(), 0, &source, &subject, NULL), 0);
	assert_int_equal(subject_read(&source, FACT_COMM, &subject, NULL), 0);
	assert_int_equal(subject.known, FACT_COMM);
	assert_int_equal(subject_read(&source, FACT_PARENT, &subject, NULL), 0);
	assert_int_equal(subject.known, FACT_COMM | FACT_PARENT | FACT_IDS);
	assert_int_equal(subject.ppid, getppid());
	subject_close(&source);
	/* A second read changes nothing. */
	subject_close(&source);
}

static void long_command_lines_are_cut(void **state)
{
	struct subject_source source;
	struct subject subject;
	char *argument = calloc(1, 10001);
	int ready[2], status = -1;
	pid_t child;

	(void)state;
	assert_non_null(argument);
	memset(argument, 'x', 10000);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		/* Waits until its standard input ends; sets its own name first. */
		dup2(ready[0], STDIN_FILENO);
		close(ready[0]);
		close(ready[1]);
		execl("/bin/sh", "first", "-c", "read -r line", argument, NULL);
		_exit(1);
	}
	free(argument);
	close(ready[0]);
	status = subject_open(child, 0, &source, &subject, NULL);
	/* Until it runs the shell, its command line is that of this test. */
	while (!status) {
		subject.known = 0;
		status = subject_read(&source, FACT_CMDLINE, &subject, NULL);
		if (status || !strncmp(subject.cmdline, "first", 5))
			break;
	}
	close(ready[1]);
	end_child(child);
	assert_int_equal(status, 0);
	subject_close(&source);
	assert_int_equal(strlen(subject.cmdline), SUBJECT_TEXT_SIZE - 1);
	assert_int_equal(strncmp(subject.cmdline, "first -c read -r line xxx", 25), 0);
}

/* ---- ends ----------------------------------------------------------------------- */

static void a_zombie_is_gone(void **state)
{
	struct subject_source source;
	struct subject subject;
	siginfo_t info;
	pid_t child = start_child("zombie");
	int err;

	(void)state;
	kill(child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	err = subject_open(child, 0, &source, &subject, NULL);
	end_child(child);
	assert_int_equal(err, -ESRCH);
	assert_int_equal(subject_open(child, 0, &source, &subject, NULL), -ESRCH);
}

/* Between open and read: a new process with the number is not this source. */
static void a_process_that_ends_before_the_read_is_gone(void **state)
{
	struct maze_error error = { "" };
	struct subject_source source;
	struct subject subject;
	unsigned int fact;
	pid_t child;

	(void)state;
	for (fact = 1; fact & FACT_ALL; fact <<= 1) {
		child = start_child("short");
		assert_int_equal(subject_open(child, 0, &source, &subject, NULL), 0);
		end_child(child);
		assert_int_equal(subject_read(&source, fact, &subject, &error), -ESRCH);
		assert_int_equal(subject.known, 0);
		assert_non_null(strstr(error.text, "has ended"));
		subject_close(&source);
	}
}

static void *kill_soon(void *arg)
{
	const pid_t *child = arg;

	usleep((unsigned int)(*child % 7) * 50);
	kill(*child, SIGKILL);
	return NULL;
}

/* Killed at any moment: the facts that were read are correct, or there are none. */
static void a_process_that_ends_during_the_read_is_gone_or_right(void **state)
{
	struct subject_source source;
	struct subject subject;
	pthread_t killer;
	int i, err = 0, ended = 0;
	pid_t child;

	(void)state;
	for (i = 0; i < 100; i++) {
		child = start_child("racing");
		assert_int_equal(subject_open(child, 0, &source, &subject, NULL), 0);
		assert_int_equal(pthread_create(&killer, NULL, kill_soon, &child), 0);
		do {
			subject.known = 0;
			err = subject_read(&source, FACT_ALL, &subject, NULL);
			if (!err &&
			    (strcmp(subject.comm, "racing") != 0 || subject.ppid != getpid()))
				err = 1;
		} while (!err);
		pthread_join(killer, NULL);
		waitpid(child, NULL, 0);
		subject_close(&source);
		assert_int_equal(err, -ESRCH);
		ended++;
	}
	assert_int_equal(ended, 100);
}

/* A grandchild whose parent is named "middle"; returns both, or fails. */
static pid_t start_grandchild(pid_t *ret_middle)
{
	int ready[2];
	pid_t grandchild = -1;

	assert_int_equal(pipe(ready), 0);
	*ret_middle = fork();
	assert_true(*ret_middle >= 0);
	if (!*ret_middle) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "middle");
		grandchild = fork();
		if (!grandchild) {
			/*
			 * Its parent will be killed: only a timeout can end it if this
			 * test fails.
			 */
			prctl(PR_SET_NAME, "orphan");
			alarm(240);
		} else if (write(ready[1], &grandchild, sizeof(grandchild)) < 0) {
			_exit(1);
		}
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	close(ready[0]);
	return grandchild;
}

/* Whenever its parent dies, the name belongs to the parent's number that was read. */
static void a_parent_is_never_taken_for_another(void **state)
{
	struct subject_source source;
	struct subject subject;
	pid_t middle, grandchild;
	char comm[16] = "";
	pthread_t killer;
	int i, err, wrong = 0, adopted = 0;

	(void)state;
	prctl(PR_GET_NAME, comm);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	for (i = 0; i < 100 && !wrong; i++) {
		grandchild = start_grandchild(&middle);
		err = subject_open(grandchild, 0, &source, &subject, NULL);
		pthread_create(&killer, NULL, kill_soon, &middle);
		do {
			subject.known = 0;
			err = err ? err : subject_read(&source, FACT_PARENT, &subject, NULL);
			if (err || strcmp(subject.parent_comm,
					  subject.ppid == middle ? "middle" : comm) != 0)
				wrong++;
		} while (!wrong && subject.ppid == middle);
		adopted += subject.ppid == getpid();
		pthread_join(killer, NULL);
		subject_close(&source);
		end_child(middle);
		end_child(grandchild);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(adopted, 100);
}

/* ---- threads ---------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	pthread_barrier_t named, done;
	pid_t tid;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	prctl(PR_SET_NAME, "worker-1");
	worker->tid = gettid();
	pthread_barrier_wait(&worker->named);
	pthread_barrier_wait(&worker->done);
	return NULL;
}

static void a_thread_has_its_own_name(void **state)
{
	struct maze_error error = { "" };
	struct subject_source source;
	struct subject subject;
	struct worker worker;
	time_t until;
	char path[64];

	(void)state;
	pthread_barrier_init(&worker.named, NULL, 2);
	pthread_barrier_init(&worker.done, NULL, 2);
	assert_int_equal(pthread_create(&worker.thread, NULL, work, &worker), 0);
	pthread_barrier_wait(&worker.named);
	assert_int_equal(subject_open(getpid(), worker.tid, &source, &subject, NULL), 0);
	assert_int_equal(subject_read(&source, FACT_ALL, &subject, NULL), 0);
	assert_false(subject.is_main);
	assert_string_equal(subject.thread_comm, "worker-1");
	assert_string_not_equal(subject.comm, "worker-1");
	assert_int_equal(subject.ppid, getppid());
	/* A thread's number is not a process's number. */
	assert_int_equal(subject_open(worker.tid, 0, &(struct subject_source){ 0 },
				      &(struct subject){ 0 }, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "thread"));
	pthread_barrier_wait(&worker.done);
	pthread_join(worker.thread, NULL);
	/* The kernel removes it from /proc after pthread_join(3) returns. */
	snprintf(path, sizeof(path), "/proc/self/task/%d", worker.tid);
	for (until = time(NULL) + 60; !access(path, F_OK) && time(NULL) < until;)
		usleep(1000);
	subject.known = 0;
	assert_int_equal(subject_read(&source, FACT_THREAD, &subject, NULL), -ESRCH);
	assert_int_equal(subject_read(&source, FACT_COMM, &subject, NULL), -ESRCH);
	subject_close(&source);
	pthread_barrier_destroy(&worker.named);
	pthread_barrier_destroy(&worker.done);
}

static void an_unknown_process_is_an_error(void **state)
{
	struct subject_source source;
	struct maze_error error = { "" };
	struct subject subject;

	(void)state;
	/* Above the highest possible limit of process numbers. */
	assert_int_equal(subject_open(4194305, 0, &source, &subject, &error), -ESRCH);
	assert_non_null(strstr(error.text, "4194305"));
	assert_int_equal(subject_open(getpid(), 4194305, &source, &subject, NULL), -ESRCH);
	assert_int_equal(subject_open(-1, 0, &source, &subject, NULL), -EINVAL);
}

/* ---- with rules -------------------------------------------------------------------- */

static struct rules *rules_of(const char *text)
{
	struct problems problems;
	struct rules *rules = NULL;
	int err;

	problems_init(&problems);
	err = rules_parse("t.conf", text, strlen(text), &rules, &problems);
	problems_done(&problems);
	assert_int_equal(err, 0);
	return rules;
}

static void a_decision_reads_only_needed_facts(void **state)
{
	struct rules *rules = rules_of("[rule a]\ncomm = absent\ncmdline = *x\n"
				       "[rule b]\ncomm = decided\nparent = *\n[rule c]\n");
	const struct rule *rule = NULL;
	struct subject_source source;
	struct subject subject;
	pid_t child = start_child("decided");
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);
	int err, explained;

	(void)state;
	assert_non_null(out);
	err = subject_open(child, 0, &source, &subject, NULL);
	if (!err) {
		err = decide(rules, MAZE_SCOPE_THREAD, &source, &subject, &rule, NULL);
		subject_close(&source);
	}
	explained = explain_process(out, rules, child, 0, NULL);
	fclose(out);
	end_child(child);
	assert_int_equal(err, 0);
	assert_ptr_equal(rule, &rules->rules[1]);
	assert_int_equal(subject.known, FACT_COMM | FACT_PARENT | FACT_IDS);
	assert_int_equal(explained, 0);
	assert_non_null(strstr(printed, "rule b: the thread is watched\n"));
	assert_int_equal(explain_process(stderr, rules, child, 0, NULL), -ESRCH);
	free(printed);
	rules_free(rules);
}

static char *explained(const struct rules *rules, pid_t pid, pid_t tid)
{
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	assert_non_null(out);
	assert_int_equal(explain_process(out, rules, pid, tid, NULL), 0);
	fclose(out);
	return printed;
}

static void an_unwatchable_process_is_not_reported_as_watched(void **state)
{
	struct rules *rules = rules_of("[rule all]\n");
	pid_t tid;
	char *printed;
	int ring;

	(void)state;
	printed = explained(rules, 1, 0);
	assert_non_null(strstr(printed, "it is the init process: it is never watched"));
	assert_null(strstr(printed, "the thread is watched"));
	free(printed);
	tid = ring_thread(&ring);
	printed = explained(rules, getpid(), tid);
	close(ring);
	assert_non_null(strstr(printed, "created in the process (io_uring, vhost), which takes no "
					"signals: it is never watched"));
	assert_null(strstr(printed, "the thread is watched"));
	free(printed);
	printed = explained(rules, getpid(), 0);
	assert_non_null(strstr(printed, "rule all: the thread is watched"));
	free(printed);
	rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_facts_of_a_process_are_read),
		cmocka_unit_test(only_requested_facts_become_known),
		cmocka_unit_test(long_command_lines_are_cut),
		cmocka_unit_test(a_zombie_is_gone),
		cmocka_unit_test(a_process_that_ends_before_the_read_is_gone),
		cmocka_unit_test(a_process_that_ends_during_the_read_is_gone_or_right),
		cmocka_unit_test(a_parent_is_never_taken_for_another),
		cmocka_unit_test(a_thread_has_its_own_name),
		cmocka_unit_test(an_unknown_process_is_an_error),
		cmocka_unit_test(a_decision_reads_only_needed_facts),
		cmocka_unit_test(an_unwatchable_process_is_not_reported_as_watched),
	};

	return cmocka_run_group_tests_name("subject", tests, NULL, NULL);
}
