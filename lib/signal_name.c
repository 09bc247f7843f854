/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses and formats signals by their names in signal(7). */
#include "maze.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/error.h"

static const struct {
	const char *name;
	int number;
} names[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },	      { "QUIT", SIGQUIT }, { "ILL", SIGILL },
	{ "TRAP", SIGTRAP }, { "ABRT", SIGABRT },     { "BUS", SIGBUS },   { "FPE", SIGFPE },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 },     { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM },     { "TERM", SIGTERM }, { "STKFLT", SIGSTKFLT },
	{ "CHLD", SIGCHLD }, { "CONT", SIGCONT },     { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },     { "URG", SIGURG },   { "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
	{ "IO", SIGIO },     { "PWR", SIGPWR },	      { "SYS", SIGSYS },   { "IOT", SIGIOT },
	{ "POLL", SIGPOLL }, { "CLD", SIGCHLD },
};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Returns a number of at most three digits. -1: the text is no such number. */
static int small_number(const char *text)
{
	int value = 0;
	size_t i;

	for (i = 0; text[i]; i++) {
		if (!isdigit((unsigned char)text[i]) || i == 3)
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return i ? value : -1;
}

/* Returns the signal for "RTMIN", "RTMIN+3" or "RTMAX-2", or 0 for other names. */
static int realtime(const char *name)
{
	bool from_min = !strncasecmp(name, "RTMIN", 5), from_max = !strncasecmp(name, "RTMAX", 5);
	int base = from_min ? SIGRTMIN : SIGRTMAX, offset = 0;

	if (!from_min && !from_max)
		return 0;
	if (name[5]) {
		if (name[5] != (from_min ? '+' : '-'))
			return 0;
		offset = small_number(name + 6);
		if (offset < 0)
			return 0;
	}
	base += from_min ? offset : -offset;
	return base >= SIGRTMIN && base <= SIGRTMAX ? base : 0;
}

int maze_signal_parse(const char *text, int *ret_signal, struct maze_error *error)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	int number = small_number(text);
	size_t i;

	if (!strcasecmp(text, "none"))
		number = 0;
	for (i = 0; number < 0 && i < NAMES; i++)
		if (!strcasecmp(name, names[i].name))
			number = names[i].number;
	if (number < 0 && realtime(name))
		number = realtime(name);
	if (number < 0 || number > MAZE_SIGNAL_MAX)
		return maze_fail(
			error, -EINVAL,
			"invalid signal \"%s\"; give a name of signal(7) such as TERM, a number "
			"from 1 to %d, or 0 for none",
			text, MAZE_SIGNAL_MAX);
	*ret_signal = number;
	return 0;
}

const char *maze_signal_format(int signal, char *buf, size_t size)
{
	size_t i;

	if (!signal) {
		snprintf(buf, size, "none");
		return buf;
	}
	for (i = 0; i < NAMES; i++) {
		if (names[i].number == signal) {
			snprintf(buf, size, "SIG%s", names[i].name);
			return buf;
		}
	}
	if (signal == SIGRTMIN)
		snprintf(buf, size, "SIGRTMIN");
	else if (signal > SIGRTMIN && signal <= SIGRTMAX)
		snprintf(buf, size, "SIGRTMIN+%d", signal - SIGRTMIN);
	else
		snprintf(buf, size, "%d", signal);
	return buf;
}
