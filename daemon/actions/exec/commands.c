/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See commands.h.
 */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "../../../base/error.h"
#include "../../../base/clock.h"

/* Enough to write a file and to go; a command that needs more has had its time. */
#define GRACE_DEFAULT_NS (2 * MAZE_NSEC_PER_SEC)
/* Killed ones are gone in milliseconds; what is not by then will not be. */
#define CLOSE_NS MAZE_NSEC_PER_SEC
#define CLOSE_STEP_NS 1000000

struct commands {
	struct command_host host;
	struct command_groups groups;
	struct command *running[COMMANDS_RUNNING_MAX]; /* NULL: a free place */
	unsigned int running_count;
	struct command_order *waiting[COMMANDS_WAITING_MAX]; /* a ring */
	unsigned int first, waiting_count;
	maze_u64 dropped; /* since the queue was last empty */
};

/* Once the queue is empty again; the first of them was said at once. */
static void say_dropped(struct commands *commands)
{
	if (commands->dropped > 1)
		log_printf(commands->host.log, LOG_WARNING,
			   "exec: %llu commands in all were not run, because too many were waiting",
			   commands->dropped);
	commands->dropped = 0;
}

static struct command_order *take_first(struct commands *commands)
{
	struct command_order *order = commands->waiting[commands->first];

	commands->first = (commands->first + 1) % COMMANDS_WAITING_MAX;
	commands->waiting_count--;
	return order;
}

static void start_waiting(struct commands *commands)
{
	struct command *command;
	unsigned int i;

	for (i = 0; i < COMMANDS_RUNNING_MAX; i++) {
		/* One that could not be started leaves its place to the next. */
		while (!commands->running[i] && commands->waiting_count) {
			if (command_start(&commands->host, take_first(commands), &command))
				continue;
			commands->running[i] = command;
			commands->running_count++;
		}
	}
	if (!commands->waiting_count)
		say_dropped(commands);
}

static void on_done(void *userdata, void *command)
{
	struct commands *commands = userdata;
	unsigned int i;

	for (i = 0; i < COMMANDS_RUNNING_MAX; i++) {
		if (commands->running[i] == command) {
			commands->running[i] = NULL;
			commands->running_count--;
		}
	}
	command_free(command);
	start_waiting(commands);
}

static void drop(struct commands *commands, struct command_order *order)
{
	char text[512];

	snprintf(text, sizeof(text), "did not run %.256s: %u commands run, and %u wait already",
		 order->argv[0], commands->running_count, commands->waiting_count);
	/* The first is said whatever its rule's limit: it is a loss. */
	order->quiet = false;
	if (!commands->dropped++)
		command_order_say(commands->host.log, order, false, text);
	command_order_free(order);
}

void commands_add(struct commands *commands, struct command_order *order)
{
	if (commands->waiting_count == COMMANDS_WAITING_MAX) {
		drop(commands, order);
		return;
	}
	commands->waiting[(commands->first + commands->waiting_count++) % COMMANDS_WAITING_MAX] =
		order;
	start_waiting(commands);
}

void commands_count(const struct commands *commands, unsigned int *ret_running,
		    unsigned int *ret_waiting)
{
	*ret_running = commands->running_count;
	*ret_waiting = commands->waiting_count;
}

int commands_open(const struct commands_settings *settings, struct commands **ret_commands,
		  struct maze_error *error)
{
	struct commands *commands = calloc(1, sizeof(*commands));
	struct maze_error why = { "" };

	if (!commands)
		return maze_fail(error, -ENOMEM, "out of memory");
	commands->host = (struct command_host){
		.event = settings->event,
		.log = settings->log,
		.groups = &commands->groups,
		.grace_ns = settings->grace_ns ? settings->grace_ns : GRACE_DEFAULT_NS,
		.done = on_done,
		.userdata = commands,
	};
	if (command_groups_open(&commands->groups, settings->cgroups, settings->cgroup, &why)) {
		/* A place that was asked for must be there; mazed's own may not. */
		if (settings->cgroup) {
			free(commands);
			return maze_fail(error, -ENOENT, "%s", why.text);
		}
		log_printf(settings->log, LOG_INFO,
			   "exec: commands get no control groups, so what leaves its process group "
			   "outlives its command: %s",
			   why.text);
	}
	*ret_commands = commands;
	return 0;
}

/* They are killed already; false: one is still there. */
static bool are_over(struct commands *commands)
{
	bool over = true;
	unsigned int i;

	for (i = 0; i < COMMANDS_RUNNING_MAX; i++)
		if (commands->running[i] && !command_is_over(commands->running[i]))
			over = false;
	return over;
}

void commands_close(struct commands *commands)
{
	struct timespec step = { .tv_nsec = CLOSE_STEP_NS };
	maze_u64 until_ns = now_ns(CLOCK_MONOTONIC) + CLOSE_NS;
	unsigned int i;

	if (!commands)
		return;
	if (commands->waiting_count)
		log_printf(commands->host.log, LOG_WARNING,
			   "exec: %u commands were not run, because mazed ends",
			   commands->waiting_count);
	while (commands->waiting_count)
		command_order_free(take_first(commands));
	for (i = 0; i < COMMANDS_RUNNING_MAX; i++)
		if (commands->running[i])
			command_kill(commands->running[i]);
	while (!are_over(commands) && now_ns(CLOCK_MONOTONIC) < until_ns)
		nanosleep(&step, NULL);
	for (i = 0; i < COMMANDS_RUNNING_MAX; i++)
		command_free(commands->running[i]);
	command_groups_close(&commands->groups);
	free(commands);
}
