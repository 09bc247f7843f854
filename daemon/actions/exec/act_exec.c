/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The action `exec` builds the input of a command (the record as JSON) and its
 * environment, without mazed's own variables. commands.c decides when the command runs.
 */
#include "../action.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../base/error.h"
#include "command_spawn.h"
#include "../../log/entry_json.h"
#include "../../../base/escape.h"
#include "../../log/record_fields.h"
#include "../../rules/subject.h"

/* The usual directories, because mazed's own PATH depends on how mazed was started. */
#define COMMAND_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* Enough for the record's fields, PATH, MAZE_EXE, MAZE_CGROUP, MAZE_PIDFD and a NULL. */
#define ENV_MAX (RECORD_FIELDS_MAX + 5)
/* Enough for a variable with the longest path if each byte is escaped as four bytes. */
#define FIELD_SIZE (4 * SUBJECT_TEXT_SIZE + 32)

static bool wanted(const struct stage_actions *stage)
{
	return stage->exec.count;
}

/* ---- input and environment --------------------------------------------------------- */

/* A memfd holds the whole input, so mazed and the command cannot block each other. */
static int make_input(const struct act_on *on, int *ret_fd)
{
	struct log_entry entry = act_entry(on);
	char *text = entry_json(&entry);
	int fd, err = 0;

	if (!text)
		return -ENOMEM;
	fd = memfd_create("maze-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || dprintf(fd, "%s\n", text) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		err = -errno;
	free(text);
	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int add_field(char **env, size_t *count, const char *name, const char *value)
{
	char *field = malloc(FIELD_SIZE);
	size_t length;

	if (!field)
		return -ENOMEM;
	length = (size_t)snprintf(field, FIELD_SIZE, "%s=", name);
	escape_copy(field + length, FIELD_SIZE - length, value);
	env[*count] = strdup(field);
	free(field);
	if (!env[*count])
		return -ENOMEM;
	(*count)++;
	return 0;
}

/* Adds current facts about the process, but leaves out those that cannot be read. */
static int add_facts(char **env, size_t *count, const struct target_thread *target)
{
	struct subject *subject = malloc(sizeof(*subject));
	struct subject_source source;
	int err = 0;

	if (!subject)
		return -ENOMEM;
	if (!subject_open(target->pid, target->tid, &source, subject, NULL)) {
		subject_read(&source, FACT_CGROUP, subject, NULL);
		subject_read(&source, FACT_EXE, subject, NULL);
		subject_close(&source);
	}
	/*
	 * subject_open() used the PID and the TID. If the target still exists, they were
	 * not reused, so the facts are the target's.
	 */
	if (target_thread_exists(target)) {
		if (subject->known & FACT_EXE && subject->exe[0])
			err = add_field(env, count, "MAZE_EXE", subject->exe);
		if (!err && subject->known & FACT_CGROUP && subject->cgroup[0])
			err = add_field(env, count, "MAZE_CGROUP", subject->cgroup);
	}
	free(subject);
	return err;
}

static int fill_env(char **env, const struct act_on *on, const struct target_thread *target)
{
	struct log_entry entry = act_entry(on);
	struct record_fields fields;
	size_t count = 0, i;
	char number[16];
	int err = 0;

	record_fields_format(&entry, &fields);
	env[count] = strdup(COMMAND_PATH);
	if (!env[count++])
		return -ENOMEM;
	for (i = 0; i < fields.count; i++) {
		env[count] = strdup(fields.fields[i]);
		if (!env[count++])
			return -ENOMEM;
	}
	if (target) {
		snprintf(number, sizeof(number), "%d", COMMAND_PIDFD);
		err = add_field(env, &count, "MAZE_PIDFD", number);
		if (!err)
			err = add_facts(env, &count, target);
	}
	return err;
}

/* ---- the order --------------------------------------------------------------------- */

static int copy_list(const struct string_list *list, char ***ret_argv)
{
	char **argv = calloc(list->count + 1, sizeof(*argv));
	size_t i;

	if (!argv)
		return -ENOMEM;
	*ret_argv = argv;
	for (i = 0; i < list->count; i++) {
		argv[i] = strdup(list->items[i]);
		if (!argv[i])
			return -ENOMEM;
	}
	return 0;
}

static int fill_order(struct command_order *order, const struct act_on *on,
		      const struct target_thread *target)
{
	int err;

	order->record = *on->record;
	order->timeout_ns = on->exec_timeout_ns;
	order->quiet = on->quiet;
	if (on->unit)
		order->unit = *on->unit;
	order->engine = strdup(on->engine);
	order->rule = on->rule ? strdup(on->rule) : NULL;
	order->cgroup = on->cgroup ? strdup(on->cgroup) : NULL;
	order->env = calloc(ENV_MAX, sizeof(*order->env));
	if (!order->engine || (on->rule && !order->rule) || (on->cgroup && !order->cgroup) ||
	    !order->env)
		return -ENOMEM;
	err = copy_list(&on->stage->exec, &order->argv);
	if (!err)
		err = fill_env(order->env, on, target);
	if (!err)
		err = make_input(on, &order->input_fd);
	if (!err && target) {
		order->pidfd = fcntl(target->pidfd, F_DUPFD_CLOEXEC, COMMAND_PIDFD + 1);
		if (order->pidfd < 0)
			err = -errno;
	}
	return err;
}

static void perform(struct actions *actions, const struct act_on *on,
		    const struct target_thread *target, struct action_result *ret_result)
{
	const char *path = on->stage->exec.items[0];
	struct command_order *order;
	int err;

	if (act_is_shadow(on)) {
		if (access(path, X_OK))
			maze_fail(&ret_result->text, -errno,
				  "shadow: could not have run %.256s: %s", path, strerror(errno));
		else
			maze_fail(&ret_result->text, 0, "shadow: would have run %.256s", path);
		return;
	}
	order = calloc(1, sizeof(*order));
	if (!order) {
		maze_fail(&ret_result->text, -ENOMEM, "could not run %.256s: out of memory", path);
		return;
	}
	order->input_fd = -1;
	order->pidfd = -1;
	err = fill_order(order, on, target);
	if (err) {
		maze_fail(&ret_result->text, err, "could not run %.256s: %s", path, strerror(-err));
		command_order_free(order);
		return;
	}
	commands_add(actions->commands, order);
	ret_result->logged = true;
}

const struct action action_exec = {
	.name = "exec",
	.wanted = wanted,
	.needs_no_target = true,
	.perform = perform,
};
