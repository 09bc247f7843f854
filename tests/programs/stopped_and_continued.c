/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Works --work-ms, stops itself, and is continued by its child, for --rounds rounds. A
 * stopped task is off the CPU and not runnable.
 */
#include "program.h"

#include <signal.h>
#include <sys/wait.h>

static bool is_stopped(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		_exit(0);
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'T';
}

static void keep_going(pid_t parent)
{
	bound_life();
	account_begin();
	while (getppid() == parent) {
		/* /proc shows "stopped" a moment before it leaves the CPU: wait for that. */
		sleep_ms(5);
		if (is_stopped(parent)) {
			sleep_ms(5);
			kill(parent, SIGCONT);
		}
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	long work_ms = number_option(argc, argv, "--work-ms", 50);
	long rounds = number_option(argc, argv, "--rounds", 10);
	pid_t parent = getpid(), child;

	begin(argc, argv);
	child = fork();
	if (child < 0)
		return 1;
	if (!child)
		keep_going(parent);
	while (rounds-- > 0) {
		burn_ms(work_ms);
		raise(SIGSTOP);
		account_look();
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
