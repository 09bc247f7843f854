/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `why` prints an incident about a process that runs now. */
#include "command.h"
#include "evidence/look.h"
#include "report/incident_file.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DEFAULT_NS (2 * MAZE_NSEC_PER_SEC)

static int parse_duration(const struct command *command, const struct options *options,
			  maze_u64 *ret_ns)
{
	struct maze_error error = { "" };

	*ret_ns = DEFAULT_NS;
	if (!options->duration)
		return 0;
	if (maze_duration_parse(options->duration, ret_ns, &error))
		return usage_error(command, "--for: %s", error.text);
	if (*ret_ns < LOOK_MIN_NS || *ret_ns > LOOK_MAX_NS)
		return usage_error(command, "--for: \"%s\" is not within 100ms to 60s",
				   options->duration);
	return 0;
}

/* SIGINT becomes readable, until stop_close(). Returns a descriptor, or -1. */
static int stop_open(sigset_t *ret_before)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, ret_before);
	return signalfd(-1, &mask, SFD_CLOEXEC);
}

static void stop_close(int fd, const sigset_t *before)
{
	if (fd >= 0)
		close(fd);
	sigprocmask(SIG_SETMASK, before, NULL);
}

static int look(const struct command *command, const struct options *options,
		struct look_request *request)
{
	struct maze_error error = { "" };
	struct incident *incident;
	sigset_t before;
	char *json;
	int err, status;

	request->stop_fd = stop_open(&before);
	err = look_take(request, &json, &error);
	stop_close(request->stop_fd, &before);
	if (!err) {
		err = incident_parse(json, strlen(json), &incident, &error);
		free(json);
	}
	if (err) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	status = print_incident(command, options, incident);
	incident_free(incident);
	return status;
}

int cmd_why(const struct command *command, struct options *options, int argc, char **argv)
{
	struct look_request request = { 0 };
	struct maze_error error = { "" };
	int status = 0;
	pid_t id;

	if (argc != 1)
		return usage_error(command, "give one PID or TID");
	status = id_parse(command, "PID", argv[0], &id);
	if (!status)
		status = parse_duration(command, options, &request.for_ns);
	if (!status)
		status = check_formats(command, options);
	if (status)
		return status;
	if (maze_thread_owner(id, &request.pid, &error)) {
		print_error(command, "no process or thread has the ID %d", (int)id);
		return EXIT_MAZE_FAILED;
	}
	if (id != request.pid)
		request.tid = id;
	return look(command, options, &request);
}
