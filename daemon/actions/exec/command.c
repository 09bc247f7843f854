/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of a command:
 *
 *	runs ──timeout──► terminating (SIGTERM) ──grace time──► killed (SIGKILL)
 *	  └──────────────────────┴──── it ends ────────────────────┘
 *	                                 │ mazed kills all its processes
 *	                                 ▼
 *	                  ended ──its cgroup is empty──► done
 *
 * mazed reaps a command only after it has killed the command's process group. Until mazed
 * reaps the command, its PID cannot be reused. The PID is also the ID of the group.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "../../../base/error.h"
#include "command_output.h"
#include "command_spawn.h"

/* Timeouts are usually some seconds long, so 10 ms more do not matter. */
#define TIMER_ACCURACY_USEC 10000U
/*
 * Before mazed removes a cgroup, the killed processes in it must end. They need
 * milliseconds, unless they hang in the kernel. So the first of 13 waits is 2 ms, and the
 * last is 8 s.
 */
#define REMOVE_FIRST_USEC 2000U
#define REMOVE_TRIES 12

enum state {
	STATE_RUNS,
	STATE_TERMINATING,
	STATE_KILLED,
	STATE_ENDED,
};

struct command {
	const struct command_host *host;
	struct command_order *order;
	enum state state;
	pid_t pid; /* not reaped before STATE_ENDED */
	int pidfd;
	int failure_fd; /* -1: the result of execve(2) is known */
	bool failed;	/* execve(2) failed */
	struct command_group group;
	struct command_output *output;
	sd_event_source *ended;
	sd_event_source *failure;
	sd_event_source *timer;
	unsigned int remove_tries;
};

/* ---- orders ------------------------------------------------------------------------ */

