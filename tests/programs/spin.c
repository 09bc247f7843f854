/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spins: for ever, or --for-ms of its own CPU time and then ends with 0; --until EVENT:
 * until the suite's file of records has one.
 * --ignore: ignores SIGXCPU; --fifo: as a real-time task.
 */
#include "program.h"

#include <signal.h>

static bool is_recorded(const char *event)
{
	static char text[1 << 16];
	char wanted[64];
	const char *path = getenv(ACCOUNT_EVENTS);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	snprintf(wanted, sizeof(wanted), "\"event\":\"%s\"", event);
	return strstr(text, wanted) != NULL;
}

int main(int argc, char **argv)
{
	struct sched_param low = { .sched_priority = 1 };
	long for_ms = number_option(argc, argv, "--for-ms", 0);
	const char *until = text_option(argc, argv, "--until");

	begin(argc, argv);
	if (has_option(argc, argv, "--ignore"))
		signal(SIGXCPU, SIG_IGN);
	if (has_option(argc, argv, "--fifo") && sched_setscheduler(0, SCHED_FIFO, &low)) {
		perror("no real-time class here");
		return 77;
	}
	if (for_ms) {
		burn_ms(for_ms);
		return 0;
	}
	while (!until || !is_recorded(until))
		spin_on();
	return 0;
}
