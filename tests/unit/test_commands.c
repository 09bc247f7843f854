/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The action exec with real commands, which are scripts that this test writes. Each
 * process of a command holds a FIFO open; its end shows that the last one has ended,
 * whatever process numbers they had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <poll.h>

#include "acting.h"

static struct cgroup_fs cgroups = { .fd = -1 };
static char exec_cgroup[64]; /* "": not available */

static int start_in_cgroup(void **state)
{
	return start_acting_in(state, exec_cgroup[0] ? exec_cgroup : NULL);
}

static int start_without_cgroup(void **state)
{
	return start_acting_in(state, NULL);
}

/* ---- scripts --------------------------------------------------------------------------- */

/* Writes an executable to the test's directory; its path is valid until the next call. */
static char *script(const struct acting *acting, const char *name, const char *text)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", acting->directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\ncd %s || exit 99\n%s", acting->directory, text);
	assert_int_equal(fchmod(fileno(file), 0700), 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *file_of(const struct acting *acting, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", acting->directory, name);
	return path;
}

static void run_on(struct acting *acting, char *path, const struct maze_record *record, int pidfd,
		   maze_u64 timeout_ns)
{
	char *words[] = { path, (char *)"an argument", (char *)"$(reboot)", NULL };
	struct stage_actions stage = { .exec = { .items = words, .count = 3 } };
	struct act_on on = act_on_of(record, &stage, pidfd);

	on.exec_timeout_ns = timeout_ns;
	actions_perform(acting->actions, &on);
}

/* A program without a shell: a shell would add descriptors and signals of its own. */
static void run_program(struct acting *acting, char **words, size_t count)
{
	struct stage_actions stage = { .exec = { .items = words, .count = count } };
	struct maze_record record = record_of(4000001, 4000001);

	act(acting, &record, &stage, -1);
}

/* The record is about a process that has ended. */
static void run(struct acting *acting, char *path, maze_u64 timeout_ns)
{
	struct maze_record record = record_of(4000001, 4000001);

	run_on(acting, path, &record, -1, timeout_ns);
}

static bool any_commands(const struct acting *acting)
{
	unsigned int running, waiting;

	actions_commands(acting->actions, &running, &waiting);
	assert_true(running <= 8);
	return running || waiting;
}

/* Runs the loop until no command runs or waits. */
static void finish(struct acting *acting)
{
	while (any_commands(acting))
		if (sd_event_run(acting->event, ACTING_WAIT_USEC) <= 0)
			fail_msg("no progress within a minute; the log:\n%s",
				 read_text(acting->log_path));
}

static int open_fifo(const struct acting *acting)
{
	const char *path = file_of(acting, "fifo");
	int fd;

	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Runs the loop until so many bytes have come; false: the command ended before. */
static bool received_bytes(struct acting *acting, int fd, unsigned int bytes)
{
	char byte;

	while (bytes) {
		while (bytes && read(fd, &byte, 1) == 1)
			bytes--;
		if (bytes && !any_commands(acting))
			return false;
		if (bytes)
			sd_event_run(acting->event, 1000);
	}
	return true;
}

/*
 * Runs the script with a timeout that starts when it is ready, which it reports by so
 * many bytes: a short timeout could expire before that on a busy machine. The alarm
 * bounds it.
 */
static void run_until_ready(struct acting *acting, char *path, int fd, unsigned int bytes)
{
	maze_u64 timeout_ns = 100 * MAZE_NSEC_PER_MSEC;
	char byte;

	do {
		while (read(fd, &byte, 1) == 1)
			;
		timeout_ns *= 2;
		run(acting, path, timeout_ns);
	} while (!received_bytes(acting, fd, bytes));
}

/* Every process that held the FIFO has ended or is ending in the kernel. */
static void assert_all_are_gone(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char byte;

	assert_int_equal(poll(&poll_fd, 1, (int)(ACTING_WAIT_USEC / 1000)), 1);
	assert_int_equal(read(fd, &byte, 1), 0);
}

/* ---- the environment of a command --------------------------------------------------- */

static void assert_line(const char *text, const char *line)
{
	size_t length = strlen(line);
	const char *at;

	for (at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, line, length) && (at[length] == '\n' || !at[length]))
			return;
	fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void a_command_gets_the_record_and_nothing_else(void **state)
{
	/* Those that any record of a thread may have. */
	static const char *const names[] = {
		"PATH",		  "MAZE_TIME",	    "MAZE_EVENT",   "MAZE_PID",
		"MAZE_TID",	  "MAZE_COMM",	    "MAZE_UID",	    "MAZE_CGROUP_ID",
		"MAZE_COUNT_NS",  "MAZE_LIMIT_NS",  "MAZE_SIGNAL",  "MAZE_SENT",
		"MAZE_NOT_SENT",  "MAZE_FATAL",	    "MAZE_USED_NS", "MAZE_ASLEEP_NS",
		"MAZE_SLEEPS",	  "MAZE_SHADOW",    "MAZE_TRIPPED", "MAZE_ENGINE",
		"MAZE_CPU",	  "MAZE_EPISODE",   "MAZE_RULE",    "MAZE_UNIT",
		"MAZE_USER_UNIT", "MAZE_PIDFD",	    "MAZE_EXE",	    "MAZE_CGROUP",
		"MAZE_POD",	  "MAZE_CONTAINER",
	};
	struct acting *acting = *state;
	struct maze_record record;
	struct victim victim;
	char line[64], *text, *at;
	json_t *object;
	size_t i;

	setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	start_victim(&victim);
	record = record_of(victim.pid, victim.tid);
	/* Read from the kernel, since the shell adds variables to its environment. */
	run_on(acting,
	       script(acting, "tell",
		      "tr '\\0' '\\n' < /proc/$$/environ > env\ncat > input\n"
		      "printf '%s\\n' \"$#\" \"$1\" \"$2\" > arguments\n"
		      "cat /proc/self/fdinfo/3 > pidfd\n"),
	       &record, victim.pidfd, 60 * MAZE_NSEC_PER_SEC);
	finish(acting);
	end_victim(&victim);

	text = read_text(file_of(acting, "env"));
	assert_line(text, "MAZE_EVENT=soft");
	assert_line(text, "MAZE_COMM=vic\\x0atim");
	assert_line(text, "MAZE_SIGNAL=SIGXCPU");
	assert_line(text, "MAZE_RULE=a-rule");
	snprintf(line, sizeof(line), "MAZE_PID=%d", victim.pid);
	assert_line(text, line);
	for (at = strtok(text, "\n"); at; at = strtok(NULL, "\n")) {
		at[strcspn(at, "=")] = '\0';
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(at, names[i]))
				break;
		if (i == sizeof(names) / sizeof(names[0]))
			fail_msg("the command has the unexpected variable %s", at);
	}
	assert_string_equal(read_text(file_of(acting, "arguments")), "2\nan argument\n$(reboot)\n");
	snprintf(line, sizeof(line), "Pid:\t%d", victim.pid);
	assert_line(read_text(file_of(acting, "pidfd")), line);
	object = json_loads(read_text(file_of(acting, "input")), 0, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "event")), "soft");
	assert_string_equal(json_string_value(json_object_get(object, "rule")), "a-rule");
	assert_int_equal(json_integer_value(json_object_get(object, "pid")), victim.pid);
	json_decref(object);
	assert_logged(acting, "\"action\":\"exec\",\"tried\":true,\"applied\":true");
}

