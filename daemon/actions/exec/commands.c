/* SPDX-License-Identifier: GPL-2.0-only */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "../../../base/error.h"
#include "../../../base/clock.h"

/* After SIGTERM, the default grace time lets a command write a file and exit. */
#define GRACE_DEFAULT_NS (2 * MAZE_NSEC_PER_SEC)
/* The time that mazed waits for killed processes, which usually end in milliseconds. */
#define CLOSE_NS MAZE_NSEC_PER_SEC
#define CLOSE_STEP_NS 1000000

struct commands {
	struct command_host host;
	struct command_groups groups;
	struct command *running[COMMANDS_RUNNING_MAX]; /* NULL: free */
	unsigned int running_count;
	struct command_order *waiting[COMMANDS_WAITING_MAX]; /* a ring */
	unsigned int first, waiting_count;
	maze_u64 dropped;	      /* since the queue was last empty */
	struct maze_error no_cgroups; /* why commands have none; "": they have, or it is logged */
};

/* Called when the queue is empty. The log already has the first drop. */
static void report_dropped(struct commands *commands)
{
	if (commands->dropped > 1)
		log_printf(commands->host.log, LOG_WARNING,
			   "exec: %llu commands were not run: the queue was full",
			   commands->dropped);
	commands->dropped = 0;
}

static struct command_order *pop_first(struct commands *commands)
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
		/* If a command cannot be started, the next command gets its slot. */
		while (!commands->running[i] && commands->waiting_count) {
			if (command_start(&commands->host, pop_first(commands), &command))
				continue;
			commands->running[i] = command;
			commands->running_count++;
		}
	}
	if (!commands->waiting_count)
		report_dropped(commands);
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

	snprintf(text, sizeof(text), "did not run %.256s: %u commands run and %u are queued",
		 order->argv[0], commands->running_count, commands->waiting_count);
	/* Log the first drop even if the rule's log limit is exceeded. */
	order->quiet = false;
	if (!commands->dropped++)
		command_order_report(commands->host.log, order, false, text);
	command_order_free(order);
}

/* Logs this at the first command, because most rules have none. */
static void report_cgroups(struct commands *commands)
{
	if (!commands->no_cgroups.text[0])
		return;
	log_printf(commands->host.log, LOG_INFO,
		   "exec: commands have no cgroups, so a process that leaves its process group "
		   "outlives its command: %s",
		   commands->no_cgroups.text);
	commands->no_cgroups.text[0] = '\0';
}

void commands_add(struct commands *commands, struct command_order *order)
{
	report_cgroups(commands);
	if (commands->waiting_count == COMMANDS_WAITING_MAX) {
		drop(commands, order);
		return;
	}
	command_order_begins(commands->host.log, order);
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
		/* Commands run without cgroups, unless the user has named a cgroup. */
		if (settings->cgroup) {
			free(commands);
			return maze_fail(error, -ENOENT, "%s", why.text);
		}
		commands->no_cgroups = why;
	}
	*ret_commands = commands;
	return 0;
}

/* The caller has killed all commands. Returns false if a command still has processes. */
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
			   "exec: %u command%s not run: mazed ends", commands->waiting_count,
			   commands->waiting_count == 1 ? "" : "s");
	while (commands->waiting_count)
		command_order_free(pop_first(commands));
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
