/* SPDX-License-Identifier: GPL-2.0-only */
/* A skip with its reason, which scripts/run-unit puts into the TAP line. */
#ifndef MAZE_TEST_SKIP_H
#define MAZE_TEST_SKIP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The format is a literal. */
#define skip_because(...)                                                                          \
	do {                                                                                       \
		print_message("# skipped: " __VA_ARGS__);                                          \
		print_message("\n");                                                               \
		skip();                                                                            \
	} while (0)

#endif