/* The defaults of a new process. */
static void a_command_has_default_signals_and_descriptors(void **state)
{
	struct acting *acting = *state;
	char *copy[] = { (char *)"/bin/cp",	    (char *)"/proc/self/status",
			 (char *)"/proc/self/stat", (char *)"/proc/self/oom_score_adj",
			 acting->directory,	    NULL };
	char *list[] = { (char *)"/bin/ls", (char *)"/proc/self/fd", NULL };
	int pid, parent, group, session;
	sigset_t blocked, before;
	char *text;

	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	/* A descriptor without close-on-exec. */
	assert_int_equal(dup2(STDERR_FILENO, 55), 55);
	run_program(acting, copy, 5);
	run_program(acting, list, 2);
	finish(acting);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	close(55);
	text = read_text(file_of(acting, "status"));
	assert_line(text, "SigBlk:\t0000000000000000");
	assert_line(text, "SigIgn:\t0000000000000000");
	assert_string_equal(read_text(file_of(acting, "oom_score_adj")), "0\n");
	text = read_text(file_of(acting, "stat"));
	assert_int_equal(sscanf(text, "%d (cp) R %d %d %d", &pid, &parent, &group, &session), 4);
	assert_int_equal(group, pid);
	assert_int_equal(session, pid);
	assert_int_equal(parent, getpid());
	/* The fourth descriptor is the listed directory. */
	assert_logged(acting, "exec: /bin/ls: 3");
	assert_int_equal(count_logged(acting, "exec: /bin/ls: "), 4);
}

