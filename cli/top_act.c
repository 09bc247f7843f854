/* SPDX-License-Identifier: GPL-2.0-only */
/* What the keys of maze top do to processes, and the commands that they show in a pager. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/proc_files.h"
#include "groups.h"
#include "report/incident_dir.h"
#include "top.h"

static bool is_cgroup(const struct top_row *row)
{
	return maze_policy_scope(row->entry.flags) == MAZE_SCOPE_CGROUP;
}

/* The selected row of the table. NULL after a message. */
static const struct top_row *selected_row(struct top *top)
{
	const struct top_row *row = top->on_verdicts ? NULL : top_view_selected(&top->view);

	if (!row)
		maze_fail(&top->message, 0, "select a row of the table first");
	return row;
}

/* ---- signals ------------------------------------------------------------------------ */

/* Opens the process of the row, and not another one with its PID. */
static int open_target(const struct top_row *row, struct top_target *target,
		       struct maze_error *error)
{
	pid_t pid = (pid_t)row->entry.pid;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), dir = -ESRCH;
	maze_u64 start = 0;

	if (pidfd >= 0)
		dir = proc_open_process(pid, pidfd);
	if (dir < 0 || proc_start_ticks(dir, &start) || start != row->start_ticks) {
		if (dir >= 0)
			close(dir);
		if (pidfd >= 0)
			close(pidfd);
		return maze_fail(error, -ESRCH, "process %d has ended", (int)pid);
	}
	memset(target->name, 0, sizeof(target->name));
	proc_thread_comm(dir, pid, target->name);
	close(dir);
	target->pidfd = pidfd;
	target->pid = pid;
	return 0;
}

void top_act_choose(struct top *top)
{
	const struct top_row *row = selected_row(top);

	if (!row)
		return;
	if (is_cgroup(row)) {
		maze_fail(&top->message, 0,
			  "a control group gets no signal here; select a process in it");
		return;
	}
	if (open_target(row, &top->target, &top->message))
		return;
	snprintf(top->input, sizeof(top->input), "TERM");
	top->mode = TOP_MODE_SIGNAL;
}

void top_act_cancel(struct top *top)
{
	if (top->target.pidfd >= 0)
		close(top->target.pidfd);
	top->target.pidfd = -1;
	top->mode = TOP_MODE_TABLE;
}

void top_act_send(struct top *top)
{
	const struct top_target *target = &top->target;
	char name[32];
	int err = 0;

	maze_signal_format(target->signal, name, sizeof(name));
	if (syscall(SYS_pidfd_send_signal, target->pidfd, target->signal, NULL, 0))
		err = errno;
	if (err)
		maze_fail(&top->message, 0, "cannot send %s to %s[%d]: %s", name, target->name,
			  (int)target->pid, err == ESRCH ? "it has ended" : strerror(err));
	else
		maze_fail(&top->message, 0, "sent %s to %s[%d]", name, target->name,
			  (int)target->pid);
	top_act_cancel(top);
}

void top_act_thaw(struct top *top)
{
	const struct top_row *row = selected_row(top);
	struct mazed_client *client = &top->data.client;
	json_t *request;

	if (!row)
		return;
	if (!top->data.is_connected) {
		maze_fail(&top->message, 0, "only mazed thaws, and mazed is not running");
		return;
	}
	client->error = &top->message;
	request = is_cgroup(row) ? cgroup_request(client, "thaw", row->name)
				 : mazed_request(client, "thaw", (pid_t)row->entry.pid, 0);
	if (mazed_call(client, request))
		maze_fail(&top->message, 0, "thawed %s", row->name);
	top->due = true;
}

/* ---- commands in a pager ------------------------------------------------------------ */

/* Executes a command of maze with its output in a pager. Does not return. */
static void execute(char **argv, bool is_pager, const int ends[2])
{
	char *pager = getenv("PAGER"), *shell[] = { "sh", "-c", NULL, NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!is_pager) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	dup2(ends[0], STDIN_FILENO);
	shell[2] = pager && pager[0] ? pager : "less 2> /dev/null || more";
	execv("/bin/sh", shell);
	_exit(127);
}

static void show(struct top *top, char **argv)
{
	int ends[2], status = 0;
	pid_t children[2];
	int i;

	if (pipe2(ends, O_CLOEXEC)) {
		maze_fail(&top->message, 0, "cannot make a pipe: %s", strerror(errno));
		return;
	}
	top_screen_suspend();
	for (i = 0; i < 2; i++) {
		children[i] = fork();
		if (!children[i])
			execute(argv, i == 1, ends);
	}
	close(ends[0]);
	close(ends[1]);
	for (i = 0; i < 2; i++)
		while (children[i] > 0 && waitpid(children[i], &status, 0) < 0 && errno == EINTR)
			;
	top_screen_resume();
	if (children[0] < 0 || children[1] < 0)
		maze_fail(&top->message, 0, "cannot start a process");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		maze_fail(&top->message, 0, "cannot run the pager; set PAGER");
	top->due = top->returned = true;
}

void top_act_why(struct top *top)
{
	const struct top_row *row = selected_row(top);
	char id[16];

	if (!row)
		return;
	if (is_cgroup(row)) {
		maze_fail(&top->message, 0, "maze why looks at a process; select one");
		return;
	}
	snprintf(id, sizeof(id), "%u", row->entry.tid);
	show(top, (char *[]){ "maze", "why", id, NULL });
}

/* The part of an incident's ID behind its time, of the selected row or verdict. */
static bool incident_part(struct top *top, char part[INCIDENT_PART_MAX])
{
	const struct maze_record *record = top->on_verdicts ? top_verdict(top, top->verdict) : NULL;
	const struct top_row *row = record ? NULL : selected_row(top);
	maze_u32 scope;

	if (!record && !row)
		return false;
	top->message.text[0] = '\0';
	scope = record ? maze_record_scope(record) : maze_policy_scope(row->entry.flags);
	incident_id_part(scope ? maze_policy_scope_name(scope) : NULL,
			 record ? record->pid : row->entry.pid,
			 record ? record->tid : row->entry.tid,
			 record ? record->cgroup_id : row->cgroup_id, part);
	return true;
}

void top_act_report(struct top *top)
{
	const char *path = top->options->incidents ? top->options->incidents : MAZE_INCIDENT_DIR;
	struct incident_dir dir;
	char part[INCIDENT_PART_MAX], *id = NULL;
	size_t i;

	if (!incident_part(top, part) || incident_dir_open(path, &dir, &top->message))
		return;
	for (i = dir.count; i-- && !id;)
		if (strstr(dir.ids[i], part))
			id = strdup(dir.ids[i]);
	incident_dir_close(&dir);
	if (id)
		show(top, (char *[]){ "maze", "report", "--incidents", (char *)path, id, NULL });
	else
		maze_fail(&top->message, 0, "%s has no incident of it", path);
	free(id);
}
