/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `record` writes a trace for `replay`. */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../lib/schedule.h"

/* The ring has room for the events of some seconds. */
#define WRITE_EVERY_NS (50 * MAZE_NSEC_PER_MSEC)

static int parse_duration(const struct command *command, const struct options *options,
			  maze_u64 *ret_ns)
{
	struct maze_error error = { "" };

	*ret_ns = MAZE_LIMIT_MAX_NS;
	if (!options->duration)
		return 0;
	if (maze_duration_parse(options->duration, ret_ns, &error))
		return usage_error(command, "--for: %s", error.text);
	if (!*ret_ns || *ret_ns > MAZE_LIMIT_MAX_NS)
		return usage_error(command, "--for: \"%s\" is not above 0 and up to 366 days",
				   options->duration);
	return 0;
}

static int record(const struct command *command, FILE *out, maze_u64 duration_ns,
		  const sigset_t *ends)
{
	const struct timespec pause = { .tv_nsec = WRITE_EVERY_NS };
	maze_u64 end_ns = now_ns(CLOCK_BOOTTIME) + duration_ns;
	struct maze_error error = { "" };
	struct schedule_totals totals;
	struct schedule *schedule;
	int err = schedule_open(out, &schedule, &error);

	if (err) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	if (!schedule_sees_yields(schedule))
		print_error(command, "this kernel has no event of sched_yield, or tracefs is not "
				     "mounted: yields are not in the trace");
	while (!err && now_ns(CLOCK_BOOTTIME) < end_ns && sigtimedwait(ends, NULL, &pause) < 0)
		err = schedule_write(schedule, &error);
	if (!err)
		err = schedule_stop(schedule, &error);
	totals = schedule_totals(schedule);
	schedule_close(schedule);
	if (err) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	print_error(command, "%llu switches, %llu events lost", totals.switches, totals.lost);
	return EXIT_MAZE_OK;
}

int cmd_record(const struct command *command, struct options *options, int argc, char **argv)
{
	maze_u64 duration_ns;
	int status = parse_duration(command, options, &duration_ns);
	sigset_t ends;
	FILE *out;

	(void)argc;
	(void)argv;
	if (status)
		return status;
	if (!options->out)
		return usage_error(command, "give the file of the trace with --out");
	/* Before the file is there: a signal that comes early ends the recording too. */
	block_end_signals(&ends);
	out = fopen(options->out, "we");
	if (!out) {
		print_error(command, "cannot create %s: %s", options->out, strerror(errno));
		return EXIT_MAZE_FAILED;
	}
	status = record(command, out, duration_ns, &ends);
	if (fclose(out) && status == EXIT_MAZE_OK) {
		print_error(command, "cannot write %s: %s", options->out, strerror(errno));
		status = EXIT_MAZE_FAILED;
	}
	return status;
}