/* ---- number and time ---------------------------------------------------------------- */

static void a_hundred_verdicts_never_run_more_than_the_limit(void **state)
{
	struct acting *acting = *state;
	char *path = script(acting, "count",
			    "mkdir \"run.$$\"\nls -d run.* | wc -l >> counts\n"
			    "read -r x < /proc/sys/kernel/random/uuid\nrmdir \"run.$$\"\n");
	unsigned int i, most = 0, lines = 0;
	char *text, *line;

	for (i = 0; i < 100; i++)
		run(acting, path, 60 * MAZE_NSEC_PER_SEC);
	finish(acting);
	text = read_text(file_of(acting, "counts"));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		lines++;
		if (strtoul(line, NULL, 10) > most)
			most = (unsigned int)strtoul(line, NULL, 10);
	}
	/* Eight run and 64 wait before the loop has run. */
	assert_int_equal(lines, 72);
	assert_true(most <= 8);
	assert_int_equal(count_logged(acting, "did not run"), 1);
	assert_logged(acting, "did not run");
	assert_logged(acting, "28 commands were not run");
	assert_int_equal(count_logged(acting, "\"applied\":true"), 72);
}

/*
 * Ignores SIGTERM, and has children that do so as well: one child, one with a child of
 * its own, and, where a control group holds them, one in another session. All end when
 * the directory of the test is removed, so that a failing mazed leaves none behind.
 */
#define STUBBORN                                                                                   \
	"trap '' TERM\nexec 9> fifo\n"                                                             \
	"(printf x >&9; while [ -p fifo ]; do sleep 1; done) &\n"                                  \
	"(printf x >&9; (printf x >&9; while [ -p fifo ]; do sleep 1; done) & wait) &\n"

static void end_of_the_stubborn(struct acting *acting, const char *text, unsigned int processes)
{
	int fifo = open_fifo(acting);

	run_until_ready(acting, script(acting, "stubborn", text), fifo, processes);
	finish(acting);
	assert_all_are_gone(fifo);
	close(fifo);
	assert_logged(acting, ": sent SIGTERM");
	assert_logged(acting, "did not end: killed");
}

static void the_timeout_ends_a_process_group(void **state)
{
	end_of_the_stubborn(*state, STUBBORN "printf x >&9\nwhile [ -p fifo ]; do sleep 1; done\n",
			    4);
}

static void the_timeout_ends_a_control_group(void **state)
{
	if (!exec_cgroup[0])
		skip_because("%s", no_cgroup_why);
	end_of_the_stubborn(*state,
			    STUBBORN "setsid sh -c 'trap \"\" TERM; printf x >&9; "
				     "while [ -p fifo ]; do sleep 1; done' &\n"
				     "printf x >&9\nwhile [ -p fifo ]; do sleep 1; done\n",
			    5);
}