static void free_strings(char **strings)
{
	size_t i;

	for (i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

void command_order_free(struct command_order *order)
{
	if (!order)
		return;
	free(order->engine);
	free(order->rule);
	free(order->cgroup);
	free_strings(order->argv);
	free_strings(order->env);
	if (order->input_fd >= 0)
		close(order->input_fd);
	if (order->pidfd >= 0)
		close(order->pidfd);
	free(order);
}

static struct log_action action_of(const struct command_order *order)
{
	return (struct log_action){
		.entry = { .record = &order->record,
			   .engine = order->engine,
			   .rule = order->rule,
			   .cgroup = order->cgroup,
			   .unit = &order->unit },
		.action = "exec",
		.quiet = order->quiet,
	};
}

static void report(struct log *log, const struct command_order *order, bool tried, bool applied,
		   const char *text)
{
	struct log_action action = action_of(order);

	action.tried = tried;
	action.applied = applied;
	action.text = text;
	log_act(log, &action);
}

void command_order_begins(struct log *log, const struct command_order *order)
{
	struct log_action action = action_of(order);

	action.pending = true;
	action.text = "";
	log_act(log, &action);
}

void command_order_report(struct log *log, const struct command_order *order, bool tried,
			  const char *text)
{
	report(log, order, tried, false, text);
}

__attribute__((format(printf, 3, 4))) static void log_command(const struct command *command,
							      int priority, const char *format, ...)
{
	char text[256];
	va_list args;

	if (command->order->quiet)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_printf(command->host->log, priority, "exec: %.256s, process %d, %s",
		   command->order->argv[0], command->pid, text);
}

/* ---- signals ----------------------------------------------------------------------- */

/*
 * Sends the signal to the command's process group. Before the child calls setsid(2), it
 * has no group of its own, so only the process gets the signal. Does nothing after the
 * command is reaped.
 */
static void send_signal(const struct command *command, int signal)
{
	if (command->pid <= 1 || command->state == STATE_ENDED)
		return;
	if (kill(-command->pid, signal))
		pidfd_send_signal(command->pidfd, signal, NULL, 0);
}

void command_kill(struct command *command)
{
	if (command->state == STATE_ENDED)
		return;
	command_group_kill(&command->group);
	send_signal(command, SIGKILL);
	/* Before the child calls setsid(2), it has no group, so kill the process too. */
	pidfd_send_signal(command->pidfd, SIGKILL, NULL, 0);
	command->state = STATE_KILLED;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct command *command = userdata;
	char time[64];

	(void)usec;
	if (command->state == STATE_RUNS) {
		command->state = STATE_TERMINATING;
		maze_duration_format(command->order->timeout_ns, time, sizeof(time));
		log_command(command, LOG_WARNING, "takes longer than %s: sent SIGTERM", time);
		send_signal(command, SIGTERM);
		sd_event_source_set_time_relative(source,
						  command->host->grace_ns / MAZE_NSEC_PER_USEC);
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	} else if (command->state == STATE_TERMINATING) {
		log_command(command, LOG_WARNING,
			    "did not end: killed, with everything that it started");
		command_kill(command);
	}
	return 0;
}

/* ---- end --------------------------------------------------------------------------- */

/* If execve(2) succeeds, the pipe closes. If it fails, the child first writes errno. */
static void report_start(struct command *command)
{
	char text[512];
	ssize_t length;
	int failure = 0;

	if (command->failure_fd < 0)
		return;
	length = read(command->failure_fd, &failure, sizeof(failure));
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	command->failed = length == sizeof(failure);
	if (command->failed)
		snprintf(text, sizeof(text), "could not run %.256s: %s", command->order->argv[0],
			 strerror(failure));
	else
		snprintf(text, sizeof(text), "runs %.256s as process %d", command->order->argv[0],
			 command->pid);
	report(command->host->log, command->order, true, !command->failed, text);
	command->failure = sd_event_source_disable_unref(command->failure);
	close(command->failure_fd);
	command->failure_fd = -1;
}

static int on_failure(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	report_start(userdata);
	return 0;
}

static void report_end(const struct command *command, const siginfo_t *info)
{
	char name[32];

	/* A failure of execve(2) and a termination by mazed are already logged. */
	if (command->failed || command->state != STATE_RUNS || !info->si_pid)
		return;
	if (info->si_code == CLD_EXITED && info->si_status)
		log_command(command, LOG_WARNING, "ended with exit status %d", info->si_status);
	else if (info->si_code != CLD_EXITED)
		log_command(command, LOG_WARNING, "was ended by %s",
			    maze_signal_format(info->si_status, name, sizeof(name)));
}

/*
 * Reaps the command if it has ended, and kills all processes that it started. These may
 * still exist when this function returns. Returns false if the command has not ended.
 */
static bool reap(struct command *command)
{
	siginfo_t info = { 0 };
	int err;

	if (command->state == STATE_ENDED)
		return true;
	err = waitid(P_PIDFD, (id_t)command->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) ? -errno
											: 0;
	/* -ECHILD: the command is already reaped, so its PID may be reused. */
	if (err != -ECHILD && (err || !info.si_pid))
		return false;
	report_start(command);
	report_end(command, &info);
	command_group_kill(&command->group);
	if (info.si_pid)
		send_signal(command, SIGKILL);
	waitid(P_PIDFD, (id_t)command->pidfd, &info, WEXITED | WNOHANG);
	command->state = STATE_ENDED;
	command->ended = sd_event_source_disable_unref(command->ended);
	command_output_finish(command->output, command->order->quiet);
	command->output = NULL;
	return true;
}

bool command_is_over(struct command *command)
{
	return reap(command) && command_group_remove(command->host->groups, &command->group);
}

/* Removes the cgroup if it is empty. Else tries again, after twice the last wait. */
static int on_remove(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct command *command = userdata;
	uint64_t wait_usec;

	(void)usec;
	if (command_is_over(command)) {
		command->host->done(command->host->userdata, command);
		return 0;
	}
	if (command->remove_tries++ == REMOVE_TRIES) {
		log_command(command, LOG_WARNING, "left a process that cannot be killed in %s",
			    command->group.name);
		command->host->done(command->host->userdata, command);
		return 0;
	}
	/* A process may have forked while it was killed, so kill its children too. */
	command_group_kill(&command->group);
	wait_usec = (uint64_t)REMOVE_FIRST_USEC << command->remove_tries;
	sd_event_source_set_time_relative(source, wait_usec);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct command *command = userdata;
	int err;

	(void)source;
	(void)fd;
	(void)events;
	if (!reap(command))
		return 0;
	command->timer = sd_event_source_disable_unref(command->timer);
	if (!command_is_over(command)) {
		err = sd_event_add_time_relative(command->host->event, &command->timer,
						 CLOCK_MONOTONIC, REMOVE_FIRST_USEC, 1, on_remove,
						 command);
		if (err >= 0)
			return 0;
	}
	command->host->done(command->host->userdata, command);
	return 0;
}

void command_free(struct command *command)
{
	if (!command)
		return;
	sd_event_source_disable_unref(command->ended);
	sd_event_source_disable_unref(command->failure);
	sd_event_source_disable_unref(command->timer);
	command_output_free(command->output);
	if (command->pidfd >= 0)
		close(command->pidfd);
	if (command->failure_fd >= 0)
		close(command->failure_fd);
	if (command->group.fd >= 0)
		close(command->group.fd);
	command_order_free(command->order);
	free(command);
}

/* ---- start ------------------------------------------------------------------------- */

/* Moves a descriptor to a number above those that the child will use. */
static int move_up(int *fd)
{
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, COMMAND_PIDFD + 1);

	if (moved < 0)
		return -errno;
	close(*fd);
	*fd = moved;
	return 0;
}

/* Only the reading end is non-blocking. The command's end must block as usual. */
static int make_pipe(int ret_ends[2])
{
	int ends[2], err = 0;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK))
		err = -errno;
	if (!err)
		err = move_up(&ends[1]);
	if (err) {
		close(ends[0]);
		close(ends[1]);
		return err;
	}
	memcpy(ret_ends, ends, sizeof(ends));
	return 0;
}

