/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `top` shows the watched threads nearest to their limits, on a terminal
 * until it ends, or once as text, or as JSON lines.
 */
#include "top.h"

#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/standard_streams.h"
#include "session.h"
#include "terminal.h"

/* Between the two readings of --once, which give %CPU. */
#define ONCE_MS 300
/* Records draw the screen no more often than that. */
#define RECORDS_PAUSE_NS (MAZE_NSEC_PER_SEC / 10)

/* ---- the state ---------------------------------------------------------------------- */

void top_rearrange(struct top *top)
{
	if (top_view_update(&top->view, &top->data.rows))
		maze_fail(&top->message, 0, "out of memory");
}

int top_refresh(struct top *top)
{
	struct maze_error error = { "" };
	int err;

	err = top_data_refresh(&top->data, &error);
	top->failure = error;
	/* The rows have moved, even if the list could not be read. */
	top_rearrange(top);
	return err;
}

const struct maze_record *top_verdict(const struct top *top, size_t back)
{
	size_t newer = top->paused ? top->data.records_count - top->records_shown : 0;

	return top_data_record(&top->data, back + newer);
}

/* A file stays open for each row. Commands in the pager need no limit of their own. */
static void raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* ---- on a terminal ------------------------------------------------------------------ */

enum { FD_TERMINAL, FD_SIGNALS, FD_RECORDS, FDS };

static int milliseconds_until(maze_u64 at)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);

	/* Rounded up, so that the time has come after the wait. */
	return at > now ? (int)((at - now) / MAZE_NSEC_PER_MSEC) + 1 : 0;
}

/* A terminal that is gone is at its end, or has an error. */
static bool is_gone(const struct pollfd *terminal)
{
	int bytes = 0;

	return terminal->revents & (POLLHUP | POLLERR | POLLNVAL) ||
	       (terminal->revents & POLLIN && !ioctl(terminal->fd, FIONREAD, &bytes) && !bytes);
}

/* Ctrl-C that was meant for a command in the pager does not end maze top. */
static bool signal_ends(int fd, bool ignore_interrupt)
{
	struct signalfd_siginfo info;
	bool ends = false;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		ends |= !(ignore_interrupt && info.ssi_signo == SIGINT);
	return ends;
}

static void read_keys(struct top *top, int signals)
{
	int key;

	while (!top->ended && (key = getch()) != ERR) {
		top->returned = false;
		top_key(top, key);
		if (top->returned && signal_ends(signals, true))
			top->ended = true;
	}
}

/*
 * Waits for keys, signals, records, and the time of the next refresh, and performs keys.
 * Until `records_at`, records wait. Returns true if there are records.
 */
static bool wait_and_read(struct top *top, int signals, maze_u64 next, maze_u64 records_at)
{
	bool early = now_ns(CLOCK_MONOTONIC) < records_at;
	struct pollfd fds[FDS] = {
		[FD_TERMINAL] = { .fd = STDIN_FILENO, .events = POLLIN },
		[FD_SIGNALS] = { .fd = signals, .events = POLLIN },
		[FD_RECORDS] = { .fd = early ? -1 : top_data_fd(&top->data), .events = POLLIN },
	};

	poll(fds, FDS,
	     sooner(early ? milliseconds_until(records_at) : -1,
		    top->due	  ? 0
		    : top->paused ? -1
				  : milliseconds_until(next)));
	if ((fds[FD_SIGNALS].revents && signal_ends(signals, false)) || is_gone(&fds[FD_TERMINAL]))
		top->ended = true;
	else
		read_keys(top, signals);
	return fds[FD_RECORDS].revents;
}

static void follow(struct top *top, int signals)
{
	maze_u64 next = 0, records_at = 0, now;
	bool more = true;

	while (!top->ended) {
		now = now_ns(CLOCK_MONOTONIC);
		if (top->due || (!top->paused && now >= next)) {
			top_refresh(top);
			next = now + top->interval_ns;
			top->due = false;
			more = true;
		}
		if (more && now >= records_at) {
			more = top_data_read_records(&top->data);
			records_at = now + RECORDS_PAUSE_NS;
		}
		top_screen_draw(top);
		more |= wait_and_read(top, signals, next, records_at);
	}
}