static void processes_that_a_command_leaves_are_killed(void **state)
{
	struct acting *acting = *state;
	int fifo;

	if (!exec_cgroup[0])
		skip_because("%s", no_cgroup_why);
	fifo = open_fifo(acting);
	run(acting,
	    script(acting, "leaves",
		   "exec 9> fifo\nsetsid sh -c 'while [ -p fifo ]; do sleep 1; done' > /dev/null "
		   "2>&1 &\nprintf x >&9\n"),
	    60 * MAZE_NSEC_PER_SEC);
	assert_true(received_bytes(acting, fifo, 1));
	finish(acting);
	assert_all_are_gone(fifo);
	close(fifo);
	assert_int_equal(count_logged(acting, "sent SIGTERM"), 0);
}

/* Commands that end at SIGTERM are not killed. */
static void sigterm_comes_first(void **state)
{
	struct acting *acting = *state;
	int fifo = open_fifo(acting);

	reopen_with_grace(acting, 120 * MAZE_NSEC_PER_SEC);
	run_until_ready(
		acting,
		script(acting, "obeys",
		       "trap 'echo ended > ended; exit 0' TERM\nexec 9> fifo\nprintf x >&9\n"
		       "while [ -p fifo ]; do sleep 0.01; done\n"),
		fifo, 1);
	finish(acting);
	assert_all_are_gone(fifo);
	close(fifo);
	assert_logged(acting, "sent SIGTERM");
	assert_string_equal(read_text(file_of(acting, "ended")), "ended\n");
}

static void mazed_kills_its_commands_at_its_end(void **state)
{
	struct acting *acting = *state;
	int fifo = open_fifo(acting);

	run(acting,
	    script(acting, "stubborn",
		   STUBBORN "printf x >&9\nwhile [ -p fifo ]; do sleep 1; done\n"),
	    60 * MAZE_NSEC_PER_SEC);
	assert_true(received_bytes(acting, fifo, 4));
	actions_close(acting->actions);
	acting->actions = NULL;
	assert_all_are_gone(fifo);
	close(fifo);
}

static void commands_of_a_killed_mazed_are_killed_by_the_next(void **state)
{
	struct acting *acting = *state;
	char path[128];
	int at;
	pid_t child;

	if (!exec_cgroup[0])
		skip_because("%s", no_cgroup_why);
	snprintf(path, sizeof(path), "%s/maze-command-1-1", exec_cgroup);
	assert_int_equal(mkdirat(cgroups.fd, path + 1, 0755), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		alarm(240);
		for (;;)
			pause();
	}
	enter_cgroup(&cgroups, path, child);
	actions_close(acting->actions);
	open_actions(acting);
	assert_int_equal(waitpid(child, &at, 0), child);
	assert_true(WIFSIGNALED(at) && WTERMSIG(at) == SIGKILL);
	remove_cgroup(&cgroups, path);
}

/* ---- messages ----------------------------------------------------------------------- */

static void output_of_a_command_is_logged_to_a_bound(void **state)
{
	struct acting *acting = *state;
	int fifo = open_fifo(acting);
	unsigned int tries;

	run_until_ready(acting,
			script(acting, "flood",
			       "echo first >&2\nprintf 'a\\033[2Jb\\n'\nprintf x > fifo\nwhile [ "
			       "-p fifo ]; "
			       "do echo flooding; done\n"),
			fifo, 1);
	finish(acting);
	assert_logged(acting, "/flood: first");
	/* In JSON the backslash is doubled. */
	assert_logged(acting, "/flood: a\\\\x1b[2Jb");
	assert_logged(acting, "more bytes not shown");
	tries = count_logged(acting, "sent SIGTERM");
	assert_true(count_logged(acting, "flooding") <= 16 * tries);
	assert_true(strlen(read_text(acting->log_path)) < 16384 * tries);
}