static int spawn(struct command *command, int output_fd, int failure_fd)
{
	struct command_order *order = command->order;
	struct command_spawn spawn = {
		.argv = order->argv,
		.env = order->env,
		.output_fd = output_fd,
		.failure_fd = failure_fd,
		.cgroup_fd = -1,
	};
	int err = move_up(&order->input_fd);

	if (!err && order->pidfd >= 0)
		err = move_up(&order->pidfd);
	if (err)
		return err;
	spawn.input_fd = order->input_fd;
	spawn.pidfd = order->pidfd;
	/*
	 * Without a cgroup, the command still runs. commands_add() has logged the cause
	 * of -ENOENT.
	 */
	err = command_group_make(command->host->groups, &command->group);
	if (err && err != -ENOENT)
		log_command(command, LOG_WARNING, "has no cgroup: %s", strerror(-err));
	spawn.cgroup_fd = command->group.fd;
	return command_spawn(&spawn, &command->pid, &command->pidfd);
}

static int add_sources(struct command *command)
{
	sd_event *event = command->host->event;
	int err = sd_event_add_io(event, &command->ended, command->pidfd, EPOLLIN, on_end, command);

	if (err >= 0)
		err = sd_event_add_io(event, &command->failure, command->failure_fd, EPOLLIN,
				      on_failure, command);
	if (err >= 0)
		err = sd_event_add_time_relative(event, &command->timer, CLOCK_MONOTONIC,
						 command->order->timeout_ns / MAZE_NSEC_PER_USEC,
						 TIMER_ACCURACY_USEC, on_time, command);
	return err < 0 ? err : 0;
}

/* On failure, undoes the steps that command_free() does not undo. */
static int start(struct command *command)
{
	int output[2] = { -1, -1 }, failure[2] = { -1, -1 }, err;

	err = make_pipe(output);
	if (err)
		return err;
	err = make_pipe(failure);
	if (err) {
		close(output[0]);
		close(output[1]);
		return err;
	}
	command->failure_fd = failure[0];
	err = command_output_new(command->host->event, command->host->log, output[0],
				 command->order->argv[0], &command->output);
	if (err)
		close(output[0]);
	else
		err = spawn(command, output[1], failure[1]);
	close(output[1]);
	close(failure[1]);
	if (err)
		return err;
	err = add_sources(command);
	if (err) {
		/* Without its event sources, mazed would miss the end of the command. */
		command_kill(command);
		waitid(P_PIDFD, (id_t)command->pidfd, &(siginfo_t){ 0 }, WEXITED);
	}
	return err;
}

int command_start(const struct command_host *host, struct command_order *order,
		  struct command **ret_command)
{
	struct command *command = calloc(1, sizeof(*command));
	char text[512];
	int err;

	if (!command) {
		command_order_report(host->log, order, true, "could not run: out of memory");
		command_order_free(order);
		return -ENOMEM;
	}
	command->host = host;
	command->order = order;
	command->pidfd = -1;
	command->failure_fd = -1;
	command->group.fd = -1;
	err = start(command);
	if (err) {
		snprintf(text, sizeof(text), "could not run %.256s: %s", order->argv[0],
			 strerror(-err));
		command_order_report(host->log, order, true, text);
		command_group_remove(host->groups, &command->group);
		command_free(command);
		return err;
	}
	*ret_command = command;
	return 0;
}