static int show_on_terminal(struct top *top)
{
	sigset_t mask;
	int signals, status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return usage_error(
			top->command,
			"standard input or output is not a terminal; use --once or --json");
	block_end_signals(&mask);
	signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	status = top_screen_open(top);
	if (!status) {
		follow(top, signals);
		top_act_cancel(top);
		top_screen_close();
	}
	close(signals);
	return status;
}

/* ---- for scripts -------------------------------------------------------------------- */

/* The rows of the terminal, or all lines if there is none. */
static size_t lines_of_screen(void)
{
	struct winsize size = { 0 };

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row ? size.ws_row : SIZE_MAX;
}

static void write_text(struct top *top)
{
	size_t rows = lines_of_screen(), i;
	struct top_view *view = &top->view;
	bool bold;

	terminal_query(&top->layout.terminal, &bold);
	top->layout.engine = top->data.machine.engine;
	top->layout.now_ns = now_ns(CLOCK_BOOTTIME);
	/* The lines of the machine and the heading, and one for the prompt of the shell. */
	rows = rows > 4 ? rows - 3 : 1;
	if (rows > view->count)
		rows = view->count;
	top_layout_fit(&top->layout, view->lines, rows);
	top_write_machine(&top->layout, &top->data.machine, stdout);
	putchar('\n');
	top_write_header(&top->layout, stdout);
	putchar('\n');
	for (i = 0; i < rows; i++) {
		top_write_line(&top->layout, &view->lines[i], stdout);
		putchar('\n');
	}
}

/* Returns false if the reader of standard output has exited. */
static bool wait_for(int ms)
{
	struct pollfd out = { .fd = STDOUT_FILENO };
	maze_u64 end = now_ns(CLOCK_MONOTONIC) + (maze_u64)ms * MAZE_NSEC_PER_MSEC;

	while (poll(&out, 1, milliseconds_until(end)) < 0 && errno == EINTR)
		;
	return !(out.revents & (POLLERR | POLLHUP));
}

static int refresh_or_fail(struct top *top)
{
	int err = top_refresh(top);

	if (err)
		print_error(top->command, "%s", top->failure.text);
	return err ? EXIT_MAZE_FAILED : 0;
}

static int write_for_script(struct top *top)
{
	int ms = (int)(top->interval_ns / MAZE_NSEC_PER_MSEC), status = refresh_or_fail(top);

	while (!status) {
		while (top_data_read_records(&top->data))
			;
		if (!wait_for(top->options->once ? ONCE_MS : ms))
			return standard_output_fail(), EXIT_MAZE_FAILED;
		status = refresh_or_fail(top);
		if (status)
			break;
		if (top->options->json)
			top_json_write(top, stdout);
		else
			write_text(top);
		if (top->options->once || fflush(stdout))
			break;
	}
	return status;
}

static int parse(struct top *top)
{
	const struct options *options = top->options;
	struct maze_error error = { "" };

	top->interval_ns = MAZE_NSEC_PER_SEC;
	if (options->interval && maze_duration_parse(options->interval, &top->interval_ns, &error))
		return usage_error(top->command, "--interval: %s", error.text);
	if (top->interval_ns < TOP_INTERVAL_MIN || top->interval_ns > TOP_INTERVAL_MAX)
		return usage_error(top->command, "--interval: \"%s\" is not within 100ms to 1h",
				   options->interval);
	if (options->sort && !top_sort_parse(options->sort, &top->view.sort))
		return usage_error(
			top->command,
			"--sort: unknown order \"%s\"; use limit, count, cpu, pid, name, "
			"user, unit, rule or verdict",
			options->sort);
	if (options->filter && strlen(options->filter) >= TOP_FILTER_LEN)
		return usage_error(top->command, "--filter: longer than %d bytes",
				   TOP_FILTER_LEN - 1);
	snprintf(top->view.filter, sizeof(top->view.filter), "%s",
		 options->filter ? options->filter : "");
	return 0;
}

int cmd_top(const struct command *command, struct options *options, int argc, char **argv)
{
	static struct top top;
	int status;

	(void)argc;
	(void)argv;
	top.command = top.data.command = command;
	top.options = top.data.options = options;
	top.target.pidfd = -1;
	status = parse(&top);
	if (status)
		return status;
	raise_limit();
	status = options->once || options->json ? write_for_script(&top) : show_on_terminal(&top);
	top_view_free(&top.view);
	top_data_close(&top.data);
	return status;
}