static void a_command_that_cannot_run_is_logged(void **state)
{
	struct acting *acting = *state;

	run(acting, (char *)"/nonexistent/command", MAZE_NSEC_PER_SEC);
	finish(acting);
	assert_logged(acting, "\"tried\":true,\"applied\":false");
	assert_logged(acting, "could not run /nonexistent/command: No such file or directory");
	assert_int_equal(count_logged(acting, "exit status"), 0);
}

static void a_command_that_fails_is_logged(void **state)
{
	struct acting *acting = *state;

	run(acting, script(acting, "fails", "exit 3\n"), 60 * MAZE_NSEC_PER_SEC);
	finish(acting);
	assert_logged(acting, "ended with exit status 3");
	run(acting, script(acting, "dies", "kill -9 $$\n"), 60 * MAZE_NSEC_PER_SEC);
	finish(acting);
	assert_logged(acting, "was ended by SIGKILL");
}

static void nothing_is_left_of_commands(void **state)
{
	struct acting *acting = *state;
	unsigned int i, before, after;
	char *path = script(acting, "nothing", "exit 0\n");

	if (!exec_cgroup[0])
		skip_because("%s", no_cgroup_why);
	/*
	 * The first command may open descriptors that stay open: those of the log and the
	 * loop.
	 */
	run(acting, path, 60 * MAZE_NSEC_PER_SEC);
	finish(acting);
	before = (unsigned int)dup(0);
	close((int)before);
	for (i = 0; i < 20; i++)
		run(acting, path, 60 * MAZE_NSEC_PER_SEC);
	finish(acting);
	after = (unsigned int)dup(0);
	close((int)after);
	assert_int_equal(before, after);
	/* No child and no control group is left: the directory can be removed. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(unlinkat(cgroups.fd, exec_cgroup + 1, AT_REMOVEDIR), 0);
	assert_int_equal(mkdirat(cgroups.fd, exec_cgroup + 1, 0755), 0);
}

#define IN_CGROUP(test) cmocka_unit_test_setup_teardown(test, start_in_cgroup, stop_acting)
#define WITHOUT(test) cmocka_unit_test_setup_teardown(test, start_without_cgroup, stop_acting)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CGROUP(a_command_gets_the_record_and_nothing_else),
		WITHOUT(a_command_gets_the_record_and_nothing_else),
		IN_CGROUP(a_command_has_default_signals_and_descriptors),
		WITHOUT(a_hundred_verdicts_never_run_more_than_the_limit),
		IN_CGROUP(a_hundred_verdicts_never_run_more_than_the_limit),
		WITHOUT(the_timeout_ends_a_process_group),
		IN_CGROUP(the_timeout_ends_a_control_group),
		IN_CGROUP(processes_that_a_command_leaves_are_killed),
		WITHOUT(sigterm_comes_first),
		WITHOUT(mazed_kills_its_commands_at_its_end),
		IN_CGROUP(mazed_kills_its_commands_at_its_end),
		IN_CGROUP(commands_of_a_killed_mazed_are_killed_by_the_next),
		IN_CGROUP(output_of_a_command_is_logged_to_a_bound),
		WITHOUT(a_command_that_cannot_run_is_logged),
		WITHOUT(a_command_that_fails_is_logged),
		IN_CGROUP(nothing_is_left_of_commands),
	};
	int failed;

	alarm(240);
	if (cgroup_fs_open(&cgroups, NULL))
		snprintf(no_cgroup_why, sizeof(no_cgroup_why),
			 "no control groups of version 2 that can be written to");
	else if (!make_cgroup(&cgroups, "commands", exec_cgroup))
		exec_cgroup[0] = '\0';
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_cgroups(&cgroups);
	cgroup_fs_close(&cgroups);
	return failed;
}
