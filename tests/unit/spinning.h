/* SPDX-License-Identifier: GPL-2.0-only */
/* A child that spins, for tests that load an engine themselves. */
#ifndef MAZE_TEST_SPINNING_H
#define MAZE_TEST_SPINNING_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "bounds.h"

/* The child spins once its standard input, `go`, has ended. */
static inline pid_t start_spinning(int go)
{
	pid_t pid = fork();
	char byte;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	bound_child();
	dup2(go, STDIN_FILENO);
	/* Or the engine's links would live as long as we. */
	close_range(3, ~0U, 0);
	if (read(STDIN_FILENO, &byte, 1))
		_exit(1);
	for (;;)
		;
}

#endif
