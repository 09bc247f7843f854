/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a runaway thread achieved after its first verdict, by counters of the kernel. Each
 * number is a key of `progress` in an incident file.
 */
#ifndef MAZE_LIB_PROGRESS_H
#define MAZE_LIB_PROGRESS_H

/* In the order of the keys. */
enum progress_number {
	/* Differences of counters of the thread. */
	PROGRESS_CPU_NS,
	PROGRESS_READ_BYTES,
	PROGRESS_WRITTEN_BYTES,
	PROGRESS_READ_CALLS,
	PROGRESS_WRITE_CALLS,
	PROGRESS_MINOR_FAULTS,
	PROGRESS_MAJOR_FAULTS,
	PROGRESS_VOLUNTARY_SWITCHES,
	PROGRESS_INVOLUNTARY_SWITCHES,
	PROGRESS_COUNTERS_,
	/* Of the process, at the begin and at the end. */
	PROGRESS_RESIDENT_BEFORE_BYTES = PROGRESS_COUNTERS_,
	PROGRESS_RESIDENT_BYTES,
	PROGRESS_NUMBERS_,
};
extern const char *const progress_keys[PROGRESS_NUMBERS_];

#endif
